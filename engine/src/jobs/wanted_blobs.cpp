#include "jobs/wanted_blobs.hpp"

#include <fmt/format.h>

#include <map>
#include <optional>

namespace gantry::jobs {

result<std::vector<transfer::wanted_blob>> blobs_of(const std::vector<resolved_image>& images) {
  std::vector<transfer::wanted_blob> wanted;
  std::map<digest, std::uint64_t> sizes;
  std::optional<failure> conflict;
  const auto add = [&](const resolved_image& image, const descriptor& blob, blob_role role) {
    const auto [known, added] = sizes.emplace(blob.digest, blob.size);
    if (added) wanted.push_back({image.name, blob, role});
    if (known->second != blob.size && !conflict) {
      conflict = failure(errc::malformed_document, fmt::format("{} names blob {} with two sizes, {} and {}", image.name.string(),
                                                               blob.digest.string(), known->second, blob.size));
    }
  };
  for (const resolved_image& image : images) {
    for (const resolved_manifest& one : image.manifests) {
      if (one.content.config.digest) add(image, one.content.config, blob_role::config);
      for (const descriptor& layer : one.content.layers) add(image, layer, blob_role::layer);
    }
  }
  if (conflict) return *conflict;
  return wanted;
}

}  // namespace gantry::jobs
