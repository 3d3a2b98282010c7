#include "archive/legacy_layers.hpp"

#include "model/digester.hpp"
#include "model/image_config.hpp"
#include "model/json_members.hpp"
#include "model/json_writer.hpp"

#include <array>
#include <map>

namespace gantry::archive {
namespace {

/// What docker writes for layers that have no configuration: its container.Config without a value in it.
constexpr std::string_view empty_container =
    R"({"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":false,"AttachStderr":false,"Tty":false,)"
    R"("OpenStdin":false,"StdinOnce":false,"Env":null,"Cmd":null,"Image":"","Volumes":null,"WorkingDir":"","Entrypoint":null,)"
    R"("OnBuild":null,"Labels":null})";
constexpr std::string_view epoch = R"("1970-01-01T00:00:00Z")";

/// Members of the topmost layer, in docker's order.
constexpr std::array<std::string_view, 10> carried{"comment", "created", "container",    "container_config", "docker_version",
                                                   "author",  "config",  "architecture", "variant",          "os"};

std::string in_quotes(std::string_view text) { return std::string("\"").append(text).append("\""); }

/// Compact, in the order of the keys, as Go writes a map.
std::string object_of(const std::map<std::string_view, std::string>& members) {
  model::json_writer out;
  out.begin_object();
  for (const auto& [key, value] : members) out.key(key).raw(value);
  out.end_object();
  return out.take();
}

}  // namespace

std::vector<legacy_layer> legacy_layers(std::string_view config, std::span<const digest> diff_ids, std::string_view os) {
  const std::map<std::string, std::string_view, std::less<>> given = model::json_members(config);
  const std::vector<std::string> chain = model::chain_ids(diff_ids);
  std::vector<legacy_layer> layers;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const bool top = i + 1 == chain.size();
    std::vector<std::pair<std::string_view, std::string>> members;
    if (top) {
      for (const std::string_view key : carried) {
        if (const auto found = given.find(key); found != given.end()) members.emplace_back(key, found->second);
      }
    } else {
      members.emplace_back("created", epoch);
      members.emplace_back("container_config", empty_container);
    }
    std::map<std::string_view, std::string> identity(members.begin(), members.end());
    identity["layer_id"] = in_quotes(chain[i]);
    if (i > 0) identity["parent"] = in_quotes("sha256:" + layers.back().id);

    legacy_layer layer;
    layer.id = model::digest_of(object_of(identity)).encoded();
    model::json_writer out;
    out.begin_object().member("id", layer.id);
    if (i > 0) out.member("parent", layers.back().id);
    for (const auto& [key, value] : members) out.key(key).raw(value);
    if (!top) out.member("os", os);
    out.end_object();
    layer.json = out.take();
    layers.push_back(std::move(layer));
  }
  return layers;
}

}  // namespace gantry::archive
