#pragma once

#include "archive/layout.hpp"

#include <gantry/digest.hpp>

#include <set>

namespace gantry::archive {

/// \p plan without the configs and layers in \p held, for a receiver who has them; manifests and indexes stay, so that the archive says
/// what belongs to it. A note says what was left out.
layout without(layout plan, const std::set<digest>& held);

}  // namespace gantry::archive
