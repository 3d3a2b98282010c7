#pragma once

#include "http/content_range.hpp"

#include <cstdint>
#include <string_view>
#include <variant>

namespace gantry::serve {

struct whole_body {};
struct unsatisfiable {};

/// What a Range field (RFC 9110 section 14.2) asks of a body of \p size bytes.
/// \returns one range inside the body; \ref whole_body when the field is to be ignored: another unit, several ranges, no range at all;
///          \ref unsatisfiable (416) when it begins behind the end, or ends before it begins, which the distribution-spec's conformance
///          tests want refused although RFC 9110 lets it be ignored.
std::variant<whole_body, http::byte_range, unsatisfiable> choose_range(std::string_view field, std::uint64_t size);

/// Whether If-None-Match (RFC 9110 section 13.1.2) names \p etag, which is quoted.
bool matches_etag(std::string_view if_none_match, std::string_view etag);

}  // namespace gantry::serve
