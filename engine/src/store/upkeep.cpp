#include "store/content_store.hpp"
#include "store/presence.hpp"

#include <fmt/format.h>

#include <sys/stat.h>

#include <string>
#include <system_error>
#include <utility>

// The part of content_store that deals with leases, cleaning up and damaged blobs.

namespace gantry::store {
namespace {

bool is_same_file(const runtime::file& opened, const std::filesystem::path& name) {
  struct stat a {};
  struct stat b {};
  return ::fstat(opened.descriptor(), &a) == 0 && ::stat(name.c_str(), &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/// What cannot be written keeps nobody out, and is no reason to stop who only reads.
bool cannot_write(const failure& error) { return error.code == errc::access_denied || error.code == errc::no_space; }

}  // namespace

result<std::optional<lease>> content_store::try_lease() const {
  if (auto present = check_presence(paths_); !present) return present.error();
  const auto gc = runtime::file_lock::try_acquire(paths_.gc_lock(), 0, runtime::lock_kind::shared);
  if (!gc) return gc.error();
  if (!*gc) return std::optional<lease>();
  if (auto made = runtime::make_directories(paths_.leases()); !made) {
    if (cannot_write(made.error())) return std::optional(lease());
    return made.error();
  }
  auto opened = runtime::file::open(paths_.leases() / runtime::random_suffix(), runtime::open_mode::create_new, 0600);
  if (!opened) {
    if (cannot_write(opened.error())) return std::optional(lease());
    return opened.error();
  }
  // Where there are no locks the file alone has to do.
  const auto locked = opened->try_lock();
  std::optional<lease> made(lease(std::move(*opened)));
  if (!locked) return locked.error();
  // Somebody looks at all leases, to see whether they are alive, and was faster than the lock.
  if (*locked == runtime::lock_outcome::busy) made.reset();
  return made;
}

result<std::optional<runtime::file_lock>> content_store::try_share() const {
  if (auto present = check_presence(paths_); !present) return present.error();
  return runtime::file_lock::try_acquire(paths_.gc_lock(), 0, runtime::lock_kind::shared);
}

result<std::optional<gc_lock>> content_store::try_lock_gc() const {
  if (auto present = check_presence(paths_); !present) return present.error();
  auto lock = runtime::file_lock::try_acquire(paths_.gc_lock());
  if (!lock) return lock.error();
  if (!*lock) return std::optional<gc_lock>();
  auto index = runtime::file_lock::try_acquire(paths_.index_lock());
  if (!index) return index.error();
  if (!*index) return std::optional<gc_lock>();
  return std::optional(gc_lock(std::move(**lock), index_lock({}, std::move(**index))));
}

result<std::optional<std::filesystem::path>> content_store::quarantine(const digest& blob, const runtime::file& examined) const {
  const std::filesystem::path name = paths_.blob(blob);
  if (!is_same_file(examined, name)) return std::optional<std::filesystem::path>();
  if (auto present = check_presence(paths_); !present) return present.error();
  if (auto made = runtime::make_directories(paths_.quarantine(), 0700, sync_); !made) return made.error();
  const std::filesystem::path away =
      paths_.quarantine() / fmt::format("{}-{}.{}", blob.algorithm_name(), blob.encoded(), runtime::random_suffix());
  if (auto moved = runtime::rename_file(name, away); !moved) {
    if (moved.error().code == errc::file_not_found) return std::optional<std::filesystem::path>();
    return moved.error();
  }
  if (!is_same_file(examined, away)) {
    // A good one came between the look and the rename. It goes back; should yet another be there, that is as good.
    if (auto back = runtime::rename_file(away, name); !back) return back.error();
    return std::optional<std::filesystem::path>();
  }
  runtime::touch_file(away);
  if (sync_) {
    if (auto synced = runtime::sync_directory(name.parent_path()); !synced) return synced.error();
  }
  return std::optional(away);
}

}  // namespace gantry::store
