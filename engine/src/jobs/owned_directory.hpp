#pragma once

#include <filesystem>

namespace gantry::jobs {

/// A directory that is open, so that what is looked at and removed lies in it whatever its name leads to by then: in a place that others
/// may write, somebody may put a link there between two calls.
class owned_directory {
 public:
  /// Opens \p path when it is a directory, no link to one, and this user's; \ref is_open tells.
  explicit owned_directory(const std::filesystem::path& path) noexcept;
  owned_directory(const owned_directory&) = delete;
  owned_directory& operator=(const owned_directory&) = delete;
  ~owned_directory();

  bool is_open() const noexcept { return descriptor_ >= 0; }

  /// A file of it, open for reading and writing; a link is not followed. \returns its descriptor, the caller's to close; -1 and errno
  int open_file(const char* name) const noexcept;

  /// Removes everything in it but \p kept, links themselves and not what they lead to. \returns whether nothing else is left
  bool empty(const char* kept) const noexcept;

  /// Removes a file of it.
  void remove_file(const char* name) const noexcept;

 private:
  int descriptor_;
};

}  // namespace gantry::jobs
