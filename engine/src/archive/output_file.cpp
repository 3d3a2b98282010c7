#include "archive/output_file.hpp"

#include "archive/output_paths.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <system_error>

namespace gantry::archive {
namespace {

namespace fs = std::filesystem;

/// The name that is going to be replaced, after the checks that need no part.
result<fs::path> checked_target(const fs::path& path) {
  result<fs::path> resolved = resolve_output(path);
  if (!resolved) return resolved;
  std::error_code ec;
  if (fs::is_directory(*resolved, ec) || !resolved->has_filename()) {
    return failure(errc::invalid_option, fmt::format("cannot write {}: it is a directory; name a file in it", path.string()));
  }
  return resolved;
}

fs::path journal_of(const fs::path& part) { return part.string() + ".journal"; }

/// Whether an earlier run of this user has left it there: in a directory for all, what another has laid out under that name could be
/// changed by its owner after the last look at it, and a second name of some file is not what it seems to be.
bool is_ours(int descriptor) {
  struct stat about {};
  return ::fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode) && about.st_uid == ::geteuid() && about.st_nlink == 1;
}

/// What the file system has given to the file already.
std::uint64_t bytes_allocated(int descriptor) {
  struct stat about {};
  constexpr std::uint64_t block = 512;  // of st_blocks, whatever the file system's own
  return ::fstat(descriptor, &about) == 0 ? static_cast<std::uint64_t>(about.st_blocks) * block : 0;
}

/// A part of our own, locked. The lock is on the file, so that it dies with the process; the name is made certain afterwards.
/// \param take_over whether the part of a process that died is kept as it is
result<runtime::file> create_part(const fs::path& target, const fs::path& part, bool take_over) {
  for (int round = 0; round < claim_rounds; ++round) {
    const int fresh = ::open(part.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    const int errno_value = errno;
    const bool created = fresh >= 0;
    if (!created && errno_value != EEXIST) return system_failure(errno_value, "cannot write", target.string());

    const int descriptor = created ? fresh : ::open(part.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (descriptor < 0) {
      if (errno == ENOENT) continue;
      return system_failure(errno, "cannot replace the unfinished", part.string());
    }
    runtime::file opened(descriptor, target);
    if (const result<void> ours = claim_part(opened, target); !ours) return ours.error();
    if (!names_it(part, descriptor)) continue;
    if (!created && take_over && is_ours(descriptor)) return opened;
    // Says nothing about this part, and names its content where it has one.
    if (const result<void> removed = runtime::remove_file(journal_of(part)); !removed) return removed.error();
    if (created) return opened;
    // Left by a process that died. Removed rather than emptied, so that mode and owner are those of a new file.
    if (const result<void> removed = runtime::remove_file(part); !removed) return removed.error();
  }
  return never_claimed(target);
}

}  // namespace

result<output_file> output_file::create(const fs::path& path, std::uint64_t expected_size) { return claim(path, expected_size, false); }

result<output_file> output_file::resume(const fs::path& path, std::uint64_t expected_size) { return claim(path, expected_size, true); }

result<output_file> output_file::claim(const fs::path& path, std::uint64_t expected_size, bool take_over) {
  result<fs::path> target = checked_target(path);
  if (!target) return target.error();
  const fs::path part = part_of(*target);
  result<runtime::file> opened = create_part(*target, part, take_over);
  if (!opened) return opened.error();
  // After the part of a dead process was removed, since that gives space back.
  output_file created(std::move(*target), part, std::move(*opened));
  const std::uint64_t needed = expected_size - std::min(expected_size, bytes_allocated(created.fd()));
  if (std::optional<failure> lack = lack_of_space(created.path(), needed)) {
    // What an earlier run has brought is of use once there is room.
    const result<std::uint64_t> brought = created.file().size();
    if (take_over && brought && *brought != 0) created.keep();
    return std::move(*lack);
  }
  return created;
}

output_file& output_file::operator=(output_file&& other) noexcept {
  if (this != &other) {
    abandon();
    path_ = std::move(other.path_);
    part_ = std::move(other.part_);
    file_ = std::move(other.file_);
    kept_ = other.kept_;
  }
  return *this;
}

output_file::~output_file() { abandon(); }

fs::path output_file::journal_path() const { return journal_of(part_); }

result<void> output_file::commit(bool sync) {
  if (sync) {
    if (const result<void> synced = file_.sync_data(); !synced) return synced.error();
  }
  // Network file systems report late write errors on close, yet a real close would give the lock away before the rename.
  const int twin = ::dup(file_.descriptor());
  if (twin < 0 || (::close(twin) != 0 && errno != EINTR)) return system_failure(errno, "cannot write", path_.string());
  if (const result<void> renamed = runtime::rename_file(part_, path_); !renamed) return renamed.error();
  // Before the lock goes: afterwards it may be somebody else's. One that cannot be removed is foreign to the next part of this name.
  [[maybe_unused]] const result<void> removed = runtime::remove_file(journal_path());
  // From here on the part has its final name; the descriptor must not remove it.
  const result<void> closed = file_.close();
  if (!closed) return closed.error();
  if (sync) return runtime::sync_directory(directory_of(path_));
  return {};
}

void output_file::abandon() noexcept {
  if (!file_.is_open()) return;
  // Before the descriptor closes and with it the lock: afterwards the name may be somebody else's.
  if (!kept_ && names_it(part_, file_.descriptor())) {
    ::unlink(journal_path().c_str());
    ::unlink(part_.c_str());
  }
  file_ = runtime::file();
}

}  // namespace gantry::archive
