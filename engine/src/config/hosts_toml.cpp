#include "config/hosts_toml.hpp"

#include "base/ascii.hpp"
#include "config/toml.hpp"

#include <algorithm>
#include <array>

namespace gantry::config {
namespace {

namespace fs = std::filesystem;

/// A path, or a list of paths.
bool take_paths(const toml::node* node, const fs::path& base, std::vector<fs::path>& into) {
  if (node == nullptr) return true;
  if (const auto text = node->value_exact<std::string>()) {
    into.push_back(base / *text);
    return true;
  }
  const toml::array* const list = node->as_array();
  return list != nullptr && std::all_of(list->begin(), list->end(), [&](const toml::node& one) {
           const auto text = one.value_exact<std::string>();
           if (text) into.push_back(base / *text);
           return text.has_value();
         });
}

/// `"both.pem"`, `["a.cert", "a.key"]` or `[["a.cert", "a.key"], ...]`, of which the first counts.
bool take_client(const toml::node* node, const fs::path& base, hosts_toml::host& into) {
  if (node == nullptr) return true;
  std::vector<fs::path> files;
  const toml::array* const list = node->as_array();
  const toml::node* const first = list != nullptr ? list->get(0) : nullptr;
  if (!take_paths(first != nullptr && first->is_array() ? first : node, base, files) || files.empty()) return false;
  into.client.emplace(files.front(), files.size() > 1 ? files[1] : files.front());
  return true;
}

bool take_capabilities(const toml::node* node, hosts_toml::host& into) {
  if (node == nullptr) return true;
  const toml::array* const list = node->as_array();
  if (list == nullptr) return false;
  into.pull = into.resolve = false;
  for (const toml::node& one : *list) {
    const auto word = one.value_exact<std::string>();
    if (!word) return false;
    into.pull = into.pull || *word == "pull";
    into.resolve = into.resolve || *word == "resolve";
  }
  return true;
}

/// What makes a field fit for a request: a token, and visible characters. The fields that frame a request are not the file's business.
bool is_field(std::string_view name, std::string_view value) {
  constexpr std::array<std::string_view, 6> framing{"host",       "content-length", "transfer-encoding", "proxy-authorization",
                                                    "connection", "range"};
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const auto is_token_char = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'; };
  const auto is_visible = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; };
  return !lower.empty() && std::all_of(lower.begin(), lower.end(), is_token_char) && std::all_of(value.begin(), value.end(), is_visible) &&
         !value.starts_with(' ') && !value.ends_with(' ') && std::find(framing.begin(), framing.end(), lower) == framing.end();
}

/// `name = "value"` or `name = ["value", ...]`.
bool take_headers(const toml::node* node, hosts_toml::host& into) {
  if (node == nullptr) return true;
  const toml::table* const fields = node->as_table();
  if (fields == nullptr) return false;
  for (const auto& [name, value] : *fields) {
    const auto add = [&, &name = name](const toml::node& one) {
      const auto text = one.value_exact<std::string>();
      if (!text || !is_field(name.str(), *text)) return false;
      into.headers.emplace_back(std::string(name.str()), *text);
      return true;
    };
    const toml::array* const list = value.as_array();
    if (list != nullptr ? !std::all_of(list->begin(), list->end(), add) : !add(value)) return false;
  }
  return true;
}

result<hosts_toml::host> read_host(std::string url, const toml::table& from, const std::string& name) {
  if (url.find('@') != std::string::npos) return holds_user(name, "the address of a host", from);
  if (const std::size_t end = url.find("://"); end != std::string::npos) url.replace(0, end, lower_case(url.substr(0, end)));
  hosts_toml::host made;
  const fs::path base = fs::path(name).parent_path();
  bool override_path = false;
  const bool typed = take(from, "skip_verify", made.skip_verify) && take(from, "override_path", override_path) &&
                     take_paths(from.get("ca"), base, made.authorities) && take_client(from.get("client"), base, made) &&
                     take_capabilities(from.get("capabilities"), made);
  if (!typed) return cannot_be_read(name, fmt::format("a member of {} has the wrong type", clean_text(redact_url(url), 128)));
  if (!take_headers(from.get("header"), made)) {
    return cannot_be_read(name, fmt::format("a header field of {} cannot be sent", clean_text(redact_url(url), 128)));
  }
  made.tls_only = url.starts_with("https://");
  if (url.find("://") == std::string::npos) url = "https://" + url;
  if (!url.starts_with("https://") && !url.starts_with("http://")) {
    return cannot_be_read(name, fmt::format("{} is neither http nor https", clean_text(redact_url(url), 128)));
  }
  const std::size_t slash = url.find('/', url.find("://") + 3);
  made.api = slash == std::string::npos ? std::string() : url.substr(slash);
  made.url = url.substr(0, slash);
  while (made.api.ends_with('/')) made.api.pop_back();
  if (!override_path && !made.api.ends_with("/v2")) made.api += "/v2";
  return made;
}

}  // namespace

result<hosts_toml> hosts_toml::parse(std::string_view text, const std::string& name) {
  const result<toml::table> document = read_toml(text, name);
  if (!document) return document.error();
  hosts_toml made;
  made.file = name;
  std::string server;
  if (!take(*document, "server", server)) return cannot_be_read(name, "server is no string");
  if (!server.empty()) {
    auto itself = read_host(server, *document, name);
    if (!itself) return itself.error();
    made.server = std::move(*itself);
  }
  const toml::node* const hosts = document->get("host");
  if (hosts == nullptr) return made;
  const toml::table* const tables = hosts->as_table();
  if (tables == nullptr) return cannot_be_read(name, "host is no table");
  // The parser sorts by name, and the order of the file is the order of preference.
  std::vector<std::pair<toml::source_position, hosts_toml::host>> found;
  for (const auto& [key, node] : *tables) {
    const toml::table* const table = node.as_table();
    if (table == nullptr) return cannot_be_read(name, "a host is no table");
    auto host = read_host(std::string(key.str()), *table, name);
    if (!host) return host.error();
    found.emplace_back(key.source().begin, std::move(*host));
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (auto& [place, host] : found) made.hosts.push_back(std::move(host));
  return made;
}

std::vector<std::string> containerd_directories(std::string_view registry) {
  std::vector<std::string> names;
  const std::size_t colon = registry.rfind(':');
  if (colon != std::string_view::npos) {
    names.push_back(fmt::format("{}_{}_", registry.substr(0, colon), registry.substr(colon + 1)));
  }
  names.emplace_back(registry);
  names.emplace_back("_default");
  return names;
}

}  // namespace gantry::config
