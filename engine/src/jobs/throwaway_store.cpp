#include "jobs/throwaway_store.hpp"

#include "archive/output_paths.hpp"
#include "jobs/owned_directory.hpp"
#include "runtime/file.hpp"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <unistd.h>

namespace gantry::jobs {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view name_prefix = ".gantry-store-";
constexpr const char* lock_name = "in-use.lock";
/// A directory without a lock is that of somebody who is just making one, or was killed just then.
constexpr std::chrono::hours unlocked_life{1};

/// Removes \p directory, its lock last: what a crash leaves of it is seen to be nobody's, and goes with the next operation.
void remove_with_lock(const owned_directory& held, const fs::path& directory) noexcept {
  // Something that stays is for the next one to try again, who needs the lock for it.
  if (!held.is_open() || !held.empty(lock_name)) return;
  held.remove_file(lock_name);
  // Follows no link, and removes nothing that has content.
  ::rmdir(directory.c_str());
}

/// Removes \p directory when it is this user's and belongs to an operation that is no more.
void remove_if_abandoned(const fs::path& directory) {
  const owned_directory held(directory);
  if (!held.is_open()) return;
  const int descriptor = held.open_file(lock_name);
  if (descriptor < 0 && errno != ENOENT) return;
  if (descriptor >= 0) {
    const runtime::file lock(descriptor, directory / lock_name);
    // Held until all is gone: whoever is just making the directory then sees that he has to make another.
    const auto outcome = lock.try_lock();
    if (outcome && *outcome == runtime::lock_outcome::acquired) remove_with_lock(held, directory);
    return;
  }
  std::error_code ec;
  const auto made = fs::last_write_time(directory, ec);
  const bool old = !ec && fs::file_time_type::clock::now() - made > unlocked_life;
  if (old) remove_with_lock(held, directory);
}

/// Removes what operations that were killed have left in \p parent, as far as that is allowed.
void remove_abandoned(const fs::path& parent) {
  std::error_code ec;
  for (fs::directory_iterator one(parent, ec); !ec && one != fs::directory_iterator(); one.increment(ec)) {
    if (one->path().filename().native().starts_with(name_prefix)) remove_if_abandoned(one->path());
  }
}

/// A new directory in \p parent with its lock.
result<std::pair<fs::path, runtime::file>> claim_directory(const fs::path& parent) {
  constexpr int rounds = 16;
  for (int round = 0; round < rounds; ++round) {
    const fs::path root = parent / (std::string(name_prefix) + runtime::random_suffix());
    if (auto made = runtime::make_directories(root, 0700); !made) return made.error();
    auto lock = runtime::file::open(root / lock_name, runtime::open_mode::create_new, 0600);
    if (!lock) {
      std::error_code ignored;
      fs::remove(root, ignored);
      return lock.error();
    }
    const auto locked = lock->try_lock();
    if (!locked) return locked.error();
    // Somebody who tidies up may have come between the last two.
    const bool ours = *locked != runtime::lock_outcome::busy && archive::names_it(root / lock_name, lock->descriptor());
    if (ours) return std::pair(root, std::move(*lock));
  }
  return failure(errc::in_use, "cannot make a directory in " + parent.string() + ": somebody keeps removing it");
}

}  // namespace

std::filesystem::path temporary_directory() {
  if (const char* named = std::getenv("TMPDIR"); named != nullptr && *named != '\0') return named;
  std::error_code ec;
  if (std::filesystem::is_directory("/var/tmp", ec)) return "/var/tmp";
  return std::filesystem::temp_directory_path(ec);
}

result<std::unique_ptr<throwaway_store>> throwaway_store::open(const output& where) {
  std::filesystem::path parent = temporary_directory();
  if (const auto* file = std::get_if<archive_file>(&where)) {
    const result<std::filesystem::path> target = archive::resolve_output(file->path);
    if (!target) return target.error();
    parent = archive::directory_of(*target);
  }
  remove_abandoned(parent);
  auto claimed = claim_directory(parent);
  if (!claimed) return claimed.error();
  std::unique_ptr<throwaway_store> made(new throwaway_store(std::move(claimed->first), std::move(claimed->second)));
  store::store_options options;
  options.root = made->root_;
  options.sync = false;
  auto opened = store::content_store::open(std::move(options));
  if (!opened) return opened.error();
  made->store_ = std::move(*opened);
  return made;
}

throwaway_store::~throwaway_store() {
  store_.reset();
  remove_with_lock(owned_directory(root_), root_);
  lock_ = {};
}

}  // namespace gantry::jobs
