#include "serve/held_documents.hpp"

#include "model/media_type.hpp"
#include "store/image_tree.hpp"

#include <set>
#include <variant>

namespace gantry::serve {

std::vector<std::pair<descriptor, model::document>> held_documents(const store::content_store& store, const descriptor& top) {
  std::vector<std::pair<descriptor, model::document>> found;
  std::set<digest> seen{top.digest};
  std::vector<descriptor> level(1, top);
  // The indexes on the way, and the manifests behind the last.
  for (unsigned depth = 0; depth <= store::index_depth && !level.empty(); ++depth) {
    std::vector<descriptor> next;
    for (const descriptor& one : level) {
      const auto bytes = store.read(one, model::document_limit);
      if (!bytes) continue;
      auto document = model::parse_document(*bytes, one.media_type);
      if (!document) continue;
      if (const auto* index = std::get_if<model::index>(&*document)) {
        for (const descriptor& entry : index->manifests) {
          const bool is_document = model::is_index(entry.media_type) || model::is_manifest(entry.media_type);
          if (is_document && seen.insert(entry.digest).second) next.push_back(entry);
        }
      }
      found.emplace_back(one, std::move(*document));
    }
    level = std::move(next);
  }
  return found;
}

}  // namespace gantry::serve
