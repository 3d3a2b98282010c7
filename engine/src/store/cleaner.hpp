#pragma once

#include "base/failure.hpp"
#include "store/clean_plan.hpp"
#include "store/content_store.hpp"

#include <atomic>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace gantry::store {

/// What a clean-up did, or would do.
struct clean_outcome {
  std::vector<reference> references;
  std::vector<stored_file> blobs;
  std::vector<stored_file> partial;
  std::uint64_t freed = 0;      ///< bytes of all that went; files with a second name elsewhere free nothing
  std::uint64_t remaining = 0;  ///< bytes of blobs and partial data that are left
  std::vector<std::string> notes;
};

/// The view of a store that \ref plan_clean needs. Blocking.
/// \param look_only leaves dead leases where they are
result<clean_view> view_of(const content_store& store, bool locks, bool look_only, const std::atomic<bool>& stop);

/// Removes what \ref plan_clean finds, references first. Stopped in the middle, what is removed is removed, and the store is whole.
/// errc::not_found, and nothing is removed, when the wish has a name that the store does not know. Blocking.
result<clean_outcome> clean(const content_store& store, const gc_lock& lock, const clean_wish& wish, file_time now,
                            const std::atomic<bool>& stop);

/// The second half of \ref clean: removes what \p plan says, but for partial data that somebody has begun to work on since. Blocking.
result<clean_outcome> carry_out(const content_store& store, const gc_lock& lock, clean_plan plan, const std::atomic<bool>& stop);

/// What \ref clean would do now. Takes no lock and writes nothing.
result<clean_outcome> preview_clean(const content_store& store, const clean_wish& wish, file_time now, const std::atomic<bool>& stop);

/// What stays although no record is known to need it.
struct unneeded_rest {
  std::set<digest> blobs;
  /// A record, or one of its documents, cannot be read, and may need them: until that is mended no clean-up takes them.
  bool unsure = false;
};

/// Removes those of \p blobs that no record needs and no lease keeps, however young they are: for who brought them and has no use for them.
/// Nothing where there are no locks, or while a record or one of its documents cannot be read. Blocking.
result<unneeded_rest> remove_unneeded(const content_store& store, const gc_lock& lock, std::set<digest> blobs,
                                      const std::atomic<bool>& stop);

}  // namespace gantry::store
