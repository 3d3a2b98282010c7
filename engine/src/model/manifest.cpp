#include "model/manifest.hpp"

#include "base/base64.hpp"
#include "model/descriptor_shape.hpp"
#include "model/digester.hpp"
#include "model/json.hpp"
#include "model/json_writer.hpp"
#include "model/media_type.hpp"

#include <algorithm>
#include <utility>

namespace gantry::model {
namespace {

using json::need;

json::shape list_shape(std::vector<descriptor>& into, std::size_t cap) {
  return json::array(
      descriptor_shape([&into]() -> descriptor& { return into.back(); }), [&into] { into.emplace_back(); }, cap);
}

json::shape subject_shape(std::optional<descriptor>& into) {
  return descriptor_shape([&into]() -> descriptor& { return *into; }, [&into] { into.emplace(); });
}

/// The members that manifests and indexes share. `mediaType` was looked at before.
template <class Document>
std::vector<json::field> common_fields(Document& into, std::uint64_t& version) {
  return {{"schemaVersion", json::integer(version), need::required},
          {"mediaType", json::shape()},
          {"artifactType", json::string(into.artifact_type)},
          {"subject", subject_shape(into.subject)},
          {"annotations", json::map(into.annotations)}};
}

template <class Document>
result<document> read_document(std::string_view body, Document& into, std::vector<json::field> fields, const std::uint64_t& version,
                               std::string_view what) {
  const json::shape top = json::object(std::move(fields), json::unknown_keys::refuse_alike);
  if (result<void> read = json::read(body, top, what, {.size = document_limit}); !read) return read.error();
  if (version != 2) {
    return failure(errc::malformed_document, std::string(what) + " has schemaVersion " + std::to_string(version) + ", expected 2");
  }
  if (!into.artifact_type.empty() && !is_media_type(into.artifact_type)) {
    return failure(errc::malformed_document, std::string(what) + " cannot be used: artifactType is no media type");
  }
  return document(std::move(into));
}

}  // namespace

result<document> parse_document(std::string_view body, std::string_view declared, std::string_view what) {
  result<std::string> type = detect_media_type(body, declared, what);
  if (!type) return type.error();
  if (is_schema1(*type)) {
    return failure(
        errc::unsupported_document,
        std::string(what) + " is in Docker's old format, schema 1, which is not handled; push the image again with a current tool");
  }
  std::uint64_t version = 0;
  if (is_index(*type)) {
    index value;
    value.media_type = std::move(*type);
    std::vector<json::field> fields = common_fields(value, version);
    fields.push_back({"manifests", list_shape(value.manifests, index_limit), need::present});
    return read_document(body, value, std::move(fields), version, what);
  }
  manifest value;
  value.media_type = std::move(*type);
  std::vector<json::field> fields = common_fields(value, version);
  fields.push_back({"config", descriptor_shape([&value]() -> descriptor& { return value.config; }), need::required});
  fields.push_back({"layers", list_shape(value.layers, layer_limit), need::present});
  return read_document(body, value, std::move(fields), version, what);
}

result<descriptor> parse_descriptor(std::string_view text, std::string_view what) {
  descriptor value;
  const json::shape top = descriptor_shape([&value]() -> descriptor& { return value; });
  if (result<void> read = json::read(text, top, what, {.size = document_limit}); !read) return read.error();
  return value;
}

void write(json_writer& out, const platform& value) {
  out.begin_object().member("architecture", value.architecture).member("os", value.os);
  if (!value.os_version.empty()) out.member("os.version", value.os_version);
  if (!value.os_features.empty()) out.member("os.features", value.os_features);
  if (!value.variant.empty()) out.member("variant", value.variant);
  if (!value.features.empty()) out.member("features", value.features);
  out.end_object();
}

void write(json_writer& out, const descriptor& value) {
  out.begin_object().member("mediaType", value.media_type).member("digest", value.digest.string()).member("size", value.size);
  if (!value.urls.empty()) out.member("urls", value.urls);
  if (!value.annotations.empty()) out.member("annotations", value.annotations);
  if (value.data) out.member("data", base64_encode(*value.data));
  if (value.platform) {
    out.key("platform");
    write(out, *value.platform);
  }
  if (!value.artifact_type.empty()) out.member("artifactType", value.artifact_type);
  out.end_object();
}

bool is_image(const manifest& value) noexcept { return is_image_config(value.config.media_type); }

result<std::optional<std::string>> inline_content(const descriptor& value) {
  if (!value.data) return std::optional<std::string>();
  if (value.data->size() != value.size) {
    return failure(errc::size_mismatch, "the inline data of " + value.digest.string() + " has " + std::to_string(value.data->size()) +
                                            " bytes, its descriptor says " + std::to_string(value.size));
  }
  const digest found = digest_of(*value.data, value.digest.algorithm());
  if (found != value.digest) {
    return failure(errc::digest_mismatch, "the inline data of " + value.digest.string() + " hashes to " + found.string());
  }
  return value.data;
}

std::string referrers_tag(std::string_view digest) {
  constexpr std::size_t longest_algorithm = 32;
  constexpr std::size_t longest_encoded = 64;
  const std::size_t colon = digest.find(':');
  std::string tag(digest.substr(0, std::min(colon, longest_algorithm)));
  if (colon != std::string_view::npos) {
    tag += '-';
    tag += digest.substr(colon + 1, longest_encoded);
  }
  for (char& c : tag) {
    const bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    if (!allowed) c = '-';
  }
  return tag;
}

}  // namespace gantry::model
