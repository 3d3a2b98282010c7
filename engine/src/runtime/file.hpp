#pragma once

#include "base/failure.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gantry::runtime {

/// How a file is opened. All descriptors are close-on-exec.
enum class open_mode {
  read,        ///< existing file, read only
  update,      ///< existing file, read and write
  create,      ///< read and write, created when absent, content kept
  create_new,  ///< read and write, fails with errc::storage_error when it exists
  append,      ///< write only, created when absent, every write goes to the end
};

/// Whom a lock keeps out.
enum class lock_kind {
  exclusive,  ///< everybody
  shared,     ///< those who want it exclusively
};

/// What an attempt to lock came to.
enum class lock_outcome {
  acquired,     ///< held until unlock or until the last descriptor of this open file description is closed
  busy,         ///< another process, or another open of this one, holds it
  unsupported,  ///< the file system (or the operating system) has no such locks
};

/// One open file. Movable, closes on destruction; all calls block. Calls with an offset may run concurrently on one object; the others need
/// it for themselves. Failures carry errc::no_space, access_denied, file_not_found or storage_error and name the path.
class file {
 public:
  file() = default;
  /// Takes ownership of \p descriptor; \p path appears in messages only.
  file(int descriptor, std::filesystem::path path) noexcept : descriptor_(descriptor), path_(std::move(path)) {}
  file(file&& other) noexcept;
  file& operator=(file&& other) noexcept;
  ~file();

  /// \param permissions of a file that is created, less the umask
  static result<file> open(const std::filesystem::path& path, open_mode mode, unsigned permissions = 0666);

  /// A file for reading and writing that never has a name, in \p directory; its space is free again when the object goes, however the
  /// process ends. Only where the file system cannot do that it has a name for a moment.
  static result<file> open_unnamed(const std::filesystem::path& directory);

  bool is_open() const noexcept { return descriptor_ >= 0; }
  int descriptor() const noexcept { return descriptor_; }
  const std::filesystem::path& path() const noexcept { return path_; }

  /// Bytes in the file. Fails with errc::storage_error when it is not a regular file.
  result<std::uint64_t> size() const;

  /// Reads at \p offset until \p into is full or the file ends. \returns the bytes read.
  result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const;
  /// Writes all of \p bytes at \p offset.
  result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) const;
  /// Writes \p bytes with one write(2), for files opened with open_mode::append: concurrent appends do not interleave. A short write is an
  /// error.
  result<void> append(std::span<const std::byte> bytes) const;

  result<void> truncate(std::uint64_t size) const;
  /// Reserves blocks for \p size bytes without changing the length, where fallocate(2) works; elsewhere does nothing. Fails with
  /// errc::no_space only.
  result<void> reserve(std::uint64_t size) const;
  /// Gives back the blocks of a range, which then reads as zeros; best effort.
  void clear(std::uint64_t offset, std::uint64_t length) const noexcept;
  /// Asks the kernel to begin writing dirty pages of the range; best effort, no length means to the end.
  void start_writeback(std::uint64_t offset, std::uint64_t length) const noexcept;
  /// fdatasync. After a failure the data must be taken as lost: the kernel may have dropped the dirty pages.
  result<void> sync_data() const;
  /// fchmod, best effort: some file systems have no permissions.
  void set_permissions(unsigned permissions) const noexcept;
  /// Closes and reports what close(2) reports; the object is empty afterwards in any case.
  result<void> close();

  /// Tries an OFD lock of [\p offset, \p offset + \p length), length 0 meaning to the end of all offsets. The file must be open for
  /// writing, for a shared lock for reading. Never waits. Two opens within one process exclude each other as two processes do.
  result<lock_outcome> try_lock(std::uint64_t offset = 0, std::uint64_t length = 0, lock_kind kind = lock_kind::exclusive) const;
  void unlock(std::uint64_t offset = 0, std::uint64_t length = 0) const noexcept;

 private:
  int descriptor_ = -1;
  std::filesystem::path path_;
};

/// A lock on one byte of a lock file, held as long as the object lives. Lock files are created when needed and never removed.
class file_lock {
 public:
  /// Holds nothing.
  file_lock() = default;

  /// \returns nothing when somebody else holds the byte; a lock that holds nothing where there are no locks: no support in the file system,
  /// or a lock file that cannot be made or written, for a shared lock read.
  static result<std::optional<file_lock>> try_acquire(const std::filesystem::path& lock_file, std::uint64_t offset = 0,
                                                      lock_kind kind = lock_kind::exclusive);

  /// Whether others are really kept out.
  bool held() const noexcept { return file_.is_open(); }

 private:
  explicit file_lock(file opened) noexcept : file_(std::move(opened)) {}
  file file_;
};

/// Sixteen random hex digits for temporary names.
std::string random_suffix();

/// Renames over whatever is at \p to.
result<void> rename_file(const std::filesystem::path& from, const std::filesystem::path& to);
/// Forces the names in \p directory to disk; does nothing where directories cannot be synced.
result<void> sync_directory(const std::filesystem::path& directory);
/// Removes one file; an absent one is no error.
result<void> remove_file(const std::filesystem::path& path);
/// Sets the time of the last change to now, best effort.
void touch_file(const std::filesystem::path& path) noexcept;
/// Creates \p directory and missing parents with \p permissions less the umask; with \p sync the names of those that were made are forced
/// to disk. Fails with errc::storage_error when a part of the path is not a directory.
result<void> make_directories(const std::filesystem::path& directory, unsigned permissions = 0777, bool sync = false);

/// The whole of a regular file. Fails with errc::limit_exceeded above \p cap bytes, errc::file_not_found when it is absent.
result<std::string> read_file(const std::filesystem::path& path, std::size_t cap);

struct write_options {
  bool sync = true;             ///< fdatasync before the rename, directory fsync after it
  unsigned permissions = 0644;  ///< of the file, less the umask
  /// The bytes have no name before they are complete, where the file system can do that: for directories that nobody tidies up, in which a
  /// kill must not leave parts.
  bool nameless = false;
};
/// Replaces \p path as a whole: temporary name beside it, write, sync, check close, rename. Leaves nothing behind on failure.
result<void> atomic_write_file(const std::filesystem::path& path, std::string_view bytes, write_options options = {});

}  // namespace gantry::runtime
