#include "jobs/repair.hpp"

#include "jobs/keep.hpp"
#include "model/manifest.hpp"
#include "store/image_tree.hpp"
#include "transfer/fetcher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <system_error>
#include <utility>

namespace gantry::jobs {
namespace {

using runtime::lane;
using runtime::offload;

/// What a reference lacks, as far as its documents tell.
struct lack {
  std::vector<descriptor> documents;
  std::vector<transfer::wanted_blob> blobs;
};

result<lack> look(const store::content_store& store, const reference& name) {
  lack found;
  const auto record = store.find_reference(name);
  if (!record) return record.error();
  // Removed meanwhile: it needs nothing.
  if (!*record) return found;
  std::set<digest> seen;
  const store::image_tree tree = walk(store, **record);
  tree.for_each_blob([&](const descriptor& blob, blob_role role, bool required) {
    if (!required || role == blob_role::manifest || store.holds(blob) || !seen.insert(blob.digest).second) return;
    found.blobs.push_back({name, blob, role});
  });
  found.documents = tree.unreadable;
  return found;
}

task<result<void>> fetch_document(transfer::context& shared, transfer::operation& running, std::shared_ptr<store::content_store> store,
                                  reference name, descriptor entry) {
  const reference wanted = name.with_digest(entry.digest);
  auto ask = [&shared, &running, wanted] { return shared.registry.get_manifest(wanted, running.stop); };
  auto got = co_await transfer::with_retry<registry::document>(shared, running, "manifest of " + name.familiar(), ask, name.registry());
  if (!got) co_return got.error();
  auto put = [store, entry, bytes = std::move(got->bytes)] { return store->put(entry, bytes); };
  co_return co_await offload(shared.lanes, lane::files, std::move(put));
}

/// What nobody knew to be missing, because the document that names it was.
using newly_missing = std::map<digest, damaged_blob>;

void note(newly_missing& seen, const descriptor& blob, const reference& name) {
  damaged_blob& one = seen[blob.digest];
  one.blob = blob;
  one.missing = true;
  if (one.references.empty() || one.references.back() != name) one.references.push_back(name);
}

/// \param seen gets all that was found to be missing \param planned what is to be fetched is added there, and told
task<result<void>> mend(transfer::context& shared, transfer::operation& running, std::shared_ptr<store::content_store> store,
                        reference name, newly_missing& seen, transfer_planned& planned) {
  // The top may lead to indexes that are missing as well, these to others, the last to manifests, and these to blobs.
  constexpr unsigned levels = store::index_depth + 2;
  for (unsigned level = 0; level < levels; ++level) {
    auto call = [store, name] { return look(*store, name); };
    result<lack> found = co_await offload(shared.lanes, lane::files, std::move(call));
    if (!found) co_return found.error();
    for (const descriptor& entry : found->documents) note(seen, entry, name);
    for (const transfer::wanted_blob& one : found->blobs) note(seen, one.blob, name);
    for (const descriptor& entry : found->documents) {
      const result<void> fetched = co_await fetch_document(shared, running, store, name, entry);
      if (!fetched) co_return fetched.error();
    }
    if (!found->documents.empty()) continue;
    for (const transfer::wanted_blob& one : found->blobs) planned.bytes += one.blob.size;
    planned.blobs += found->blobs.size();
    if (!found->blobs.empty()) running.events.emit(planned);
    const auto fetched = co_await transfer::fetch_all(shared, running, store, std::move(found->blobs));
    if (!fetched) co_return fetched.error();
    co_return result<void>();
  }
  co_return failure(errc::malformed_document, fmt::format("the manifests of {} lead nowhere", name.string()));
}

/// The first trouble of an operation stops it; each reference has one of its own, which the whole can stop.
task<result<void>> mend_apart(transfer::context& shared, transfer::operation& running, std::shared_ptr<store::content_store> store,
                              reference name, newly_missing& seen, transfer_planned& planned) {
  transfer::operation part(running.events);
  const runtime::stop_source::registration with_the_whole(running.stop, [&part] { part.request_stop(); });
  if (running.stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  co_return co_await mend(shared, part, std::move(store), std::move(name), seen, planned);
}

task<result<void>> mend_all(transfer::context& shared, transfer::operation& running, std::shared_ptr<store::content_store> store,
                            std::vector<damaged_blob>& damaged, transfer_planned planned) {
  std::set<reference> names;
  for (const damaged_blob& one : damaged) names.insert(one.references.begin(), one.references.end());
  auto see = [store, &damaged] {
    // What cannot be told from a good one by its size is not fetched again as long as it is in its place.
    std::set<digest> kept;
    for (const damaged_blob& one : damaged) {
      if (is_in_place(one) && store->holds(one.blob)) kept.insert(one.blob.digest);
    }
    return kept;
  };
  const std::set<digest> in_the_way = co_await offload(shared.lanes, lane::files, std::move(see));
  std::map<reference, std::string> troubles;
  newly_missing seen;
  for (const reference& name : names) {
    const result<void> mended = co_await mend_apart(shared, running, store, name, seen, planned);
    if (running.stop.stop_requested()) co_return failure(errc::cancelled, "stopped; what was fetched until then is kept");
    if (mended) continue;
    const condition local = condition::storage;
    if (mended.error().code == make_error_condition(local)) co_return mended.error();
    const std::string why = mended.error().text.message();
    troubles.emplace(name, why);
    running.events.emit(warning{fmt::format("{} could not be repaired: {}", name.string(), why)});
  }
  for (damaged_blob& one : damaged) {
    const auto again = seen.find(one.blob.digest);
    if (again == seen.end()) continue;
    // Found damaged while the document that names it could not be read.
    if (one.references.empty()) {
      one.blob = again->second.blob;
      one.references = again->second.references;
    }
    seen.erase(again);
  }
  for (auto& [name, one] : seen) damaged.push_back(std::move(one));
  auto check = [store, &damaged, &troubles, &in_the_way] {
    for (damaged_blob& one : damaged) {
      if (in_the_way.contains(one.blob.digest)) continue;
      // What stands in blobs/ now came after its predecessor had gone, verified. A mended manifest may have asked for what nobody did
      // before.
      std::error_code ignored;
      one.repaired = std::filesystem::exists(store->path_of(one.blob.digest), ignored);
      if (one.repaired) one.trouble.clear();
      if (one.repaired) continue;
      for (const reference& name : one.references) {
        const auto trouble = troubles.find(name);
        if (trouble != troubles.end()) one.trouble = trouble->second;
      }
    }
    return true;
  };
  co_await offload(shared.lanes, lane::files, std::move(check));
  co_return result<void>();
}

}  // namespace

bool is_in_place(const damaged_blob& one) noexcept { return !one.missing && !one.repaired && one.quarantined.empty(); }

task<result<void>> repair(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                          std::shared_ptr<store::content_store> store, std::vector<damaged_blob>& damaged, transfer_planned planned) {
  task<result<void>> mending = mend_all(shared, *running, store, damaged, planned);
  co_return co_await while_kept<void>(shared, *running, store, std::move(mending));
}

}  // namespace gantry::jobs
