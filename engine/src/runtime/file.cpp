#include "runtime/file.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <random>
#include <utility>

namespace gantry::runtime {
namespace {

int flags_of(open_mode mode) {
  switch (mode) {
    case open_mode::read:
      return O_RDONLY;
    case open_mode::update:
      return O_RDWR;
    case open_mode::create:
      return O_RDWR | O_CREAT;
    case open_mode::create_new:
      return O_RDWR | O_CREAT | O_EXCL;
    case open_mode::append:
      return O_WRONLY | O_CREAT | O_APPEND;
  }
  return O_RDONLY;
}

bool no_such_feature(int error) { return error == EINVAL || error == EOPNOTSUPP || error == ENOTSUP || error == ENOSYS || error == ENOLCK; }

}  // namespace

file::file(file&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

file& file::operator=(file&& other) noexcept {
  if (this == &other) return *this;
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = std::exchange(other.descriptor_, -1);
  path_ = std::move(other.path_);
  return *this;
}

file::~file() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

result<file> file::open(const std::filesystem::path& path, open_mode mode, unsigned permissions) {
  int descriptor = -1;
  do {
    descriptor = ::open(path.c_str(), flags_of(mode) | O_CLOEXEC, static_cast<mode_t>(permissions));
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) return system_failure(errno, mode == open_mode::read ? "cannot open" : "cannot open for writing", path.string());
  return file(descriptor, path);
}

result<file> file::open_unnamed(const std::filesystem::path& directory) {
#ifdef O_TMPFILE
  const int descriptor = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor >= 0) return file(descriptor, directory);
#endif
  auto named = open(directory / (".gantry-" + random_suffix()), open_mode::create_new, 0600);
  if (named) {
    if (auto removed = remove_file(named->path()); !removed) return removed.error();
  }
  return named;
}

result<std::uint64_t> file::size() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) return system_failure(errno, "cannot examine", path_.string());
  if (!S_ISREG(status.st_mode)) return failure(errc::storage_error, fmt::format("{} is not a regular file", path_.string()));
  return static_cast<std::uint64_t>(status.st_size);
}

result<std::size_t> file::read_at(std::uint64_t offset, std::span<std::byte> into) const {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t count = ::pread(descriptor_, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_failure(errno, "cannot read", path_.string());
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

result<void> file::write_at(std::uint64_t offset, std::span<const std::byte> bytes) const {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = ::pwrite(descriptor_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    // A regular file takes at least one byte or names its reason; zero would loop for ever.
    if (count <= 0) return system_failure(count < 0 ? errno : EIO, "cannot write", path_.string());
    done += static_cast<std::size_t>(count);
  }
  return {};
}

result<void> file::append(std::span<const std::byte> bytes) const {
  ssize_t count = 0;
  do {
    count = ::write(descriptor_, bytes.data(), bytes.size());
  } while (count < 0 && errno == EINTR);
  if (count < 0) return system_failure(errno, "cannot write", path_.string());
  // The reason of a short write on a regular file is a full disk or quota; the rest must not follow later, others append as well.
  if (static_cast<std::size_t>(count) != bytes.size()) return system_failure(ENOSPC, "cannot write all of a record to", path_.string());
  return {};
}

result<void> file::truncate(std::uint64_t size) const {
  int outcome = 0;
  do {
    outcome = ::ftruncate(descriptor_, static_cast<off_t>(size));
  } while (outcome != 0 && errno == EINTR);
  if (outcome != 0) return system_failure(errno, "cannot set the length of", path_.string());
  return {};
}

result<void> file::reserve([[maybe_unused]] std::uint64_t size) const {
#ifdef __linux__
  // Not posix_fallocate: glibc writes a byte per block where the file system cannot do it.
  if (size > 0 && ::fallocate(descriptor_, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)) != 0 && (errno == ENOSPC || errno == EDQUOT)) {
    return system_failure(errno, fmt::format("cannot reserve {} bytes for", size), path_.string());
  }
#endif
  return {};
}

void file::clear([[maybe_unused]] std::uint64_t offset, [[maybe_unused]] std::uint64_t length) const noexcept {
#ifdef __linux__
  if (length == 0) return;
  [[maybe_unused]] const int ignored =
      ::fallocate(descriptor_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), static_cast<off_t>(length));
#endif
}

void file::start_writeback([[maybe_unused]] std::uint64_t offset, [[maybe_unused]] std::uint64_t length) const noexcept {
#ifdef __linux__
  ::sync_file_range(descriptor_, static_cast<off64_t>(offset), static_cast<off64_t>(length), SYNC_FILE_RANGE_WRITE);
#endif
}

result<void> file::sync_data() const {
#ifdef __APPLE__
  const int outcome = ::fsync(descriptor_);
#else
  const int outcome = ::fdatasync(descriptor_);
#endif
  if (outcome != 0) return system_failure(errno, "cannot force to disk", path_.string());
  return {};
}

void file::set_permissions(unsigned permissions) const noexcept {
  // Best effort: FAT and some network file systems refuse, and the content does not depend on it.
  [[maybe_unused]] const int outcome = ::fchmod(descriptor_, static_cast<mode_t>(permissions));
}

result<void> file::close() {
  // Never repeated: after EINTR Linux has released the descriptor, and another thread may own the number by now.
  if (descriptor_ >= 0 && ::close(std::exchange(descriptor_, -1)) != 0 && errno != EINTR) {
    return system_failure(errno, "cannot close", path_.string());
  }
  return {};
}

result<lock_outcome> file::try_lock([[maybe_unused]] std::uint64_t offset, [[maybe_unused]] std::uint64_t length,
                                    [[maybe_unused]] lock_kind kind) const {
#ifdef F_OFD_SETLK
  struct flock request {};
  request.l_type = kind == lock_kind::shared ? F_RDLCK : F_WRLCK;
  request.l_whence = SEEK_SET;
  request.l_start = static_cast<off_t>(offset);
  request.l_len = static_cast<off_t>(length);
  int outcome = 0;
  do {
    outcome = ::fcntl(descriptor_, F_OFD_SETLK, &request);
  } while (outcome != 0 && errno == EINTR);
  if (outcome == 0) return lock_outcome::acquired;
  if (errno == EAGAIN || errno == EACCES) return lock_outcome::busy;
  if (no_such_feature(errno)) return lock_outcome::unsupported;
  return system_failure(errno, "cannot lock", path_.string());
#else
  return lock_outcome::unsupported;
#endif
}

void file::unlock([[maybe_unused]] std::uint64_t offset, [[maybe_unused]] std::uint64_t length) const noexcept {
#ifdef F_OFD_SETLK
  struct flock request {};
  request.l_type = F_UNLCK;
  request.l_whence = SEEK_SET;
  request.l_start = static_cast<off_t>(offset);
  request.l_len = static_cast<off_t>(length);
  ::fcntl(descriptor_, F_OFD_SETLK, &request);
#endif
}

result<std::optional<file_lock>> file_lock::try_acquire(const std::filesystem::path& lock_file, std::uint64_t offset, lock_kind kind) {
  auto opened = file::open(lock_file, open_mode::create, 0600);
  // Who only reads here still keeps those out who may write.
  if (!opened && kind == lock_kind::shared && opened.error().code == errc::access_denied) opened = file::open(lock_file, open_mode::read);
  if (!opened) {
    const error_code reason = opened.error().code;
    const bool nothing_to_lock = kind == lock_kind::shared && reason == errc::file_not_found;
    if (reason == errc::access_denied || reason == errc::no_space || nothing_to_lock) return std::optional(file_lock());
    return opened.error();
  }
  const auto outcome = opened->try_lock(offset, 1, kind);
  if (!outcome) return outcome.error();
  switch (*outcome) {
    case lock_outcome::busy:
      return std::optional<file_lock>();
    case lock_outcome::unsupported:
      return std::optional(file_lock());
    case lock_outcome::acquired:
      break;
  }
  return std::optional(file_lock(std::move(*opened)));
}

std::string random_suffix() {
  std::random_device source;
  return fmt::format("{:08x}{:08x}", source(), source());
}

result<void> rename_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    return system_failure(errno, fmt::format("cannot rename {} to", from.string()), to.string());
  }
  return {};
}

result<void> sync_directory(const std::filesystem::path& directory) {
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return system_failure(errno, "cannot open", directory.string());
  const file owner(descriptor, directory);
  if (::fsync(descriptor) != 0 && !no_such_feature(errno) && errno != EBADF) {
    return system_failure(errno, "cannot force to disk", directory.string());
  }
  return {};
}

result<void> remove_file(const std::filesystem::path& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return system_failure(errno, "cannot remove", path.string());
  return {};
}

void touch_file(const std::filesystem::path& path) noexcept {
  // The clock of the file system itself may stand still for milliseconds, and two touches would look like one.
  struct timespec now {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::array<timespec, 2> both{now, now};
  if (::utimensat(AT_FDCWD, path.c_str(), both.data(), 0) == 0) return;
  // Of somebody else's file only that may be asked.
  [[maybe_unused]] const int outcome = ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
}

result<void> make_directories(const std::filesystem::path& directory, unsigned permissions, bool sync) {
  struct stat status {};
  if (::stat(directory.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return {};
    return failure(errc::storage_error, fmt::format("cannot create the directory {}: a file has that name", directory.string()));
  }
  const int reason = errno;
  const std::filesystem::path parent = directory.parent_path();
  if (reason == ENOENT && !parent.empty() && parent != directory) {
    if (auto made = make_directories(parent, permissions, sync); !made) return made.error();
  } else if (reason == ENOTDIR) {
    return failure(errc::storage_error, fmt::format("cannot create the directory {}: a part of its path is a file", directory.string()));
  }
  // Another process may have been faster.
  if (::mkdir(directory.c_str(), static_cast<mode_t>(permissions)) != 0 && errno != EEXIST) {
    return system_failure(errno, "cannot create the directory", directory.string());
  }
  if (sync) return sync_directory(parent.empty() ? "." : parent);
  return {};
}

result<std::string> read_file(const std::filesystem::path& path, std::size_t cap) {
  const auto opened = file::open(path, open_mode::read);
  if (!opened) return opened.error();
  const auto size = opened->size();
  if (!size) return size.error();
  if (*size > cap) {
    return failure(errc::limit_exceeded, fmt::format("{} has {} bytes, more than the {} that are read", path.string(), *size, cap));
  }
  std::string text(static_cast<std::size_t>(*size), '\0');
  const auto count = opened->read_at(0, std::as_writable_bytes(std::span(text)));
  if (!count) return count.error();
  text.resize(*count);
  return text;
}

namespace {

/// Writes into a file without a name and gives it that of \p path. \returns false when that cannot be done here.
result<bool> replace_nameless(const std::filesystem::path& path, std::string_view bytes, const write_options& options) {
#ifdef O_TMPFILE
  const std::filesystem::path directory = path.has_parent_path() ? path.parent_path() : ".";
  const int descriptor = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, static_cast<mode_t>(options.permissions));
  if (descriptor < 0) return false;
  const file opened(descriptor, path);
  if (auto written = opened.write_at(0, std::as_bytes(std::span(bytes))); !written) return written.error();
  if (options.sync) {
    if (auto synced = opened.sync_data(); !synced) return synced.error();
  }
  // A link replaces nothing, so there is a second name for a moment: always the same one, which the next to write here removes.
  const std::filesystem::path moment = path.parent_path() / fmt::format(".{}.gantry-part", path.filename().string());
  if (auto removed = remove_file(moment); !removed) return removed.error();
  const std::string self = fmt::format("/proc/self/fd/{}", descriptor);
  if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, moment.c_str(), AT_SYMLINK_FOLLOW) != 0) return false;
  auto renamed = rename_file(moment, path);
  // Somebody who writes the same file has put it into place.
  if (!renamed && renamed.error().code == errc::file_not_found) return true;
  if (!renamed) {
    [[maybe_unused]] const auto removed = remove_file(moment);
    return renamed.error();
  }
  return true;
#else
  return false;
#endif
}

}  // namespace

result<void> atomic_write_file(const std::filesystem::path& path, std::string_view bytes, write_options options) {
  if (options.nameless) {
    const auto replaced = replace_nameless(path, bytes, options);
    if (!replaced) return replaced.error();
    if (*replaced) return options.sync ? sync_directory(path.has_parent_path() ? path.parent_path() : ".") : result<void>();
  }
  const std::filesystem::path temporary = path.parent_path() / fmt::format(".{}.{}", path.filename().string(), random_suffix());
  auto opened = file::open(temporary, open_mode::create_new, options.permissions);
  if (!opened) return opened.error();
  const auto fill = [&]() -> result<void> {
    if (auto written = opened->write_at(0, std::as_bytes(std::span(bytes))); !written) return written;
    if (options.sync) {
      if (auto synced = opened->sync_data(); !synced) return synced;
    }
    if (auto closed = opened->close(); !closed) return closed;
    return rename_file(temporary, path);
  };
  if (auto filled = fill(); !filled) {
    // The first reason counts; a temporary file that cannot be removed either is what a crash would leave.
    [[maybe_unused]] const auto removed = remove_file(temporary);
    return filled;
  }
  if (options.sync) return sync_directory(path.parent_path().empty() ? "." : path.parent_path());
  return {};
}

}  // namespace gantry::runtime
