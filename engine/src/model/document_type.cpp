// What a manifest body is, decided before it is read: one body must not be an image to one reader and an index to another (CVE-2021-41190).

#include "base/redact.hpp"
#include "model/json.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"

namespace gantry::model {
namespace {

/// The top level of a body: what is there and not null.
struct outline {
  std::uint64_t schema_version = 0;
  std::string media_type;
  std::string config_media_type;
  std::string first_media_type;  ///< of the first of `manifests`
  bool config = false;
  bool layers = false;
  bool manifests = false;
  bool fs_layers = false;
  bool history = false;
  bool signatures = false;
};

json::shape outline_shape(outline& into) {
  using namespace json;
  const auto flag = [](bool& there) { return anything([&there] { there = true; }); };
  const auto note_first = [&into](std::string_view type) -> check {
    if (into.first_media_type.empty()) into.first_media_type = type;
    return {};
  };
  const shape entry = object({{"mediaType", string(note_first)}});
  return object({{"schemaVersion", integer(into.schema_version)},
                 {"mediaType", string(into.media_type)},
                 {"artifactType", shape()},
                 {"config", object({{"mediaType", string(into.config_media_type)}}, unknown_keys::skip, [&into] { into.config = true; })},
                 {"layers", flag(into.layers)},
                 {"manifests", array(entry, {}, index_limit, [&into] { into.manifests = true; })},
                 {"subject", shape()},
                 {"annotations", shape()},
                 {"fsLayers", flag(into.fs_layers)},
                 {"history", flag(into.history)},
                 {"signatures", flag(into.signatures)}},
                unknown_keys::refuse_alike);
}

/// The type of a body that does not say it (containers/image GuessMIMEType). Empty when it cannot be told.
std::string_view guess(const outline& body) {
  if (body.schema_version == 1 || (body.schema_version == 0 && body.fs_layers)) {
    return body.signatures ? media_type::docker_schema1_signed : media_type::docker_schema1;
  }
  if (body.schema_version != 2) return {};
  if (body.config_media_type == media_type::docker_config) return media_type::docker_manifest;
  if (body.config) return media_type::oci_manifest;
  if (body.manifests) return body.first_media_type == media_type::docker_manifest ? media_type::docker_list : media_type::oci_index;
  return {};
}

bool is_document_type(std::string_view type) { return is_index(type) || is_manifest(type) || is_schema1(type); }

/// The member that a document of \p type must not have; empty when it has none such.
std::string_view intruder(const outline& body, std::string_view type) {
  if (is_schema1(type)) return body.config ? "config" : body.layers ? "layers" : body.manifests ? "manifests" : "";
  if (body.fs_layers) return "fsLayers";
  if (body.history) return "history";
  if (is_manifest(type)) return body.manifests ? "manifests" : "";
  return body.config ? "config" : body.layers ? "layers" : "";
}

bool same_kind(std::string_view a, std::string_view b) {
  return (is_index(a) && is_index(b)) || (is_manifest(a) && is_manifest(b)) || (is_schema1(a) && is_schema1(b));
}

}  // namespace

result<std::string> detect_media_type(std::string_view body, std::string_view declared, std::string_view what) {
  outline found;
  if (result<void> read = json::read(body, outline_shape(found), what, {.size = document_limit}); !read) return read.error();
  const std::string name(what);
  std::string expected = bare_media_type(declared);
  if (!is_document_type(expected)) expected.clear();
  if (!found.media_type.empty() && !is_document_type(found.media_type)) {
    return failure(errc::unsupported_document,
                   name + " is of the type " + clean_text(found.media_type, 128) + ", which is neither an image manifest nor an index");
  }
  std::string type = !found.media_type.empty() ? found.media_type : expected;
  if (!expected.empty() && !same_kind(type, expected)) {
    return failure(errc::malformed_document,
                   name + " was announced as " + expected + " and calls itself " + type + ", so that its readers would disagree about it");
  }
  if (type.empty()) type = guess(found);
  if (type.empty()) return failure(errc::unsupported_document, name + " is neither an image manifest nor an index");
  if (const std::string_view member = intruder(found, type); !member.empty()) {
    return failure(errc::malformed_document, name + " is a " + type + " with the member \"" + std::string(member) +
                                                 "\" of another kind of document, so that its readers would disagree about it");
  }
  return type;
}

}  // namespace gantry::model
