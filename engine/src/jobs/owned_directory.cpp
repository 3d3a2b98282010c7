#include "jobs/owned_directory.hpp"

#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace gantry::jobs {
namespace {

constexpr int folder_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

/// \param folder closed at the end. \param kept a name that stays; may be null \returns whether nothing but that is left
bool empty_and_close(int folder, const char* kept) noexcept {
  DIR* const listing = ::fdopendir(folder);
  if (listing == nullptr) {
    ::close(folder);
    return false;
  }
  bool all = true;
  while (const dirent* one = ::readdir(listing)) {
    const char* const name = one->d_name;
    if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0 || (kept != nullptr && std::strcmp(name, kept) == 0)) continue;
    if (::unlinkat(folder, name, 0) == 0) continue;
    // Directories, which unlink refuses.
    const int inner = ::openat(folder, name, folder_flags);
    all = inner >= 0 && empty_and_close(inner, nullptr) && ::unlinkat(folder, name, AT_REMOVEDIR) == 0 && all;
  }
  ::closedir(listing);
  return all;
}

}  // namespace

owned_directory::owned_directory(const std::filesystem::path& path) noexcept : descriptor_(::open(path.c_str(), folder_flags)) {
  struct stat about {};
  if (descriptor_ < 0 || (::fstat(descriptor_, &about) == 0 && about.st_uid == ::geteuid())) return;
  ::close(descriptor_);
  descriptor_ = -1;
}

owned_directory::~owned_directory() {
  if (is_open()) ::close(descriptor_);
}

int owned_directory::open_file(const char* name) const noexcept { return ::openat(descriptor_, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC); }

bool owned_directory::empty(const char* kept) const noexcept {
  // One of its own: what was listed before may have been read to its end.
  const int again = ::openat(descriptor_, ".", folder_flags);
  return again >= 0 && empty_and_close(again, kept);
}

void owned_directory::remove_file(const char* name) const noexcept { ::unlinkat(descriptor_, name, 0); }

}  // namespace gantry::jobs
