#pragma once

#include "base/failure.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"

#include <gantry/events.hpp>
#include <gantry/store.hpp>

#include <memory>
#include <vector>

namespace gantry::jobs {

using runtime::task;

/// Whether the damaged file is still where it was, since it could not be set aside.
bool is_in_place(const damaged_blob& one) noexcept;

/// Fetches what is damaged or missing from the registries of the references that need it, documents first. A reference that cannot be
/// mended does not keep the others from it; why is told in \p damaged and by a warning. What only a fetched document shows to be missing is
/// added to \p damaged. Fails only for errc::cancelled and where the store fails as a whole.
/// \param planned what was told of the operation so far; what is to be fetched is added, and told
task<result<void>> repair(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                          std::shared_ptr<store::content_store> store, std::vector<damaged_blob>& damaged, transfer_planned planned);

}  // namespace gantry::jobs
