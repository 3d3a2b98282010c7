#include "archive/synology_layout.hpp"

#include "archive/archived_image.hpp"
#include "archive/layer_facts.hpp"
#include "archive/legacy_layers.hpp"
#include "archive/tar.hpp"
#include "model/image_config.hpp"

#include <fmt/format.h>

#include <set>
#include <utility>

namespace gantry::archive {
namespace {

constexpr std::string_view format_name = "the synology format";

/// The one manifest of \p image that the archive takes.
result<const archived_manifest*> only_platform(const archived_image& image) {
  const result<std::vector<const archived_manifest*>> found = runnable(image, format_name);
  if (!found) return found.error();
  if (found->size() == 1) return found->front();
  return failure(errc::invalid_option, fmt::format("{} is here for {}, but {} holds one platform; name one with --platform", label(image),
                                                   platform_list(*found), format_name));
}

class synology_planner {
 public:
  synology_planner(std::span<const archived_image> images, const image_contents& contents)
      : images_(images), contents_(contents), owners_(images, plan_.notes) {}

  result<layout> run() {
    for (const archived_image& image : images_) {
      if (const result<void> added = add(image); !added) return added.error();
    }
    std::vector<std::pair<std::string, std::string>> documents;
    docker_.append_to(documents);
    for (auto& [name, text] : documents) append(plan_, std::move(name), std::move(text));
    plan_.size += tar_end_size;
    return std::move(plan_);
  }

 private:
  result<void> add(const archived_image& image) {
    const result<const archived_manifest*> chosen = only_platform(image);
    if (!chosen) return chosen.error();
    const archived_manifest& held = **chosen;
    const result<std::string> text = contents_.config(*held.config);
    if (!text) return text.error();
    const result<model::image_config> config = parsed_config(*text, held, label(image));
    if (!config) return config.error();

    std::string config_name = std::string(held.config->digest.encoded()) + ".json";
    if (known_.insert(config_name).second) append(plan_, entry{config_name, held.config->size, *held.config, 0, 0});
    std::vector<std::string> paths;
    const std::vector<legacy_layer> layers = legacy_layers(*text, config->diff_ids, config->platform.os);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      paths.push_back(layers[i].id + "/layer.tar");
      const result<void> added = add_layer(layers[i], held.layers[i], config->diff_ids[i]);
      if (!added) return added.error();
    }
    docker_.add(std::move(config_name), std::move(paths), layers.empty() ? std::string() : layers.back().id, owners_.tags_of(image));
    return {};
  }

  result<void> add_layer(const legacy_layer& layer, const descriptor& blob, const digest& diff_id) {
    if (!known_.insert(layer.id).second) return {};
    const result<store::blob_meta> facts = contents_.facts(blob, diff_id);
    if (!facts) return facts.error();
    append(plan_, layer.id + "/", std::string());
    append(plan_, layer.id + "/VERSION", "1.0");
    append(plan_, layer.id + "/json", layer.json);
    append(plan_, entry{layer.id + "/layer.tar", facts->raw_size, inflated_layer{blob, *facts}, 0, 0});
    return {};
  }

  std::span<const archived_image> images_;
  const image_contents& contents_;
  layout plan_;
  name_owners owners_;
  docker_images docker_;
  std::set<std::string> known_;
};

}  // namespace

result<model::image_config> parsed_config(std::string_view text, const archived_manifest& held, std::string_view image) {
  result<model::image_config> config = model::parse_image_config(text, fmt::format("the configuration of {}", image));
  if (config && config->diff_ids.size() != held.layers.size()) {
    return failure(
        errc::malformed_document,
        fmt::format("the manifest of {} has {} layer{}, its configuration names {}: the image is damaged, and only who made it can mend it",
                    image, held.layers.size(), held.layers.size() == 1 ? "" : "s", config->diff_ids.size()));
  }
  return config;
}

result<std::vector<const archived_manifest*>> check_synology(std::span<const archived_image> images) {
  std::vector<const archived_manifest*> taken;
  for (const archived_image& image : images) {
    const result<const archived_manifest*> only = only_platform(image);
    if (!only) return only.error();
    taken.push_back(*only);
  }
  return taken;
}

result<layout> plan_synology(std::span<const archived_image> images, const image_contents& contents) {
  return synology_planner(images, contents).run();
}

}  // namespace gantry::archive
