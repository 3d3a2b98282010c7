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

/// How many indexes may lie on the way to a manifest (DESIGN section 6, "index depth").
constexpr unsigned index_depth = 4;

/// What a reference leads to, as far as its documents are in the store.
struct image_tree {
  struct index {
    descriptor entry;
    bool required = false;  ///< the top, or on the way to a manifest that the record says is held
  };
  struct member {
    descriptor entry;                        ///< as the record or the index names it
    bool required = false;                   ///< the record says that it is held completely
    std::optional<model::manifest> content;  ///< nothing when the document is not in the store, or damaged
  };

  std::vector<index> indexes;     ///< the top when it is one, and nested ones that can be read
  std::vector<member> manifests;  ///< distinct, in the order of the documents
  /// Documents that must be there and are missing or damaged. A nested index must when the record says that it came with it, and when a
  /// manifest of the record is behind none that can be read: nothing else tells where that one belongs, so that all nested indexes that
  /// cannot be read count then.
  std::vector<descriptor> unreadable;
  bool partial = false;  ///< the documents name others that are not there, required or not

  /// Calls \p visit with every blob that the documents name, some of them more than once. \p required: the reference does not resolve fully
  /// without it.
  void for_each_blob(const std::function<void(const descriptor& blob, blob_role role, bool required)>& visit) const;
};

/// Follows the documents of \p record; each is hashed on the way. Blocking.
image_tree walk(const content_store& store, const reference_record& record);

/// The nested indexes behind \p top that can be read, as a record lists them. Blocking.
std::vector<descriptor> nested_indexes(const content_store& store, const descriptor& top);

}  // namespace gantry::store
