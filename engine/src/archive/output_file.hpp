#pragma once

#include "base/failure.hpp"
#include "runtime/file.hpp"

#include <cstdint>
#include <filesystem>

namespace gantry::archive {

/// An archive file on its way: `.<name>.gantry-part` beside the final name, locked by this process, renamed when complete (DESIGN section
/// 5, "Outputs"). Without \ref commit it is removed by the destructor, unless it was told to \ref keep it.
class output_file {
 public:
  /// Checks everything that can be checked before the first byte, and creates the part, mode 0666 less umask. The part of a process that
  /// died is replaced. A symbolic link is followed: the file that it names is replaced, not the link.
  ///
  /// \param path the final name; an existing regular file is replaced by \ref commit
  /// \param expected_size bytes that the file will have at most; 0 when unknown, space is not checked then
  /// \returns errc::file_not_found (no such directory), errc::invalid_option (the name is empty, a directory or a device),
  /// errc::access_denied, errc::in_use (another process is writing this name), errc::no_space (with the numbers), errc::storage_error
  static result<output_file> create(const std::filesystem::path& path, std::uint64_t expected_size);
  /// The same, but the part of a process that died is taken over with its content, and counts when space is checked.
  static result<output_file> resume(const std::filesystem::path& path, std::uint64_t expected_size);

  output_file(output_file&&) noexcept = default;
  output_file& operator=(output_file&& other) noexcept;
  ~output_file();

  /// The part, open for reading and writing, empty at first; in messages it goes by the final name. Valid until commit or destruction.
  const runtime::file& file() const noexcept { return file_; }
  int fd() const noexcept { return file_.descriptor(); }
  /// The final name, symbolic links resolved.
  const std::filesystem::path& path() const noexcept { return path_; }

  /// Where a journal of the part is kept. It goes with the part, whoever ends that.
  std::filesystem::path journal_path() const;
  /// From now on the part stays when it is not committed, for a later \ref resume.
  void keep() noexcept { kept_ = true; }

  /// Gives the file its name. \param sync whether content and name are forced to disk.
  /// On failure before the rename the part goes with the object, and an existing file of that name is untouched.
  result<void> commit(bool sync);

 private:
  static result<output_file> claim(const std::filesystem::path& path, std::uint64_t expected_size, bool take_over);
  output_file(std::filesystem::path path, std::filesystem::path part, runtime::file opened)
      : path_(std::move(path)), part_(std::move(part)), file_(std::move(opened)) {}
  void abandon() noexcept;

  std::filesystem::path path_;
  std::filesystem::path part_;
  runtime::file file_;
  bool kept_ = false;
};

}  // namespace gantry::archive
