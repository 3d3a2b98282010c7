#pragma once

#include "model/manifest.hpp"
#include "store/content_store.hpp"

#include <gantry/descriptor.hpp>

#include <utility>
#include <vector>

namespace gantry::serve {

/// The documents behind \p top that the store holds, each hashed on the way: itself, and what indexes name. Blocking.
std::vector<std::pair<descriptor, model::document>> held_documents(const store::content_store& store, const descriptor& top);

}  // namespace gantry::serve
