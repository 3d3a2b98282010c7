#include "serve/carried_content.hpp"

#include "model/manifest.hpp"
#include "model/media_type.hpp"
#include "serve/image_families.hpp"

namespace gantry::serve {

result<void> put_with_carried(const store::content_store& store, const descriptor& what, std::string_view bytes) {
  if (const result<void> put = store.put(what, bytes); !put) return put;
  if (!model::is_manifest(what.media_type) && !model::is_index(what.media_type)) return {};
  const auto document = model::parse_document(bytes, what.media_type);
  if (!document) return {};
  for (const descriptor& one : named_by(*document)) {
    const auto carried = model::inline_content(one);
    if (!carried || !*carried) continue;
    if (const result<void> put = put_with_carried(store, one, **carried); !put) return put;
  }
  return {};
}

}  // namespace gantry::serve
