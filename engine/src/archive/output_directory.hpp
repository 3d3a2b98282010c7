#pragma once

#include "base/failure.hpp"
#include "runtime/file.hpp"

#include <cstdint>
#include <filesystem>

namespace gantry::archive {

/// An OCI image layout on its way: a directory `.<name>.gantry-part` beside the final name, locked by this process through a file of that
/// name and `.lock`, renamed when complete. Without \ref commit it is removed by the destructor.
class output_directory {
 public:
  /// Checks everything that can be checked before the first byte and creates the part; what a process that died left in it goes.
  ///
  /// \param path the final name. An existing OCI image layout, or an empty directory, is replaced by \ref commit as a whole, anything else
  /// is refused.
  /// \param expected_size bytes that it will need; 0 when they are shared with the store or unknown, space is not checked then
  /// \returns errors as output_file::create
  static result<output_directory> create(const std::filesystem::path& path, std::uint64_t expected_size);

  /// Whether \ref create would take \p path; nothing is made. The same errors, but for those of making it.
  static result<void> check(const std::filesystem::path& path);

  output_directory(output_directory&&) noexcept = default;
  output_directory& operator=(output_directory&& other) noexcept;
  ~output_directory();

  /// Where the files go until \ref commit.
  const std::filesystem::path& part() const noexcept { return part_; }
  /// The final name, symbolic links resolved.
  const std::filesystem::path& path() const noexcept { return path_; }
  /// Permissions of a new file here, 0666 less the umask.
  unsigned file_permissions() const noexcept { return permissions_; }

  /// Gives the directory its name. \param sync whether the name is forced to disk; files and directories below are the writer's concern.
  result<void> commit(bool sync);

 private:
  output_directory(std::filesystem::path path, std::filesystem::path part, runtime::file lock, unsigned permissions)
      : path_(std::move(path)), part_(std::move(part)), lock_(std::move(lock)), permissions_(permissions) {}
  void abandon() noexcept;
  /// Ends the lock; a part that is there stays.
  void leave_part() noexcept;

  std::filesystem::path path_;
  std::filesystem::path part_;
  runtime::file lock_;  ///< a file beside the part; closed once there is nothing of ours
  unsigned permissions_;
};

}  // namespace gantry::archive
