#include "serve/image_families.hpp"

#include "base/failure.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace gantry::serve {

std::vector<descriptor> named_by(const model::document& document) {
  if (const auto* index = std::get_if<model::index>(&document)) return index->manifests;
  const auto& manifest = std::get<model::manifest>(document);
  std::vector<descriptor> blobs = manifest.layers;
  if (manifest.config.digest) blobs.push_back(manifest.config);
  return blobs;
}

void image_families::learn(const std::string& bytes, const descriptor& top) {
  const auto document = model::parse_document(bytes, top.media_type);
  if (!document) return;
  if (sizes_.size() > most_remembered) sizes_.clear();
  if (families_.size() > most_remembered) families_.clear();
  std::set<digest> family{top.digest};
  for (const descriptor& one : named_by(*document)) {
    family.insert(one.digest);
    if (std::holds_alternative<model::manifest>(*document)) {
      sizes_.insert_or_assign(one.digest, one.size);
    } else if (const auto carried = model::inline_content(one); carried && *carried) {
      learn(**carried, one);
    }
  }
  families_.insert_or_assign(top.digest, std::move(family));
}

std::set<digest> image_families::family_of(const digest& blob) const {
  std::set<digest> all{blob};
  // The manifest of a layer, then the index of that manifest.
  for (std::size_t before = 0; before != all.size();) {
    before = all.size();
    for (const auto& [document, family] : families_) {
      const bool related = std::any_of(all.begin(), all.end(), [&family = family](const digest& one) { return family.contains(one); });
      if (related && !all.contains(document)) all.insert(family.begin(), family.end());
    }
  }
  return all;
}

std::optional<std::uint64_t> image_families::size_of(const digest& blob) const {
  const auto known = sizes_.find(blob);
  return known == sizes_.end() ? std::nullopt : std::optional(known->second);
}

}  // namespace gantry::serve
