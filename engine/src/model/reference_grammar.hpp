#pragma once

#include "base/failure.hpp"

#include <gantry/digest.hpp>

#include <string>
#include <string_view>

namespace gantry::model {

/// What a reference consists of before docker's defaults are filled in (distribution/reference regexp.go). Parts that are absent are empty.
struct reference_parts {
  std::string domain;  ///< host and optional port
  std::string path;    ///< repository below the domain
  std::string tag;
  gantry::digest digest;
};

/// Splits `[domain/]path[:tag][@digest]`. A first path component that could be a domain is taken for one.
/// \returns errc::invalid_reference, or errc::invalid_digest when only the digest is wrong; the sentence says what is.
result<reference_parts> split_reference(std::string_view text);

/// Fills in docker's defaults: `docker.io` where no domain stands, `library/` where it has no namespace; no tag.
result<reference_parts> normalise_reference(std::string_view text);

/// The distribution-spec's grammar of a repository name and of a tag, as they go into URLs and file names.
bool is_repository(std::string_view name) noexcept;
bool is_tag(std::string_view tag) noexcept;

}  // namespace gantry::model
