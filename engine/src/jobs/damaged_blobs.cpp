#include "jobs/damaged_blobs.hpp"

#include "model/digester.hpp"
#include "runtime/file.hpp"
#include "runtime/lanes.hpp"
#include "store/paths.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cstddef>
#include <span>
#include <utility>

namespace gantry::jobs {
namespace {

using store::content_store;

/// Whether the bytes of \p file are those that \p blob names; a file that cannot be read has none.
bool is_sound(const runtime::file& file, const descriptor& blob, const std::atomic<bool>& stop) {
  std::vector<std::byte> block(std::size_t{256} << 10);
  model::digester hash(blob.digest.algorithm());
  for (std::uint64_t at = 0;;) {
    // Half looked at is not found to be damaged.
    if (stop) return true;
    const result<std::size_t> got = file.read_at(at, block);
    if (!got) return false;
    if (*got == 0) return at == blob.size && hash.finish() == blob.digest;
    hash.update(std::span<const std::byte>(block).first(*got));
    at += *got;
  }
}

/// Digests of the blobs that were moved. Blocking.
std::vector<digest> quarantine_damaged(const content_store& store, const std::vector<descriptor>& blobs, const std::atomic<bool>& stop) {
  std::vector<digest> moved;
  const store::paths where{store.root()};
  for (const descriptor& blob : blobs) {
    const result<runtime::file> file = runtime::file::open(where.blob(blob.digest), runtime::open_mode::read);
    if (!file || is_sound(*file, blob, stop)) continue;
    const auto away = store.quarantine(blob.digest, *file);
    if (away && *away) moved.push_back(blob.digest);
  }
  return moved;
}

}  // namespace

runtime::task<failure> set_damaged_aside(transfer::context& shared, transfer::operation& running, std::shared_ptr<content_store> store,
                                         std::vector<descriptor> blobs, failure why) {
  if (store == nullptr || why.code != make_error_condition(condition::integrity)) co_return why;
  // The failure has stopped the operation; only who asked for an end need not wait for this.
  auto call = [store, blobs = std::move(blobs), stop = &running.asked_flag()] { return quarantine_damaged(*store, blobs, *stop); };
  const std::vector<digest> moved = co_await runtime::offload(shared.lanes, runtime::lane::apart, std::move(call));
  if (moved.empty()) co_return why;
  const bool one = moved.size() == 1;
  co_return failure(why.code, fmt::format("{}; {} blob{} of the store {} damaged and now in {}, so that the next pull fetches {} again",
                                          why.text.message(), moved.size(), one ? "" : "s", one ? "was" : "were",
                                          store::paths{store->root()}.quarantine().string(), one ? "it" : "them"));
}

}  // namespace gantry::jobs
