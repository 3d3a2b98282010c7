#pragma once

#include "base/failure.hpp"
#include "runtime/task.hpp"
#include "store/blob_meta.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"

#include <gantry/descriptor.hpp>

#include <atomic>
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

/// What a layer that is held inflates to: from the store's meta/ where that knows, else by inflating it once and remembering it there.
/// Blocking, and long where it has to be inflated. Errors as \ref learn_layers.
result<store::blob_meta> learn_layer(store::content_store& store, const layer_claim& claim, const std::atomic<bool>& stop);

/// How many layers are inflated at the same time: as many as the lane has threads on most machines; it queues what is too much.
constexpr unsigned layers_at_once = 8;

/// What layers inflate to: from the store's meta/ where that knows, else by inflating them once, several at a time, and remembering it
/// there. All layers are held.
/// \param known what this run has learnt of some of them already \returns errc::digest_mismatch for a layer that is not what its image
/// says, errc::cancelled, or what inflating one failed with
runtime::task<result<layer_facts>> learn_layers(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                                std::shared_ptr<store::content_store> store, std::vector<layer_claim> claims,
                                                layer_facts known = {});

}  // namespace gantry::jobs
