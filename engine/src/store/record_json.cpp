#include "store/reference_record.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <utility>

namespace gantry::store {
namespace {

namespace json = boost::json;

constexpr std::string_view index_media_type = "application/vnd.oci.image.index.v1+json";
/// A descriptor with platform and its features nests four deep; more is not ours.
constexpr std::size_t depth_cap = 8;

json::object platform_to_json(const platform& value) {
  json::object object;
  object["architecture"] = value.architecture;
  object["os"] = value.os;
  if (!value.os_version.empty()) object["os.version"] = value.os_version;
  if (!value.os_features.empty()) {
    json::array& features = object["os.features"].emplace_array();
    for (const std::string& feature : value.os_features) features.emplace_back(feature);
  }
  if (!value.variant.empty()) object["variant"] = value.variant;
  return object;
}

json::object descriptor_to_json(const descriptor& value) {
  json::object object;
  object["mediaType"] = value.media_type;
  object["digest"] = value.digest.string();
  object["size"] = value.size;
  if (value.platform) object["platform"] = platform_to_json(*value.platform);
  if (!value.artifact_type.empty()) object["artifactType"] = value.artifact_type;
  return object;
}

/// The string member \p name; empty when it is absent or something else.
std::string string_member(const json::object& object, std::string_view name) {
  const json::value* member = object.if_contains(name);
  if (member == nullptr || !member->is_string()) return {};
  return std::string(member->get_string());
}

platform read_platform(const json::object& object) {
  platform value;
  value.architecture = string_member(object, "architecture");
  value.os = string_member(object, "os");
  value.os_version = string_member(object, "os.version");
  value.variant = string_member(object, "variant");
  const json::value* features = object.if_contains("os.features");
  if (features != nullptr && features->is_array()) {
    for (const json::value& feature : features->get_array()) {
      if (feature.is_string()) value.os_features.emplace_back(feature.get_string());
    }
  }
  return value;
}

std::optional<descriptor> read_descriptor(const json::value* source) {
  if (source == nullptr || !source->is_object()) return std::nullopt;
  const json::object& object = source->get_object();
  descriptor value;
  value.media_type = string_member(object, "mediaType");
  value.artifact_type = string_member(object, "artifactType");
  error_code ec;
  value.digest = digest::parse(string_member(object, "digest"), ec);
  const json::value* size = object.if_contains("size");
  if (ec || size == nullptr) return std::nullopt;
  value.size = size->to_number<std::uint64_t>(ec);
  if (ec) return std::nullopt;
  const json::value* platform = object.if_contains("platform");
  if (platform != nullptr && platform->is_object()) value.platform = read_platform(platform->get_object());
  return value;
}

}  // namespace

std::string to_json(const reference_record& record) {
  json::object object;
  object["reference"] = record.name.string();
  object["top"] = descriptor_to_json(record.top);
  json::array& manifests = object["manifests"].emplace_array();
  for (const descriptor& manifest : record.manifests) manifests.emplace_back(descriptor_to_json(manifest));
  return json::serialize(object) + "\n";
}

std::optional<reference_record> parse_record(std::string_view text) {
  json::parse_options options;
  options.max_depth = depth_cap;
  error_code ec;
  const json::value document = json::parse(text, ec, {}, options);
  if (ec || !document.is_object()) return std::nullopt;
  const json::object& object = document.get_object();

  reference_record record;
  record.name = reference::parse(string_member(object, "reference"), ec);
  auto top = read_descriptor(object.if_contains("top"));
  const json::value* manifests = object.if_contains("manifests");
  if (ec || !top || manifests == nullptr || !manifests->is_array()) return std::nullopt;
  record.top = std::move(*top);
  for (const json::value& entry : manifests->get_array()) {
    auto manifest = read_descriptor(&entry);
    if (!manifest) return std::nullopt;
    record.manifests.push_back(std::move(*manifest));
  }
  return record;
}

std::string to_index_json(const std::vector<reference_record>& records) {
  json::object index;
  index["schemaVersion"] = 2;
  index["mediaType"] = index_media_type;
  json::array& manifests = index["manifests"].emplace_array();
  for (const reference_record& record : records) {
    json::object entry = descriptor_to_json(index_entry(record));
    json::object& annotations = entry["annotations"].emplace_object();
    annotations["io.containerd.image.name"] = record.name.string();
    annotations["org.opencontainers.image.ref.name"] = record.name.string();
    manifests.emplace_back(std::move(entry));
  }
  return json::serialize(index) + "\n";
}

}  // namespace gantry::store
