#pragma once

#include "base/failure.hpp"
#include "runtime/file.hpp"
#include "store/journal.hpp"

#include <gantry/digest.hpp>

#include <atomic>
#include <span>
#include <vector>

namespace gantry::store {

/// Of \p claimed those whose bytes \p data still has; what others have said before is left out. What cannot be read counts as not there.
/// \param blob for messages
/// \param stop looked at between reads, may be null
/// \returns errc::cancelled when stopped
result<std::vector<journal_record>> trusted_pieces(const runtime::file& data, std::span<const journal_record> claimed, const digest& blob,
                                                   const std::atomic<bool>* stop);

}  // namespace gantry::store
