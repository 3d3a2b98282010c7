#include "jobs/clean.hpp"

#include "jobs/mount_memory.hpp"
#include "jobs/until_had.hpp"
#include "jobs/upload_sessions.hpp"
#include "store/cleaner.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace gantry::jobs {
namespace {

// As long as docker-registry and most others keep an upload that nobody goes on with.
constexpr std::chrono::hours session_age{7 * 24};

std::vector<descriptor> describe(const std::vector<store::stored_file>& files) {
  std::vector<descriptor> blobs;
  for (const store::stored_file& one : files) {
    descriptor blob;
    blob.digest = one.digest;
    blob.size = one.size;
    blobs.push_back(std::move(blob));
  }
  return blobs;
}

}  // namespace

task<result<clean_result>> clean(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                 std::shared_ptr<store::content_store> store, clean_options options) {
  const store::clean_wish wish{options.references, options.all, options.older_than, options.max_size};
  const bool dry_run = options.dry_run;
  auto attempt = [store, running, wish, dry_run]() -> result<std::optional<store::clean_outcome>> {
    const auto now = std::chrono::system_clock::now();
    if (dry_run) {
      auto seen = preview_clean(*store, wish, now, running->stop_flag());
      if (!seen) return seen.error();
      return std::optional(std::move(*seen));
    }
    const auto lock = store->try_lock_gc();
    if (!lock) return lock.error();
    if (!*lock) return std::optional<store::clean_outcome>();
    auto done = store::clean(*store, **lock, wish, now, running->stop_flag());
    if (!done) return done.error();
    return std::optional(std::move(*done));
  };
  result<store::clean_outcome> done =
      co_await until_had<store::clean_outcome>(shared, *running, "somebody else changes the store; waiting for it", std::move(attempt));
  if (!done) co_return done.error();
  for (const std::string& note : done->notes) running->events.emit(warning{note});
  auto forget = [root = store->root(), all = options.all, dry_run] {
    if (all && !dry_run) mount_memory::remove(root);
    return upload_sessions::forget(root / "state" / "uploads", all ? std::chrono::hours(0) : session_age, dry_run);
  };
  clean_result told;
  told.uploads = co_await runtime::offload(shared.lanes, runtime::lane::files, std::move(forget));
  told.directory = store->root();
  told.references = std::move(done->references);
  told.blobs = describe(done->blobs);
  told.partial = done->partial.size();
  told.freed = done->freed;
  told.remaining = done->remaining;
  co_return told;
}

}  // namespace gantry::jobs
