#pragma once

#include "base/failure.hpp"
#include "store/content_store.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/digest.hpp>
#include <gantry/events.hpp>
#include <gantry/reference.hpp>

#include <atomic>
#include <cstddef>
#include <map>
#include <vector>

namespace gantry::jobs {

/// Where a blob is needed.
struct blob_need {
  descriptor blob;
  std::vector<reference> references;  ///< in the order of the store's list; never empty
};

/// What there is in a store, and what ought to be, as it was at one time. Hashing it all takes minutes to hours, in which others clean and
/// pull: whoever acts on it then asks \ref stands and \ref still_missing.
struct store_survey {
  std::vector<store::stored_file> files;  ///< the largest first
  std::map<digest, blob_need> needed;
  std::map<digest, blob_role> roles;           ///< of all that a name leads to, needed or not
  std::map<reference, digest> tops;            ///< what each name stood for
  std::vector<store::damaged_record> records;  ///< that nobody can read

  /// What \p blob is to an image. What no name leads to passes for a layer: nothing says otherwise.
  blob_role role_of(const digest& blob) const {
    const auto known = roles.find(blob);
    return known == roles.end() ? blob_role::layer : known->second;
  }
};

/// Looks at all records and files. Blocking. \returns errc::cancelled once \p stop is set, and what the store cannot be read with
result<store_survey> look_at(const store::content_store& store, const std::atomic<bool>& stop);

/// Whether \p name still stands for what it stood for. A record that cannot be looked at does: nothing says otherwise. Blocking.
bool stands(const store::content_store& store, const store_survey& seen, const reference& name);

/// What is needed now as it was then, and is not there in its right size; with the names that still need it. Blocking.
std::vector<blob_need> still_missing(const store::content_store& store, const store_survey& seen);

/// Those of the records nobody can read that are still there, and still cannot be read. Blocking.
std::vector<store::damaged_record> still_damaged(const store::content_store& store, std::vector<store::damaged_record> records);

}  // namespace gantry::jobs
