#pragma once

#include "archive/byte_input.hpp"
#include "archive/file_set.hpp"
#include "base/failure.hpp"
#include "store/content_store.hpp"

#include <gantry/digest.hpp>

#include <atomic>
#include <memory>
#include <set>

namespace gantry::archive {

/// Takes a tar that can only be read once, from front to back: what may be a blob goes into \p store as it comes, hashed, since only the
/// end of an archive says what it was; documents stay in memory. Files that turn out to belong to no image stay in the store without a
/// reference: the caller has them in \p added.
/// \param from the plain tar; read to its end
/// \param added gets the digests of the blobs that the store did not have before, also when the call fails; may be null
/// \returns the files; errors as tar_reader and member_list,
/// errc::cancelled, and what the store fails with
result<std::shared_ptr<file_set>> take_in(byte_input& from, const std::shared_ptr<store::content_store>& store,
                                          const std::atomic<bool>& stop, std::set<digest>* added = nullptr);

}  // namespace gantry::archive
