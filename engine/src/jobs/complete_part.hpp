#pragma once

#include "store/content_store.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/reference.hpp>

#include <optional>

namespace gantry::jobs {

/// The record of a name as far as it is complete; nothing when no part is. Blocking. \param whole set when nothing is missing
std::optional<store::reference_record> complete_part(const store::content_store& store, const reference& name, const descriptor& top,
                                                     bool& whole);

}  // namespace gantry::jobs
