#pragma once

#include "base/failure.hpp"

#include <gantry/descriptor.hpp>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace gantry::model {

class json_writer;

inline constexpr std::size_t document_limit = std::size_t{8} << 20;  ///< bytes of a manifest, index or config
inline constexpr std::size_t layer_limit = 1'000;
inline constexpr std::size_t index_limit = 10'000;
inline constexpr std::size_t inline_data_limit = std::size_t{1} << 20;  ///< bytes; longer `data` is left out, as the specification allows

/// An image manifest of OCI or of Docker v2 schema 2 (image-spec manifest.md).
struct manifest {
  std::string media_type;     ///< the body's own, else what it was declared as, else guessed; never empty
  std::string artifact_type;  ///< empty when absent
  descriptor config;
  std::vector<descriptor> layers;  ///< in order, duplicates as they stand; may be empty
  std::optional<descriptor> subject;
  std::map<std::string, std::string> annotations;

  friend bool operator==(const manifest&, const manifest&) = default;
};

/// An OCI image index or a Docker manifest list (image-spec image-index.md).
struct index {
  std::string media_type;
  std::string artifact_type;
  std::vector<descriptor> manifests;
  std::optional<descriptor> subject;
  std::map<std::string, std::string> annotations;

  friend bool operator==(const index&, const index&) = default;
};

using document = std::variant<manifest, index>;

/// What a body is, found from its top level alone.
/// \param declared Content-Type of the answer or media type of the descriptor; parameters are ignored; empty or a type that is none of a
///        manifest's (application/json, text/plain) leaves it to the body.
/// \returns one of the manifest, index or schema 1 types of \ref media_type. errc::malformed_document when the body could be read as two
/// kinds
///          (CVE-2021-41190) or is no JSON object, errc::unsupported_document when it is of no kind that is known.
/// \param what names the document in errors ("the manifest of nginx:1.25").
result<std::string> detect_media_type(std::string_view body, std::string_view declared, std::string_view what = "the manifest");

/// Reads a manifest or an index; parameters as for \ref detect_media_type.
/// \returns errc::malformed_document with place and reason; errc::limit_exceeded beyond 8 MiB, 1,000 layers, 10,000 entries;
///          errc::unsupported_document for schema 1 and for digests of algorithms that gantry cannot verify.
result<document> parse_document(std::string_view body, std::string_view declared, std::string_view what = "the manifest");

/// Reads one descriptor that is a document of its own (image-spec descriptor.md). Errors as \ref parse_document.
result<descriptor> parse_descriptor(std::string_view text, std::string_view what = "the descriptor");

/// Writes \p value as an object, members in the order mediaType, digest, size, urls, annotations, data, platform, artifactType; absent ones
/// left out.
void write(json_writer& out, const descriptor& value);
void write(json_writer& out, const platform& value);

/// Whether the manifest is a runnable image and not another artifact: its config is an image config.
bool is_image(const manifest& value) noexcept;

/// The content that a descriptor carries inline, after size and digest were verified; errc::size_mismatch, errc::digest_mismatch. Nothing
/// when it carries none.
result<std::optional<std::string>> inline_content(const descriptor& value);

/// The tag under which referrers of a digest are listed where the registry has no referrers API (distribution-spec, "Referrers Tag
/// Schema"). \param digest `algorithm:encoded`, any algorithm
std::string referrers_tag(std::string_view digest);

}  // namespace gantry::model
