#pragma once

#include "base/failure.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/digest.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::registry {

// The index in which a registry without the referrers API lists what refers to a manifest (distribution-spec, "Referrers Tag Schema"). It
// is changed in its text: what others have put there beside what we know of stays byte for byte. Pure.
//
// \param what names the list in errors. errc::malformed_document; errc::unsupported_document when what is there is no index: it is
// somebody else's.

/// One entry of such a list.
struct listed_referrer {
  gantry::digest digest;
  std::string text;  ///< its JSON object
};

/// What is written for \p entry.
listed_referrer listed(const descriptor& entry);

/// The entries of the list \p text as they stand there.
result<std::vector<listed_referrer>> read_referrers(std::string_view text, std::string_view media_type, std::string_view what);

/// \p present, the bytes of a list, with those of \p more that it lacks; an OCI index when there is none. Nothing when it names them all
/// already.
result<std::optional<std::string>> merge_referrers(std::string_view present, std::string_view media_type,
                                                   std::span<const listed_referrer> more, std::string_view what);

/// \p present without \p gone; the list may become empty, and is one all the same. Nothing when it does not name that.
result<std::optional<std::string>> remove_referrer(std::string_view present, std::string_view media_type, const digest& gone,
                                                   std::string_view what);

}  // namespace gantry::registry
