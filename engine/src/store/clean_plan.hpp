#pragma once

#include "store/inventory.hpp"
#include "store/lease.hpp"

#include <gantry/digest.hpp>
#include <gantry/reference.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gantry::store {

/// Blobs that no reference needs stay so long: an interrupted pull goes on with them.
inline constexpr std::chrono::hours clean_grace{24};
/// Partial data that can be resumed, what is in quarantine, and files that never got their name.
inline constexpr std::chrono::hours partial_life{7 * 24};

/// What is to go besides what is due anyway.
struct clean_wish {
  std::vector<reference> names;                    ///< these references
  bool all = false;                                ///< everything that nobody is working with
  std::optional<std::chrono::seconds> older_than;  ///< references that were not pulled for so long
  std::optional<std::uint64_t> max_size;           ///< the least recently pulled references, until no more bytes than these remain
};

/// A store as a clean-up sees it.
struct clean_view {
  struct named {
    reference name;
    file_time used{};        ///< when it was last pulled
    std::set<digest> blobs;  ///< all that its documents lead to
    bool readable = true;    ///< false: its record or some of its documents are missing or damaged, so that \ref blobs may lack some
  };
  std::vector<named> references;
  inventory files;
  leased_blobs leases;
  bool locks = true;  ///< false: nobody can tell who is working here
};

/// What goes, in the order in which it goes.
struct clean_plan {
  std::vector<reference> references;
  std::vector<stored_file> blobs;
  std::vector<stored_file> partial;
  std::vector<stored_file> others;  ///< facts about blobs, what was in quarantine, files without their name
  std::uint64_t in_use = 0;         ///< bytes that would go if nobody were working with them
  std::uint64_t remaining = 0;      ///< bytes of blobs and partial data afterwards
  std::vector<std::string> notes;   ///< sentences for the user
};

/// Whether two names stand for one record: with a digest the tag only names.
bool same_record(const reference& a, const reference& b);

/// Decides what a clean-up removes. Pure. Blobs that no reference leads to go after \ref clean_grace, those of the references removed here
/// at once, and so does partial data that nobody can resume; what a lease names stays in any case.
clean_plan plan_clean(const clean_view& view, const clean_wish& wish, file_time now);

}  // namespace gantry::store
