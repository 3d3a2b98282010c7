#pragma once

#include "base/failure.hpp"
#include "store/content_store.hpp"

#include <gantry/descriptor.hpp>

#include <string_view>

namespace gantry::serve {

/// Puts \p bytes under \p what, and what they carry inline: a client that reads `data` never asks for these blobs. Inline data that is
/// wrong is left to the client. Blocking.
result<void> put_with_carried(const store::content_store& store, const descriptor& what, std::string_view bytes);

}  // namespace gantry::serve
