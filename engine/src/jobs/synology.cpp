#include "jobs/synology.hpp"

#include "archive/archived_image.hpp"
#include "archive/synology_layout.hpp"
#include "model/manifest.hpp"

#include <utility>

namespace gantry::jobs {
namespace {

/// The layers of all images. Blocking.
result<std::vector<layer_claim>> claims_of_all(store::content_store& store, const std::vector<archive::archived_image>& images) {
  std::vector<layer_claim> all;
  for (const archive::archived_image& image : images) {
    const result<std::vector<layer_claim>> claims = claims_of(store, image);
    if (!claims) return claims.error();
    all.insert(all.end(), claims->begin(), claims->end());
  }
  return all;
}

result<archive::layout> arrange(store::content_store& store, const std::vector<archive::archived_image>& images, const layer_facts& known) {
  archive::image_contents contents;
  contents.config = [&store](const descriptor& config) { return store.read(config, model::document_limit); };
  contents.facts = [&known](const descriptor& layer, const digest& diff_id) -> result<store::blob_meta> {
    store::blob_meta facts = known.at(layer.digest);
    if (facts.diff_id != diff_id) {
      return failure(errc::digest_mismatch, "two images say of layer " + layer.digest.string() + " that it inflates to different things");
    }
    return facts;
  };
  return archive::plan_synology(images, contents);
}

}  // namespace

result<std::vector<layer_claim>> claims_of(store::content_store& store, const archive::archived_image& image) {
  const auto taken = archive::check_synology({&image, 1});
  if (!taken) return taken.error();
  const archive::archived_manifest& held = *taken->front();
  const result<std::string> text = store.read(*held.config, model::document_limit);
  if (!text) return text.error();
  const result<model::image_config> config = archive::parsed_config(*text, held, archive::label(image));
  if (!config) return config.error();
  std::vector<layer_claim> claims;
  for (std::size_t layer = 0; layer < held.layers.size(); ++layer) claims.push_back({held.layers[layer], config->diff_ids[layer]});
  return claims;
}

runtime::task<result<archive::layout>> plan_legacy(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                                   std::shared_ptr<store::content_store> store, std::vector<archive::archived_image> images,
                                                   layer_facts known_before) {
  using runtime::lane;
  auto shared_images = std::make_shared<std::vector<archive::archived_image>>(std::move(images));
  auto read = [store, shared_images] { return claims_of_all(*store, *shared_images); };
  result<std::vector<layer_claim>> claims = co_await runtime::offload(shared.lanes, lane::files, std::move(read));
  if (!claims) co_return claims.error();
  result<layer_facts> facts = co_await learn_layers(shared, running, store, std::move(*claims), std::move(known_before));
  if (!facts) co_return facts.error();
  auto known = std::make_shared<layer_facts>(std::move(*facts));
  auto planning = [store, shared_images, known] { return arrange(*store, *shared_images, *known); };
  co_return co_await runtime::offload(shared.lanes, lane::files, std::move(planning));
}

}  // namespace gantry::jobs
