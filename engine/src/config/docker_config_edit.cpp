#include "config/docker_config_edit.hpp"

#include "config/docker_config_keys.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <vector>

namespace gantry::config {
namespace {

namespace json = boost::json;

// Docker's own tools look under this key alone.
constexpr std::string_view hub_key = "https://index.docker.io/v1/";

/// As docker writes it: one member a line, indented by tabs.
void print(const json::value& value, std::size_t depth, std::string& out) {
  const auto new_line = [&out](std::size_t tabs) { out.append("\n").append(tabs, '\t'); };
  if (const json::object* const object = value.if_object(); object != nullptr && !object->empty()) {
    out += '{';
    for (const auto& member : *object) {
      if (out.back() != '{') out += ',';
      new_line(depth + 1);
      out += json::serialize(json::string(member.key()));
      out += ": ";
      print(member.value(), depth + 1, out);
    }
    new_line(depth);
    out += '}';
  } else if (const json::array* const array = value.if_array(); array != nullptr && !array->empty()) {
    out += '[';
    for (const json::value& element : *array) {
      if (out.back() != '[') out += ',';
      new_line(depth + 1);
      print(element, depth + 1, out);
    }
    new_line(depth);
    out += ']';
  } else {
    out += json::serialize(value);
  }
}

std::string text_of(const json::value& document) {
  std::string text;
  print(document, 0, text);
  return text + '\n';
}

/// The keys of `auths` that mean the host of \p registry.
std::vector<std::string> keys_of(const json::object& auths, std::string_view registry) {
  const std::string_view host = host_of(registry);
  std::vector<std::string> keys;
  for (const auto& member : auths) {
    const std::string_view key(member.key().data(), member.key().size());
    if (key == registry || (means_host(key) && host_of(key) == host)) keys.emplace_back(key);
  }
  return keys;
}

json::object* auths_of(json::value& document) {
  json::value* const auths = document.get_object().if_contains("auths");
  return auths == nullptr ? nullptr : auths->if_object();
}

}  // namespace

result<std::string> with_entry(std::string_view bytes, std::string_view name, std::string_view registry, const auth_entry& entry) {
  auto document = bytes.empty() ? result<json::value>(json::object()) : read_document(bytes, name);
  if (!document) return document.error();
  json::object& top = document->get_object();
  json::value& auths = top["auths"];
  if (!auths.is_object()) auths = json::object();
  json::object& entries = auths.get_object();

  json::object fresh;
  if (entry.identity_token.empty()) {
    fresh["auth"] = entry.basic();
  } else {
    fresh["auth"] = auth_entry{entry.username, {}, {}, {}}.basic();
    fresh["identitytoken"] = entry.identity_token;
  }
  const std::vector<std::string> keys = keys_of(entries, registry);
  if (keys.empty()) {
    const std::string_view key = host_of(registry) == "docker.io" ? hub_key : registry;
    entries[json::string_view(key.data(), key.size())] = std::move(fresh);
  }
  for (const std::string& key : keys) entries[key] = fresh;
  return text_of(*document);
}

result<std::optional<std::string>> without_entry(std::string_view bytes, std::string_view name, std::string_view registry) {
  auto document = read_document(bytes, name);
  if (!document) return document.error();
  json::object* const auths = auths_of(*document);
  if (auths == nullptr) return std::optional<std::string>();
  const std::vector<std::string> keys = keys_of(*auths, registry);
  for (const std::string& key : keys) auths->stable_erase(auths->find(key));
  if (keys.empty()) return std::optional<std::string>();
  return std::optional<std::string>(text_of(*document));
}

result<bool> has_entry(std::string_view bytes, std::string_view name, std::string_view registry) {
  auto document = read_document(bytes, name);
  if (!document) return document.error();
  const json::object* const auths = auths_of(*document);
  return auths != nullptr && !keys_of(*auths, registry).empty();
}

}  // namespace gantry::config
