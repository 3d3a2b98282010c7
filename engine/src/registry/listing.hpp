#pragma once

#include "base/failure.hpp"
#include "registry/registry_client.hpp"
#include "runtime/stop.hpp"

#include <gantry/reference.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::registry {

/// Names of one list that are kept in memory; a longer one is errc::limit_exceeded.
inline constexpr std::size_t listing_limit = 1'000'000;

/// The tags in one page of /v2/<name>/tags/list. `tags: null` is an empty list. Names that the grammar refuses are left out.
result<std::vector<std::string>> parse_tag_page(std::string_view body, std::string_view what);

/// The repositories in one page of /v2/_catalog.
result<std::vector<std::string>> parse_repository_page(std::string_view body, std::string_view what);

/// One page of a list and where the next one is.
struct page {
  std::vector<std::string> names;
  std::string next;        ///< target of the next page; empty after the last
  std::optional<site> by;  ///< who gave it, where mirrors may have been asked, and is asked for the next
};

/// GET /v2/<name>/tags/list (distribution-spec, "Listing Tags"). One attempt per place. The registry itself is asked first, since a mirror
/// that holds only what was pulled through it, or copied to it, lists only that and cannot say so: its list stands in only while the
/// registry gives no answer. \param whom precedence::registry_alone where tags are going to be deleted \param before the page before; empty
/// for the first
task<result<page>> list_tags(registry_client& from, reference repository, page before, runtime::stop_source& stop,
                             precedence whom = precedence::registry_first);

/// GET /v2/_catalog. Not in the specification; registries that do not have it say so.
task<result<page>> list_repositories(registry_client& from, std::string registry, std::string target, runtime::stop_source& stop);

}  // namespace gantry::registry
