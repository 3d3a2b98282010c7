#pragma once

#include "serve/answer.hpp"

#include <gantry/digest.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace gantry::serve {

/// What of the distribution-spec's pull and discovery half a request asks for.
enum class endpoint {
  ping,       ///< GET /v2/
  catalog,    ///< GET /v2/_catalog
  tags,       ///< GET /v2/<name>/tags/list
  manifest,   ///< GET /v2/<name>/manifests/<tag or digest>
  blob,       ///< GET /v2/<name>/blobs/<digest>
  referrers,  ///< GET /v2/<name>/referrers/<digest>
};

/// Which part of a list is wanted.
struct page_request {
  std::optional<std::size_t> count;  ///< `n`; none: as many as the server gives at once
  std::string last;                  ///< names that sort behind this one
};

/// A request that makes sense here.
struct route {
  endpoint what = endpoint::ping;
  std::string name;           ///< as it stands in the path: see catalogue::find
  std::string ns;             ///< `?ns=`: the registry that a mirror is asked in place of; empty: none
  std::string tag;            ///< of a manifest, when \ref digest is empty
  gantry::digest digest;      ///< of a manifest, a blob, or a subject
  std::string artifact_type;  ///< filter of referrers; empty: all
  page_request page;          ///< of catalog and tags
};

/// Decides what a request means. Pure. Refusals: 405 for everything but GET and HEAD, 404 for paths that are no endpoint or whose name or
/// tag the grammar refuses, 400 for digests and page sizes that cannot be read.
std::variant<route, answer> route_request(std::string_view method, std::string_view target);

/// Percent-encodes what may not stand in a query value.
std::string encode_query(std::string_view text);

}  // namespace gantry::serve
