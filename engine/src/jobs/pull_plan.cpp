#include "jobs/pull_plan.hpp"

#include "base/format.hpp"
#include "model/manifest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

namespace gantry::jobs {

result<pull_plan> plan_pull(const store::document_store& store, const std::vector<transfer::wanted_blob>& wanted,
                            const std::set<digest>& fetched) {
  pull_plan made;
  for (const transfer::wanted_blob& one : wanted) {
    const bool layer = one.role == blob_role::layer;
    ++made.summary.blobs;
    made.summary.bytes += one.blob.size;
    made.layers += layer ? 1 : 0;
    const bool held = store.holds(one.blob);
    if (!held && one.blob.data) {
      const result<std::optional<std::string>> carried = model::inline_content(one.blob);
      if (!carried) return carried.error();
      const result<void> put = store.put(one.blob, **carried);
      if (!put) return put.error();
    } else if (!held) {
      made.missing.push_back(one);
      continue;
    }
    made.held.push_back(one);
    if (!held || fetched.contains(one.blob.digest)) continue;
    made.layers_held += layer ? 1 : 0;
    ++made.summary.blobs_held;
    made.summary.bytes_held += one.blob.size;
  }
  return made;
}

failure not_held(const std::vector<transfer::wanted_blob>& missing) {
  constexpr std::size_t shown = 5;
  std::string list;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < missing.size(); ++i) {
    bytes += missing[i].blob.size;
    if (i < shown) list.append(i == 0 ? "" : ", ").append(missing[i].blob.digest.string());
  }
  if (missing.size() > shown) list += fmt::format(" and {} more", missing.size() - shown);
  return {errc::not_found, fmt::format("{} is not held completely: {} blob{} ({}) {} not in the store, and nothing is fetched offline: {}",
                                       missing.front().source.string(), missing.size(), missing.size() == 1 ? "" : "s", format_bytes(bytes),
                                       missing.size() == 1 ? "is" : "are", list)};
}

std::set<digest> digests_of(const std::vector<resolved_image>& images) {
  std::set<digest> all;
  for (const resolved_image& image : images) {
    all.insert(image.top.digest);
    for (const descriptor& index : image.indexes) all.insert(index.digest);
    for (const resolved_manifest& one : image.manifests) {
      all.insert(one.entry.digest);
      if (one.content.config.digest) all.insert(one.content.config.digest);
      for (const descriptor& layer : one.content.layers) all.insert(layer.digest);
    }
  }
  return all;
}

std::vector<resolved_image> held_completely(const std::vector<resolved_image>& images, const std::set<digest>& have, bool beside,
                                            const store::content_store& store) {
  const auto there = [&](const descriptor& blob) { return (!beside && !have.contains(blob.digest)) || store.holds(blob); };
  const auto documents = [&](const resolved_manifest& one) {
    return there(one.entry) && (!one.content.config.digest || there(one.content.config));
  };
  std::vector<resolved_image> complete;
  for (const resolved_image& image : images) {
    bool all = std::all_of(image.manifests.begin(), image.manifests.end(), [&](const resolved_manifest& one) {
      return std::all_of(one.content.layers.begin(), one.content.layers.end(), there) && (!beside || documents(one));
    });
    if (beside) all = all && there(image.top) && std::all_of(image.indexes.begin(), image.indexes.end(), there);
    if (all) complete.push_back(image);
  }
  return complete;
}

}  // namespace gantry::jobs
