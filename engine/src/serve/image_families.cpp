#include "serve/image_families.hpp"

#include "base/failure.hpp"

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
  if (document) learn(*document, top);
}

void image_families::learn(const model::document& document, const descriptor& top) {
  if (sizes_.size() > most_remembered) sizes_.clear();
  if (named_.size() > most_remembered || namers_.size() > most_remembered || pairs_ > most_named) {
    named_.clear();
    namers_.clear();
    pairs_ = 0;
  }
  std::set<digest> named;
  for (const descriptor& one : named_by(document)) {
    named.insert(one.digest);
    if (namers_[one.digest].insert(top.digest).second) ++pairs_;
    if (std::holds_alternative<model::manifest>(document)) {
      sizes_.insert_or_assign(one.digest, one.size);
    } else if (const auto carried = model::inline_content(one); carried && *carried) {
      learn(**carried, one);
    }
  }
  named_.insert_or_assign(top.digest, std::move(named));
}

void image_families::add_all(std::set<digest>& to, const digest& from, const std::map<digest, std::set<digest>>& next) {
  std::vector<digest> open(1, from);
  while (!open.empty()) {
    const auto found = next.find(open.back());
    open.pop_back();
    if (found == next.end()) continue;
    for (const digest& one : found->second) {
      if (to.insert(one).second) open.push_back(one);
    }
  }
}

std::set<digest> image_families::above(const digest& blob) const {
  std::set<digest> documents{blob};
  add_all(documents, blob, namers_);
  return documents;
}

std::set<digest> image_families::family_of(const digest& blob) const {
  const std::set<digest> documents = above(blob);
  std::set<digest> all = documents;
  for (const digest& document : documents) add_all(all, document, named_);
  return all;
}

std::optional<std::uint64_t> image_families::size_of(const digest& blob) const {
  const auto known = sizes_.find(blob);
  return known == sizes_.end() ? std::nullopt : std::optional(known->second);
}

}  // namespace gantry::serve
