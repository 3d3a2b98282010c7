#pragma once

#include "model/manifest.hpp"
#include "store/content_store.hpp"
#include "store/reference_record.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/events.hpp>

#include <functional>
#include <optional>
#include <set>
#include <vector>

namespace gantry::store {

/// What a reference leads to, as far as its documents are in the store.
struct image_tree {
  struct member {
    descriptor entry;                        ///< as the record or the index names it
    bool required = false;                   ///< the record says that it is held completely
    std::optional<model::manifest> content;  ///< nothing when the document is not in the store, or damaged
  };

  std::vector<descriptor> indexes;     ///< the top when it is one, and nested ones that are held
  std::vector<member> manifests;       ///< distinct, in the order of the documents
  std::vector<descriptor> unreadable;  ///< documents that must be there and are missing or damaged

  /// Calls \p visit with every blob that the documents name, some of them more than once. \p required: the reference does not resolve fully
  /// without it.
  void for_each_blob(const std::function<void(const descriptor& blob, blob_role role, bool required)>& visit) const;
};

/// Follows the documents of \p record; each is hashed on the way. Blocking.
image_tree walk(const content_store& store, const reference_record& record);

}  // namespace gantry::store
