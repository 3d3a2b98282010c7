#include "jobs/complete_part.hpp"

#include "base/failure.hpp"
#include "model/image_config.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"
#include "store/image_tree.hpp"

#include <algorithm>
#include <utility>

namespace gantry::jobs {
namespace {

/// Whether all that a manifest names is held; foreign layers may be had elsewhere.
bool is_complete(const store::content_store& store, const model::manifest& manifest) {
  const auto held = [&](const descriptor& blob) { return model::is_foreign_layer(blob.media_type) || store.holds(blob); };
  return (manifest.config.digest.empty() || held(manifest.config)) && std::all_of(manifest.layers.begin(), manifest.layers.end(), held);
}

/// \p entry with the platform of its configuration where its index names none.
descriptor with_platform(const store::content_store& store, descriptor entry, const model::manifest& manifest) {
  if (entry.platform || !model::is_image(manifest)) return entry;
  const auto bytes = store.read(manifest.config, model::document_limit);
  const auto config = bytes ? model::parse_image_config(*bytes, "the configuration") : result<model::image_config>(bytes.error());
  if (config) entry.platform = normalise(config->platform);
  return entry;
}

}  // namespace

std::optional<store::reference_record> complete_part(const store::content_store& store, const reference& name, const descriptor& top,
                                                     bool& whole) {
  store::reference_record record;
  record.name = name;
  record.top = top;
  const store::image_tree tree = walk(store, record);
  whole = tree.unreadable.empty() && !tree.partial;
  for (const store::image_tree::member& one : tree.manifests) {
    if (one.content && is_complete(store, *one.content)) {
      record.manifests.push_back(with_platform(store, one.entry, *one.content));
    } else {
      whole = false;
    }
  }
  return record.manifests.empty() ? std::nullopt : std::optional(std::move(record));
}

}  // namespace gantry::jobs
