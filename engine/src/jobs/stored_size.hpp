#pragma once

#include "store/content_store.hpp"
#include "transfer/context.hpp"

#include <cstdint>
#include <memory>

namespace gantry::jobs {

/// Bytes of all blobs of \p store; 0 when they cannot be counted, which is no reason to fail.
runtime::task<std::uint64_t> stored_size(transfer::context& shared, std::shared_ptr<store::content_store> store);

}  // namespace gantry::jobs
