#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace gantry::test {

/// What a power cut takes from the files below one directory: bytes that no fdatasync covered, and steps that changed names and that no
/// fsync of their directory covered. As POSIX has it, and not as a file system happens to do it: an fsync of a file says nothing about its
/// name, and with a directory whose own name is lost goes all that is in it. A rename from one directory into another is one step.
/// Makes its own calls past the C library, so that the library that it is a part of does not count them.
class power_cut {
 public:
  /// \param keep a directory of the same file system, which takes what is removed, so that it can come back; when empty, names stay
  explicit power_cut(std::string keep) : keep_(std::move(keep)) {}

  /// Before bytes are written.
  void writes(int descriptor);

  /// What has happened so far. A sync covers no more than that.
  std::size_t now();
  /// After a sync that began at \p since.
  void synced(int descriptor, std::size_t since);

  /// Calls that make, remove and rename what has a name, each made here, so that it has happened for both sides or for neither.
  int makes(const std::string& path, const std::function<int()>& call);
  int removes(const std::string& path, const std::function<int()>& call);
  int renames(const std::string& from, const std::string& to, bool exchange, const std::function<int()>& call);

  /// The disk as it may be found afterwards. Nobody else changes or syncs a name any more, until the process is killed.
  /// \param seed chooses what exactly is lost; \param names whether names are lost with the bytes: mostly all, else the later half
  void lose(unsigned seed, bool names);

 private:
  enum class change { made, removed, renamed, exchanged };
  struct step {
    std::size_t number = 0;
    change what = change::made;
    std::string path;
    std::string to{};         ///< of a rename
    std::string kept{};       ///< a second name of what was removed or replaced
    mode_t directory_mode{};  ///< of a directory that was removed
  };

  void note(step done);
  std::string keep_link(const std::string& path);
  std::string new_name();
  void undo(const step& done);

  std::mutex mutex_;
  std::map<ino_t, int> dirty_;  ///< a descriptor of each file with bytes that may be lost
  std::vector<step> steps_;     ///< not covered, in their order
  std::size_t count_ = 0;
  std::size_t kept_ = 0;
  std::string keep_;
};

}  // namespace gantry::test
