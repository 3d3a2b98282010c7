#include "jobs/push_plan.hpp"

#include "archive/chosen_index.hpp"
#include "base/redact.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"
#include "model/platform_match.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace gantry::jobs {
namespace {

/// One name of an image, and what it becomes.
struct pushed_name {
  reference source;  ///< empty: it has none
  reference target;
};

result<reference> below(const push_prefix& prefix, const reference& name, const digest& top) {
  const std::string path = prefix.path.empty() ? name.repository() : prefix.path + "/" + name.repository();
  error_code ec;
  diagnostics text;
  reference made = reference::parse(fmt::format("{}/{}", prefix.registry, path), ec, text);
  if (ec) return failure(ec, text.message());
  return name.tag().empty() ? made.with_tag({}).with_digest(top) : made.with_tag(name.tag());
}

/// What to do about \p image, the \p at -th of \p count, which has no name to be kept.
failure nameless(const archive::archived_image& image, const push_prefix& prefix, std::size_t at, std::size_t count) {
  const bool tagged = !image.bare_tags.empty();
  const std::string tag = tagged ? clean_text(image.bare_tags.front(), 128) : std::string();
  const std::string id = image.top.digest.string();
  // A layout may have tags alone; of which repository they are it does not say.
  const std::string lack = tagged ? fmt::format("the image {} has only the tag {} in the source, and no repository", id, tag)
                                  : fmt::format("the image {} has no name in the source", id);
  const std::string name =
      fmt::format("{}/{}{}NAME:{}", prefix.registry, prefix.path, prefix.path.empty() ? "" : "/", tagged ? tag : "TAG");
  if (count == 1)
    return failure(errc::invalid_option, fmt::format("{}; name {} in the target, e.g. {}", lack, tagged ? "both" : "it", name));
  const std::string member = tagged ? "oci:SOURCE:" + tag : fmt::format("docker-archive:SOURCE:@{}", at);
  return failure(errc::invalid_option, fmt::format("{}; push it alone, e.g. 'gantry push {} {}'", lack, member, name));
}

/// The names that one image gets: the one that is asked for, or each that it has; none when it has none.
result<std::vector<pushed_name>> pushed_names(const archive::archived_image& image, const push_target& target) {
  std::vector<pushed_name> names;
  if (const auto* named = std::get_if<reference>(&target)) {
    names.push_back({image.names.empty() ? reference() : image.names.front(), *named});
    return names;
  }
  const auto& prefix = std::get<push_prefix>(target);
  for (const reference& name : image.names) {
    result<reference> made = below(prefix, name, image.top.digest);
    if (!made) return made.error();
    names.push_back({name, std::move(*made)});
  }
  return names;
}

/// Two images would get one name.
failure same_name(const reference& target, const push_target& where) {
  if (std::holds_alternative<reference>(where)) {
    return failure(errc::invalid_option,
                   fmt::format("several images of the source would become {}; end the target in / to keep their names", target.string()));
  }
  return failure(
      errc::invalid_option,
      fmt::format("two images of the source would become {}, since registries are left out of their names; push each alone, e.g. "
                  "'gantry push docker-archive:FILE:NAME {}'",
                  target.string(), target.string()));
}

}  // namespace

result<std::vector<const archive::archived_manifest*>> choose_manifests(const archive::archived_image& image,
                                                                        const std::vector<platform>& wanted) {
  model::index entries;
  for (const auto& one : image.manifests) {
    descriptor entry = one.manifest;
    if (!one.platform.os.empty()) entry.platform = one.platform;
    if (!one.attestation) entries.manifests.push_back(std::move(entry));
  }
  std::vector<const archive::archived_manifest*> chosen;
  for (const platform& each : wanted) {
    const descriptor* const best = model::choose(entries, each);
    if (best == nullptr) {
      std::string there;
      for (const platform& known : model::platforms_of(entries)) there += (there.empty() ? "" : ", ") + to_string_all(known);
      const std::string name = image.names.empty() ? "the source" : image.names.front().string();
      return failure(errc::platform_not_found,
                     fmt::format("{} has no image for {}; there is {}", name, to_string_all(each), there.empty() ? "none" : there));
    }
    const auto found = std::find_if(image.manifests.begin(), image.manifests.end(),
                                    [&](const archive::archived_manifest& one) { return one.manifest.digest == best->digest; });
    if (std::find(chosen.begin(), chosen.end(), &*found) == chosen.end()) chosen.push_back(&*found);
  }
  return chosen;
}

void add_attestations(const archive::archived_image& image, std::vector<const archive::archived_manifest*>& chosen) {
  std::set<digest> kept;
  for (const auto* one : chosen) kept.insert(one->manifest.digest);
  for (const archive::archived_manifest& one : image.manifests) {
    if (one.attestation && kept.contains(model::attested(one.manifest))) chosen.push_back(&one);
  }
}

/// A choice of all that an index names is the index.
result<part_of_image> choose_part(const archive::archived_image& image, const std::vector<platform>& wanted, bool as_index) {
  auto picked = choose_manifests(image, wanted);
  if (!picked) return picked.error();
  part_of_image part;
  part.manifests = std::move(*picked);
  // One platform is its manifest, which has no place for what describes it.
  part.makes_index = part.manifests.size() > 1 || as_index;
  if (part.makes_index) add_attestations(image, part.manifests);
  part.whole = part.makes_index && !image.indexes.empty() && part.manifests.size() == image.manifests.size();
  return part;
}

result<void> keep_part(archive::archived_image& image, const std::vector<platform>& wanted, bool as_index) {
  const auto part = choose_part(image, wanted, as_index);
  if (!part) return part.error();
  if (part->whole) return {};
  std::vector<archive::archived_manifest> kept;
  for (const archive::archived_manifest* one : part->manifests) kept.push_back(*one);
  image.manifests = std::move(kept);
  image.indexes.clear();
  image.as_index = part->makes_index;
  return {};
}

namespace {

/// What an index names and is no manifest goes the way of a blob, as crane and oras have it.
bool is_opaque(const archive::archived_manifest& one) {
  return !one.manifest.media_type.empty() && !model::is_manifest(one.manifest.media_type) && !one.config && one.layers.empty();
}

/// Which documents go, top last, and whose blobs.
result<std::vector<const archive::archived_manifest*>> plan_documents(const archive::archived_image& image, const push_options& options,
                                                                      bool remade, planned_image& into) {
  std::vector<const archive::archived_manifest*> chosen;
  const auto by_digest = [&](const descriptor& document) {
    return planned_manifest{document, into.target.with_tag({}).with_digest(document.digest), {}};
  };
  const bool single = image.manifests.size() == 1 && image.manifests.front().manifest.digest == image.top.digest;
  bool makes_index = remade;
  bool whole = options.platforms.empty() && !remade;
  if (!options.platforms.empty()) {
    auto part = choose_part(image, options.platforms, options.as_index);
    if (!part) return part.error();
    chosen = std::move(part->manifests);
    makes_index = part->makes_index;
    whole = part->whole;
  }
  if (whole || options.platforms.empty()) {
    chosen.clear();
    for (const auto& one : image.manifests) chosen.push_back(&one);
  }
  for (const auto* one : chosen) {
    if (!is_opaque(*one)) into.manifests.push_back(by_digest(one->manifest));
  }
  if (!whole && makes_index) {
    archive::made_index made = archive::index_of(image, chosen);
    into.manifests.push_back({std::move(made.top), reference(), std::move(made.text)});
  }
  if (whole) {
    if (!single && image.indexes.empty()) {
      std::string held;
      for (const auto* one : chosen) {
        if (!one->attestation) held += (held.empty() ? "" : ", ") + to_string_all(one->platform);
      }
      return failure(errc::not_found, fmt::format("only {} of {} is at hand, and an index goes as a whole", held,
                                                  image.names.empty() ? image.top.digest.string() : image.names.front().string()));
    }
    // Inner indexes before those that name them.
    for (std::size_t i = image.indexes.size(); i-- > 0;) into.manifests.push_back(by_digest(image.indexes[i]));
  }
  into.top = into.manifests.back().document;
  into.manifests.back().name = into.target.digest() ? into.target.with_tag({}) : into.target;
  if (into.target.digest() && into.target.digest() != into.top.digest) {
    return failure(errc::invalid_option,
                   fmt::format("{} names a digest, and what would be written has {}", into.target.string(), into.top.digest.string()));
  }
  return chosen;
}

/// Adds what \p chosen consists of and the repository of \p target is not planned to get yet.
void add_blobs(push_plan& plan, std::set<std::pair<std::string, digest>>& listed, const reference& target,
               const std::vector<const archive::archived_manifest*>& chosen) {
  const auto add = [&](const descriptor& blob, blob_role role) {
    const bool foreign = model::is_foreign_layer(blob.media_type) &&
                         !blob.urls.empty();  // stays where it is (image-spec layer.md, "Non-Distributable Layers")
    if (!foreign && listed.emplace(target.name(), blob.digest).second) {
      plan.blobs.push_back({target.registry(), target.repository(), blob, role});
    }
  };
  for (const auto* manifest : chosen) {
    if (is_opaque(*manifest)) add(manifest->manifest, blob_role::layer);
    if (manifest->config) add(*manifest->config, blob_role::config);
    for (const descriptor& layer : manifest->layers) add(layer, blob_role::layer);
  }
}

}  // namespace

result<push_plan> plan_push(const std::vector<archive::archived_image>& images, const push_target& target, const push_options& options,
                            const std::set<digest>& remade) {
  push_plan plan;
  std::map<reference, digest> names;
  std::set<std::pair<std::string, digest>> listed;
  for (const archive::archived_image& image : images) {
    const auto called = pushed_names(image, target);
    if (!called) return called.error();
    if (called->empty()) {
      const auto at = static_cast<std::size_t>(&image - images.data());
      return nameless(image, std::get<push_prefix>(target), at, images.size());
    }
    for (const pushed_name& name : *called) {
      planned_image one;
      one.source = name.source;
      one.target = name.target;
      const auto chosen = plan_documents(image, options, remade.contains(image.top.digest), one);
      if (!chosen) return chosen.error();
      const auto [known, added] = names.emplace(one.target, one.top.digest);
      if (!added && known->second != one.top.digest) return same_name(one.target, target);
      if (!added) continue;
      add_blobs(plan, listed, one.target, *chosen);
      plan.images.push_back(std::move(one));
    }
  }
  // Large ones first: the last one to begin should be the shortest.
  std::stable_sort(plan.blobs.begin(), plan.blobs.end(),
                   [](const planned_blob& a, const planned_blob& b) { return a.blob.size > b.blob.size; });
  return plan;
}

void add_hints(mount_hints& hints, const archive::archived_image& image, const std::string& repository) {
  const auto add = [&](const digest& blob) {
    auto& places = hints[blob];
    if (std::find(places.begin(), places.end(), repository) == places.end()) places.push_back(repository);
  };
  for (const auto& one : image.manifests) {
    if (one.config) add(one.config->digest);
    for (const descriptor& layer : one.layers) add(layer.digest);
  }
}

}  // namespace gantry::jobs
