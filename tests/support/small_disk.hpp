#pragma once

#include "support/temp_dir.hpp"

#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace gantry::test {

/// A file system of its own in memory; \ref usable is false where mounting is not allowed.
class small_disk {
 public:
  /// \param type tmpfs, or ramfs, which has no limit, reserves nothing and makes no holes
  explicit small_disk(const std::string& size, const char* type = "tmpfs") {
    mounted_ = ::geteuid() == 0 && ::mount("none", directory_.path().c_str(), type, 0, ("size=" + size).c_str()) == 0;
  }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;
  ~small_disk() {
    if (mounted_) ::umount2(directory_.path().c_str(), MNT_DETACH);
  }
  bool usable() const noexcept { return mounted_; }
  /// From now on nothing can be written there. Nothing may be open for writing. \returns whether that is so
  bool make_read_only() const { return mounted_ && ::mount(nullptr, path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0; }
  const std::filesystem::path& path() const noexcept { return directory_.path(); }

 private:
  temp_dir directory_;
  bool mounted_ = false;
};

}  // namespace gantry::test
