#pragma once

#include "base/failure.hpp"
#include "runtime/task.hpp"
#include "store/blob_meta.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"

#include <gantry/descriptor.hpp>

#include <map>
#include <memory>
#include <vector>

namespace gantry::jobs {

/// A layer and what its image's configuration says that it inflates to.
struct layer_claim {
  descriptor layer;
  digest diff_id;
};

using layer_facts = std::map<digest, store::blob_meta>;  ///< by the digest of the layer

/// What layers inflate to: from the store's meta/ where that knows, else by inflating them once, several at a time, and remembering it
/// there. All layers are held. \returns errc::digest_mismatch for a layer that is not what its image says, errc::cancelled, or what
/// inflating one failed with
runtime::task<result<layer_facts>> learn_layers(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                                std::shared_ptr<store::content_store> store, std::vector<layer_claim> claims);

}  // namespace gantry::jobs
