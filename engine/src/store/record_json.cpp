#include "model/descriptor_shape.hpp"
#include "model/json.hpp"
#include "model/json_writer.hpp"
#include "store/reference_record.hpp"

#include <utility>

namespace gantry::store {
namespace {

namespace json = model::json;

/// 10,000 platform manifests with long platform descriptions fit.
constexpr json::limits record_limits{.size = std::size_t{16} << 20, .depth = 8};

void write_platform(model::json_writer& writer, const platform& value) {
  writer.begin_object().member("architecture", value.architecture).member("os", value.os);
  if (!value.os_version.empty()) writer.member("os.version", value.os_version);
  if (!value.os_features.empty()) writer.member("os.features", value.os_features);
  if (!value.variant.empty()) writer.member("variant", value.variant);
  writer.end_object();
}

/// The members of a descriptor; the object stays open.
void begin_descriptor(model::json_writer& writer, const descriptor& value) {
  writer.begin_object().member("mediaType", value.media_type).member("digest", value.digest.string()).member("size", value.size);
  if (value.platform) {
    writer.key("platform");
    write_platform(writer, *value.platform);
  }
  if (!value.artifact_type.empty()) writer.member("artifactType", value.artifact_type);
}

}  // namespace

std::string to_json(const reference_record& record) {
  model::json_writer writer;
  writer.begin_object().member("reference", record.name.string()).key("top");
  begin_descriptor(writer, record.top);
  writer.end_object().key("manifests").begin_array();
  for (const descriptor& manifest : record.manifests) {
    begin_descriptor(writer, manifest);
    writer.end_object();
  }
  writer.end_array();
  if (!record.indexes.empty()) {
    writer.key("indexes").begin_array();
    for (const descriptor& index : record.indexes) {
      begin_descriptor(writer, index);
      writer.end_object();
    }
    writer.end_array();
  }
  writer.end_object();
  return writer.take() + "\n";
}

std::optional<reference_record> parse_record(std::string_view text) {
  reference_record record;
  const auto take_name = [&](std::string_view name) -> result<void> {
    error_code ec;
    record.name = reference::parse(name, ec);
    if (ec) return failure(errc::malformed_document, "is no reference");
    return {};
  };
  const json::shape manifest =
      model::descriptor_shape([&]() -> descriptor& { return record.manifests.back(); }, [&] { record.manifests.emplace_back(); });
  const json::shape index =
      model::descriptor_shape([&]() -> descriptor& { return record.indexes.back(); }, [&] { record.indexes.emplace_back(); });
  const json::shape top = json::object({{"reference", json::string(take_name), json::need::required},
                                        {"top", model::descriptor_shape([&]() -> descriptor& { return record.top; }), json::need::required},
                                        {"manifests", json::array(manifest), json::need::required},
                                        {"indexes", json::array(index)}});
  if (!json::read(text, top, "the reference record", record_limits)) return std::nullopt;
  return record;
}

std::string to_index_json(const std::vector<reference_record>& records) {
  model::json_writer writer;
  writer.begin_object()
      .member("schemaVersion", 2)
      .member("mediaType", "application/vnd.oci.image.index.v1+json")
      .key("manifests")
      .begin_array();
  for (const reference_record& record : records) {
    begin_descriptor(writer, index_entry(record));
    writer.key("annotations").begin_object();
    writer.member("io.containerd.image.name", record.name.string()).member("org.opencontainers.image.ref.name", record.name.string());
    writer.end_object().end_object();
  }
  writer.end_array().end_object();
  return writer.take() + "\n";
}

}  // namespace gantry::store
