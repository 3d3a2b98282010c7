#pragma once

#include "base/failure.hpp"
#include "registry/registry_client.hpp"
#include "runtime/stop.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/digest.hpp>
#include <gantry/reference.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::registry {

/// What of the referrers of one manifest stands on one page.
struct referrer_page {
  bool known = false;   ///< false: there is no such list; mostly since the registry has no such API
  bool no_api = false;  ///< it has none for any manifest: the answer is about neither repository nor manifest, and from no mirror
  std::vector<descriptor> manifests;
  std::string next;        ///< target of the next page; empty after the last
  std::optional<site> by;  ///< who gave it, and is asked for the next
};

/// GET /v2/<name>/referrers/<digest> (distribution-spec, "Listing Referrers"). One attempt per place, in the order of lists (listing.hpp).
/// \param before the page before; empty for the first
task<result<referrer_page>> list_referrers(registry_client& from, reference repository, digest subject, referrer_page before,
                                           runtime::stop_source& stop, precedence whom);

/// The descriptor by which a list of referrers names a manifest: with its artifact type, or that of its config, and its annotations.
/// \returns nothing when \p bytes refer to no subject, see \p subject
std::optional<descriptor> referrer_of(const descriptor& manifest, std::string_view bytes, digest& subject);

}  // namespace gantry::registry
