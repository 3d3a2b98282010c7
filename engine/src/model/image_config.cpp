#include "model/image_config.hpp"

#include "model/descriptor_shape.hpp"
#include "model/digester.hpp"
#include "model/json.hpp"
#include "model/manifest.hpp"

#include <utility>

namespace gantry::model {
namespace {

using namespace json;

/// What a container is started with: "config" in the document.
shape execution_shape(image_config& into) {
  return object({{"User", string(into.user)},
                 {"ExposedPorts", keys([&into](std::string port) { into.exposed_ports.push_back(std::move(port)); })},
                 {"Env", strings(into.environment)},
                 {"Entrypoint", strings(into.entrypoint)},
                 {"Cmd", strings(into.command)},
                 {"Volumes", keys([&into](std::string path) { into.volumes.push_back(std::move(path)); })},
                 {"WorkingDir", string(into.working_dir)},
                 {"Labels", map(into.labels)},
                 {"StopSignal", string(into.stop_signal)}});
}

shape history_shape(std::vector<history_entry>& into) {
  const auto text = [&into](std::string history_entry::*member) {
    return string([&into, member](std::string_view value) -> check {
      into.back().*member = value;
      return {};
    });
  };
  const shape line = object({{"created", text(&history_entry::created)},
                             {"created_by", text(&history_entry::created_by)},
                             {"author", text(&history_entry::author)},
                             {"comment", text(&history_entry::comment)},
                             {"empty_layer", boolean([&into](bool flag) { into.back().empty_layer = flag; })}});
  return array(line, [&into] { into.emplace_back(); });
}

shape rootfs_shape(std::vector<digest>& diff_ids) {
  const auto take_type = [](std::string_view type) -> check {
    if (type != "layers") return failure(errc::malformed_document, "is not \"layers\", the only kind there is");
    return {};
  };
  const shape diff_id = digest_shape([&diff_ids](digest value) { diff_ids.push_back(std::move(value)); });
  return object({{"type", string(take_type), need::required}, {"diff_ids", array(diff_id, {}, layer_limit), need::present}});
}

}  // namespace

result<image_config> parse_image_config(std::string_view body, std::string_view what) {
  image_config value;
  platform& on = value.platform;
  const auto word = [](std::string& into) { return word_shape([&into]() -> std::string& { return into; }); };
  const auto feature = [&on]() -> std::string& { return on.os_features.emplace_back(); };
  const shape top = object({{"architecture", word(on.architecture), need::required},
                            {"os", word(on.os), need::required},
                            {"variant", word(on.variant)},
                            {"os.version", word(on.os_version)},
                            {"os.features", array(word_shape(feature))},
                            {"created", string(value.created)},
                            {"author", string(value.author)},
                            {"config", execution_shape(value)},
                            {"rootfs", rootfs_shape(value.diff_ids), need::required},
                            {"history", history_shape(value.history)}});
  if (result<void> read = json::read(body, top, what, {.size = document_limit}); !read) return read.error();
  return value;
}

std::vector<std::string> chain_ids(std::span<const std::string> diff_ids) {
  std::vector<std::string> chain;
  for (const std::string& diff_id : diff_ids) {
    chain.push_back(chain.empty() ? diff_id : digest_of(chain.back() + " " + diff_id).string());
  }
  return chain;
}

std::vector<std::string> chain_ids(std::span<const digest> diff_ids) {
  std::vector<std::string> texts;
  for (const digest& diff_id : diff_ids) texts.push_back(diff_id.string());
  return chain_ids(std::span<const std::string>(texts));
}

}  // namespace gantry::model
