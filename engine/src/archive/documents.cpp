#include "archive/documents.hpp"

#include "model/json_writer.hpp"

namespace gantry::archive {
namespace {

using model::json_writer;

void write_platform(json_writer& out, const platform& value) {
  out.key("platform").begin_object();
  out.member("architecture", value.architecture).member("os", value.os);
  if (!value.os_version.empty()) out.member("os.version", value.os_version);
  if (!value.os_features.empty()) out.member("os.features", value.os_features);
  if (!value.variant.empty()) out.member("variant", value.variant);
  out.end_object();
}

void write_descriptor(json_writer& out, const descriptor& value) {
  out.begin_object();
  out.member("mediaType", value.media_type).member("digest", value.digest.string()).member("size", value.size);
  if (!value.urls.empty()) out.member("urls", value.urls);
  if (!value.annotations.empty()) out.member("annotations", value.annotations);
  // Both fields are required in a platform; half of one is left out rather than written empty.
  if (value.platform && !value.platform->os.empty() && !value.platform->architecture.empty()) write_platform(out, *value.platform);
  if (!value.artifact_type.empty()) out.member("artifactType", value.artifact_type);
  out.end_object();
}

}  // namespace

std::string oci_layout_json() { return R"({"imageLayoutVersion":"1.0.0"})"; }

std::string index_json(std::string_view media_type, std::span<const descriptor> manifests) {
  json_writer out;
  out.begin_object().member("schemaVersion", 2).member("mediaType", media_type).key("manifests").begin_array();
  for (const descriptor& manifest : manifests) write_descriptor(out, manifest);
  out.end_array().end_object();
  return out.take();
}

std::string manifest_json(std::span<const docker_image> images) {
  json_writer out;
  out.begin_array();
  for (const docker_image& image : images) {
    out.begin_object().member("Config", image.config).key("RepoTags");
    if (image.tags.empty()) {
      out.null();
    } else {
      out.value(image.tags);
    }
    out.member("Layers", image.layers).end_object();
  }
  out.end_array();
  return out.take();
}

std::string repositories_json(const std::map<std::string, std::map<std::string, std::string>>& repositories) {
  json_writer out;
  out.begin_object();
  for (const auto& [repository, tags] : repositories) out.member(repository, tags);
  out.end_object();
  return out.take();
}

std::string blob_path(const digest& blob) { return std::string("blobs/").append(blob.algorithm_name()).append("/").append(blob.encoded()); }

}  // namespace gantry::archive
