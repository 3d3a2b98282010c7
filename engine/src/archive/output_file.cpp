#include "archive/output_file.hpp"

#include "base/format.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>
#include <system_error>

namespace gantry::archive {
namespace {

namespace fs = std::filesystem;

/// Another process may create, finish or remove its part between any two calls here; each round notices one such change.
constexpr int rounds = 16;

fs::path directory_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

/// The name that is going to be replaced, links resolved, after the checks that need no part.
result<fs::path> checked_target(const fs::path& path) {
  if (path.empty()) return failure(errc::invalid_option, "cannot write an archive without a file name");
  std::error_code ec;
  const bool is_link = fs::symlink_status(path, ec).type() == fs::file_type::symlink;
  // A name that is not there yet counts as an error of symlink_status.
  ec.clear();
  const fs::path target = is_link ? fs::weakly_canonical(path, ec) : path;
  if (ec) return system_failure(ec.value(), "cannot write", path.string());

  const fs::path directory = directory_of(target);
  const fs::file_status parent = fs::status(directory, ec);
  if (parent.type() == fs::file_type::not_found) {
    return failure(errc::file_not_found,
                   fmt::format("cannot write {}: the directory {} does not exist, create it first", path.string(), directory.string()));
  }
  if (ec) return system_failure(ec.value(), "cannot write", path.string());
  if (!fs::is_directory(parent)) {
    return failure(errc::file_not_found, fmt::format("cannot write {}: {} is not a directory", path.string(), directory.string()));
  }

  const fs::file_status present = fs::status(target, ec);
  if (fs::is_directory(present) || !target.has_filename()) {
    return failure(errc::invalid_option, fmt::format("cannot write {}: it is a directory, name a file in it", path.string()));
  }
  if (fs::exists(present) && !fs::is_regular_file(present)) {
    return failure(
        errc::invalid_option,
        fmt::format("cannot write {}: it is not a regular file and will not be replaced; use - for standard output", path.string()));
  }
  return target;
}

fs::path part_of(const fs::path& target) { return directory_of(target) / ("." + target.filename().string() + ".gantry-part"); }

/// Whether \p name still leads to the file that is open.
bool names_it(const fs::path& name, int descriptor) {
  struct stat by_name {};
  struct stat open {};
  return ::lstat(name.c_str(), &by_name) == 0 && ::fstat(descriptor, &open) == 0 && by_name.st_dev == open.st_dev &&
         by_name.st_ino == open.st_ino;
}

/// A part of our own, locked. The lock is on the file, so that it dies with the process; the name is made certain afterwards.
result<runtime::file> create_part(const fs::path& target, const fs::path& part) {
  for (int round = 0; round < rounds; ++round) {
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
    const result<runtime::lock_outcome> locked = opened.try_lock();
    if (!locked) return locked.error();
    if (*locked == runtime::lock_outcome::busy) {
      return failure(errc::in_use, fmt::format("cannot write {}: it is being written by another gantry", target.string()));
    }
    if (!names_it(part, descriptor)) continue;
    if (created) return opened;
    // Left by a process that died. Removed rather than emptied, so that mode and owner are those of a new file.
    if (const result<void> removed = runtime::remove_file(part); !removed) return removed.error();
  }
  return failure(errc::in_use, fmt::format("cannot write {}: other processes keep writing it", target.string()));
}

std::optional<failure> lack_of_space(const fs::path& target, std::uint64_t expected_size) {
  struct statvfs about {};
  // File systems that do not count blocks, and those that cannot be asked, are found out by writing.
  if (expected_size == 0 || ::statvfs(directory_of(target).c_str(), &about) != 0 || about.f_blocks == 0) return std::nullopt;
  const std::uint64_t free = static_cast<std::uint64_t>(about.f_bavail) * static_cast<std::uint64_t>(about.f_frsize);
  if (free >= expected_size) return std::nullopt;
  return failure(errc::no_space, fmt::format("cannot write {}: it needs {}, its file system has {} left", target.string(),
                                             format_bytes(expected_size), format_bytes(free)));
}

}  // namespace

result<output_file> output_file::create(const fs::path& path, std::uint64_t expected_size) {
  result<fs::path> target = checked_target(path);
  if (!target) return target.error();
  const fs::path part = part_of(*target);
  result<runtime::file> opened = create_part(*target, part);
  if (!opened) return opened.error();
  // After the part of a dead process was removed, since that gives space back.
  output_file created(std::move(*target), part, std::move(*opened));
  if (std::optional<failure> lack = lack_of_space(created.path(), expected_size)) return std::move(*lack);
  return created;
}

output_file& output_file::operator=(output_file&& other) noexcept {
  if (this != &other) {
    abandon();
    path_ = std::move(other.path_);
    part_ = std::move(other.part_);
    file_ = std::move(other.file_);
  }
  return *this;
}

output_file::~output_file() { abandon(); }

result<void> output_file::commit(bool sync) {
  if (sync) {
    if (const result<void> synced = file_.sync_data(); !synced) return synced.error();
  }
  // Network file systems report late write errors on close, yet a real close would give the lock away before the rename.
  const int twin = ::dup(file_.descriptor());
  if (twin < 0 || (::close(twin) != 0 && errno != EINTR)) return system_failure(errno, "cannot write", path_.string());
  if (const result<void> renamed = runtime::rename_file(part_, path_); !renamed) return renamed.error();
  // From here on the part has its final name; the descriptor must not remove it.
  const result<void> closed = file_.close();
  if (!closed) return closed.error();
  if (sync) return runtime::sync_directory(directory_of(path_));
  return {};
}

void output_file::abandon() noexcept {
  if (!file_.is_open()) return;
  // Before the descriptor closes and with it the lock: afterwards the name may be somebody else's.
  if (names_it(part_, file_.descriptor())) ::unlink(part_.c_str());
  file_ = runtime::file();
}

}  // namespace gantry::archive
