#include "store/reference_record.hpp"

#include "model/platform_match.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace gantry::store {

reference_record merge(const reference_record& older, reference_record newer) {
  if (older.top.digest != newer.top.digest) return newer;
  // One manifest may be listed for several platforms.
  for (const descriptor& held : older.manifests) {
    const bool known = std::any_of(newer.manifests.begin(), newer.manifests.end(), [&](const descriptor& manifest) {
      return manifest.digest == held.digest && manifest.platform == held.platform;
    });
    if (!known) newer.manifests.push_back(held);
  }
  const auto key = [](const descriptor& value) {
    return std::pair(value.digest, value.platform ? to_string_all(*value.platform) : std::string());
  };
  std::sort(newer.manifests.begin(), newer.manifests.end(), [&](const descriptor& a, const descriptor& b) { return key(a) < key(b); });
  const auto by_digest = [](const descriptor& a, const descriptor& b) { return a.digest < b.digest; };
  std::vector<descriptor> indexes;
  std::set_union(newer.indexes.begin(), newer.indexes.end(), older.indexes.begin(), older.indexes.end(), std::back_inserter(indexes),
                 by_digest);
  newer.indexes = std::move(indexes);
  return newer;
}

const descriptor& index_entry(const reference_record& record) noexcept {
  const descriptor* only = nullptr;
  for (const descriptor& one : record.manifests) {
    // What describes the image is no second platform.
    if (model::is_attestation(one) && record.manifests.size() != 1) continue;
    if (only != nullptr) return record.top;
    only = &one;
  }
  return only != nullptr ? *only : record.top;
}

}  // namespace gantry::store
