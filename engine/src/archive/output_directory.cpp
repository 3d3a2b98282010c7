#include "archive/output_directory.hpp"

#include "archive/output_paths.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>
#include <string>
#include <system_error>

namespace gantry::archive {
namespace {

namespace fs = std::filesystem;

constexpr const char* lock_name = ".lock";

/// Whether everything in \p directory belongs to an OCI image layout, or there is nothing in it. What tools leave beside it may be
/// somebody's work: it is not for us to remove.
result<bool> replaceable(const fs::path& directory) {
  std::error_code ec;
  bool anything = false;
  bool marker = false;
  bool foreign = false;
  for (fs::directory_iterator one(directory, ec); !ec && one != fs::directory_iterator(); one.increment(ec)) {
    const std::string name = one->path().filename().string();
    anything = true;
    marker = marker || name == "oci-layout";
    foreign = foreign || (name != "oci-layout" && name != "index.json" && name != "blobs");
  }
  if (ec) return system_failure(ec.value(), "cannot list", directory.string());
  return !anything || (marker && !foreign);
}

result<fs::path> checked_directory(const fs::path& given) {
  fs::path path = given.lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  // Before links are followed: those of /proc/self/fd need not name a path.
  std::error_code ec;
  const fs::file_status present = fs::status(path, ec);
  if (fs::exists(present) && !fs::is_directory(present)) {
    return failure(
        errc::invalid_option,
        fmt::format("cannot write {}: a file of that name is there; an OCI layout is a directory; give it a new name", given.string()));
  }
  const result<fs::path> target = resolve_output(path);
  if (!target || !fs::exists(present)) return target;
  const result<bool> fine = replaceable(*target);
  if (!fine) return fine.error();
  if (!*fine) {
    return failure(errc::invalid_option,
                   fmt::format("cannot write {}: the directory holds other things than an OCI layout; give it a new name", given.string()));
  }
  return target;
}

/// Removes what is in \p directory, apart from the lock.
void empty(const fs::path& directory) {
  std::error_code ec;
  for (fs::directory_iterator one(directory, ec); !ec && one != fs::directory_iterator(); one.increment(ec)) {
    std::error_code ignored;
    if (one->path().filename() != lock_name) fs::remove_all(one->path(), ignored);
  }
}

/// Whether what has the name of a part is a directory that this user has left there: all that is in it will be removed.
bool is_own_directory(const fs::path& part) {
  struct stat about {};
  return ::lstat(part.c_str(), &about) == 0 && S_ISDIR(about.st_mode) && about.st_uid == ::geteuid();
}

result<runtime::file> create_directory_part(const fs::path& target, const fs::path& part) {
  for (int round = 0; round < claim_rounds; ++round) {
    const bool made = ::mkdir(part.c_str(), 0777) == 0;
    if (!made && errno != EEXIST) return system_failure(errno, "cannot write", target.string());
    if (!made && !is_own_directory(part)) {
      if (std::error_code gone; fs::symlink_status(part, gone).type() == fs::file_type::not_found) continue;
      return failure(errc::access_denied,
                     fmt::format("cannot write {}: {} is there and no directory of yours; remove it", target.string(), part.string()));
    }
    const int descriptor = ::open((part / lock_name).c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (descriptor < 0) {
      if (errno == ENOENT) continue;
      return system_failure(errno, "cannot replace the unfinished", part.string());
    }
    runtime::file opened(descriptor, target);
    if (const result<void> ours = claim_part(opened, target); !ours) return ours.error();
    if (!names_it(part / lock_name, descriptor)) continue;
    empty(part);
    return opened;
  }
  return never_claimed(target);
}

/// Gives \p part the name of \p target, which is a directory, and \p part its content. \returns whether that can be done in one step here.
bool exchange(const fs::path& part, const fs::path& target) {
#ifdef RENAME_EXCHANGE
  return ::renameat2(AT_FDCWD, part.c_str(), AT_FDCWD, target.c_str(), RENAME_EXCHANGE) == 0;
#else
  return false;
#endif
}

}  // namespace

result<output_directory> output_directory::create(const fs::path& path, std::uint64_t expected_size) {
  result<fs::path> target = checked_directory(path);
  if (!target) return target.error();
  const fs::path part = part_of(*target);
  result<runtime::file> lock = create_directory_part(*target, part);
  if (!lock) return lock.error();
  struct stat about {};
  const unsigned permissions = ::fstat(lock->descriptor(), &about) == 0 ? about.st_mode & 0777u : 0u;
  output_directory created(std::move(*target), part, std::move(*lock), permissions);
  if (std::optional<failure> lack = lack_of_space(created.path(), expected_size)) return std::move(*lack);
  return created;
}

result<void> output_directory::check(const fs::path& path) {
  const result<fs::path> target = checked_directory(path);
  return target ? result<void>() : target.error();
}

output_directory& output_directory::operator=(output_directory&& other) noexcept {
  if (this != &other) {
    abandon();
    path_ = std::move(other.path_);
    part_ = std::move(other.part_);
    lock_ = std::move(other.lock_);
    permissions_ = other.permissions_;
  }
  return *this;
}

output_directory::~output_directory() { abandon(); }

result<void> output_directory::commit(bool sync) {
  // Somebody may have put something there meanwhile.
  std::error_code ec;
  const bool present = fs::exists(path_, ec);
  if (present) {
    const result<fs::path> still = checked_directory(path_);
    if (!still) return still.error();
  }
  if (const result<void> removed = runtime::remove_file(part_ / lock_name); !removed) return removed.error();
  if (!present || !exchange(part_, path_)) {
    if (present) fs::remove_all(path_, ec);
    if (const result<void> renamed = runtime::rename_file(part_, path_); !renamed) return renamed.error();
  } else {
    // What was replaced; that it is still there afterwards would be untidy, not wrong.
    fs::remove_all(part_, ec);
  }
  const result<void> closed = lock_.close();
  if (!closed) return closed.error();
  if (sync) return runtime::sync_directory(directory_of(path_));
  return {};
}

void output_directory::abandon() noexcept {
  if (!lock_.is_open()) return;
  std::error_code ignored;
  // Before the descriptor closes and with it the lock: afterwards the name may be somebody else's.
  if (names_it(part_ / lock_name, lock_.descriptor())) fs::remove_all(part_, ignored);
  lock_ = runtime::file();
}

}  // namespace gantry::archive
