#include "facade/engine_state.hpp"
#include "jobs/upload_sessions.hpp"
#include "runtime/file.hpp"
#include "runtime/lanes.hpp"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

// How operations come to the store, and what is kept beside it.
namespace gantry {
namespace {

constexpr std::size_t hints_size_limit = std::size_t{256} << 10;

std::filesystem::path hints_file(const store::content_store& store) { return store.root() / "state" / "hints.json"; }

}  // namespace

result<std::filesystem::path> engine::impl::store_directory() const {
  return options.cache_dir.empty() ? store::content_store::default_root() : options.cache_dir;
}

runtime::task<result<std::shared_ptr<store::content_store>>> engine::impl::open_store() {
  const std::shared_ptr<store::content_store> known = store;
  if (known) {
    // One that was removed since is begun anew by the next operation, never in the middle of one.
    auto look = [known] { return known->is_present(); };
    const bool there = co_await runtime::offload(lanes, runtime::lane::files, std::move(look));
    if (there) co_return known;
    if (store == known) store.reset();
    if (store) co_return store;
  }
  auto call = [root = store_directory(), sync = options.sync]() -> result<std::shared_ptr<store::content_store>> {
    if (!root) return root.error();
    store::store_options where;
    where.root = *root;
    where.sync = sync;
    return store::content_store::open(std::move(where));
  };
  auto opened = co_await runtime::offload(lanes, runtime::lane::files, std::move(call));
  if (!opened || store) co_return opened;
  store = *opened;
  auto read = [place = hints_file(*store)]() -> registry::hints {
    const auto text = runtime::read_file(place, hints_size_limit);
    if (!text) return {};
    auto hints = registry::read_hints(*text, std::chrono::system_clock::now());
    return hints ? std::move(*hints) : registry::hints();
  };
  saved_hints = co_await runtime::offload(lanes, runtime::lane::files, std::move(read));
  registry.use_hints(saved_hints);
  co_return store;
}

runtime::task<result<engine::impl::present_store>> engine::impl::find_store() {
  present_store found;
  auto root = store_directory();
  if (!root) co_return root.error();
  found.directory = std::move(*root);
  auto look = [path = found.directory] {
    std::error_code ignored;
    return std::filesystem::exists(path, ignored);
  };
  const bool there = co_await runtime::offload(lanes, runtime::lane::files, std::move(look));
  if (!there) co_return found;
  auto opened = co_await open_store();
  if (!opened) co_return opened.error();
  found.store = std::move(*opened);
  co_return found;
}

runtime::task<> engine::impl::save_hints() {
  if (mounts) co_await mounts->save();
  if (!store) co_return;
  registry::hints learnt = registry.learnt();
  if (learnt == saved_hints) co_return;
  saved_hints = learnt;
  auto write = [kept = store, place = hints_file(*store), text = registry::write_hints(learnt)]() -> bool {
    if (!kept->is_present()) return false;
    const result<void> made = runtime::make_directories(place.parent_path(), 0700);
    runtime::write_options how;
    how.sync = false;
    how.permissions = 0600;
    return made && runtime::atomic_write_file(place, text, how);
  };
  co_await runtime::offload(lanes, runtime::lane::files, std::move(write));
}

runtime::task<jobs::upload_state> engine::impl::upload_state() {
  jobs::upload_state kept;
  const auto root = store_directory();
  if (!root) co_return kept;
  kept.sessions = std::make_shared<jobs::upload_sessions>(*root / "state" / "uploads", lanes);
  if (!mounts) mounts = std::make_shared<jobs::mount_memory>(jobs::mount_memory::file_in(*root), lanes);
  kept.mounts = mounts;
  co_await kept.mounts->load();
  co_return kept;
}

}  // namespace gantry
