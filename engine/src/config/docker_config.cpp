#include "config/docker_config.hpp"

#include "base/base64.hpp"
#include "base/byte_order_mark.hpp"
#include "config/docker_config_keys.hpp"

#include <fmt/format.h>
#include <boost/json/stream_parser.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>

namespace gantry::config {
namespace {

namespace json = boost::json;

std::string_view view(json::string_view text) { return {text.data(), text.size()}; }

failure unreadable(std::string_view name, std::string_view reason) {
  return {errc::bad_credentials, fmt::format("the credentials in {} cannot be read: {}", name, reason)};
}

/// Reads a string member that may be absent. \returns what is wrong with it.
std::string read_string(const json::object& object, std::string_view key, std::string& into) {
  const json::value* const value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return {};
  const json::string* const text = value->if_string();
  if (text == nullptr) return fmt::format("'{}' is not a string", key);
  into = view(*text);
  return {};
}

}  // namespace

result<json::value> read_document(std::string_view bytes, std::string_view name) {
  if (bytes.size() > docker_config::size_limit) return unreadable(name, "the file is larger than 1 MiB");
  bytes = without_byte_order_mark(bytes);
  json::parse_options options;
  options.max_depth = 32;
  json::stream_parser parser(json::storage_ptr(), options);
  error_code ec;
  // Line by line, so that the line of a mistake is known.
  std::size_t line = 0;
  for (std::size_t begin = 0; begin < bytes.size() && !ec; ++line) {
    const std::size_t end = std::min(bytes.find('\n', begin), bytes.size() - 1) + 1;
    parser.write(bytes.data() + begin, end - begin, ec);
    begin = end;
  }
  if (!ec) parser.finish(ec);
  if (ec) return unreadable(name, fmt::format("line {} is not valid JSON ({})", std::max<std::size_t>(line, 1), ec.message()));
  json::value document = parser.release();
  if (!document.is_object()) return unreadable(name, "it is not a JSON object");
  return document;
}

std::string_view host_of(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) key.remove_prefix(scheme.size());
  }
  key = key.substr(0, key.find('/'));
  constexpr std::array<std::string_view, 3> hub{"index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"};
  return std::find(hub.begin(), hub.end(), key) != hub.end() ? "docker.io" : key;
}

bool means_host(std::string_view key) {
  const bool has_scheme = key.starts_with("https://") || key.starts_with("http://");
  const std::string_view path = key.substr(std::min(key.find('/'), key.size()));
  constexpr std::array<std::string_view, 6> roots{"", "/", "/v1", "/v1/", "/v2", "/v2/"};
  return has_scheme || std::find(roots.begin(), roots.end(), path) != roots.end();
}

/// Turns JSON into entries; apart from the class so that its header needs no JSON.
class docker_config_reader {
 public:
  static void read_auths(const json::object& auths, docker_config& into) {
    for (const auto& member : auths) {
      docker_config::entry entry;
      if (const json::object* const object = member.value().if_object()) {
        entry.defect = read_entry(*object, entry.value);
      } else {
        entry.defect = "it is not an object";
      }
      into.auths_.insert_or_assign(std::string(view(member.key())), std::move(entry));
    }
  }

 private:
  static std::string read_entry(const json::object& object, auth_entry& into) {
    std::string auth;
    for (const auto& [key, target] :
         {std::pair("username", &into.username), std::pair("password", &into.password), std::pair("auth", &auth),
          std::pair("identitytoken", &into.identity_token), std::pair("registrytoken", &into.registry_token)}) {
      if (std::string defect = read_string(object, key, *target); !defect.empty()) return defect;
    }
    if (auth.empty()) return {};
    const auto decoded = decode_auth(auth);
    if (!decoded) return "'auth' is not base64 of user:password";
    into.username = decoded->username;
    into.password = decoded->password;
    return {};
  }
};

std::string auth_entry::basic() const { return base64_encode(username + ':' + password); }

std::optional<auth_entry> decode_auth(std::string_view field) {
  // base64(1) wraps long lines, and what is pasted may bring blanks along; docker and podman read over line ends, too.
  std::string text(field);
  std::erase_if(text, [](char c) { return c == '\r' || c == '\n' || c == ' ' || c == '\t'; });
  const auto decoded = base64_decode(text);
  const std::size_t colon = decoded ? decoded->find(':') : std::string::npos;
  if (colon == std::string::npos) return std::nullopt;
  auth_entry entry;
  entry.username = decoded->substr(0, colon);
  entry.password = decoded->substr(colon + 1);
  while (entry.password.ends_with('\0')) entry.password.pop_back();  // old versions of docker padded with zeros
  return entry;
}

result<docker_config> docker_config::parse(std::string_view bytes, std::string_view name) {
  const auto document = read_document(bytes, name);
  if (!document) return document.error();
  docker_config config;
  config.name_ = name;
  const json::object& top = document->get_object();
  if (const json::value* const auths = top.if_contains("auths"); auths != nullptr && !auths->is_null()) {
    if (!auths->is_object()) return unreadable(name, "'auths' is not an object");
    docker_config_reader::read_auths(auths->get_object(), config);
  }
  if (const json::value* const helpers = top.if_contains("credHelpers"); helpers != nullptr && !helpers->is_null()) {
    if (!helpers->is_object()) return unreadable(name, "'credHelpers' is not an object");
    for (const auto& member : helpers->get_object()) {
      if (!member.value().is_string()) return unreadable(name, "'credHelpers' holds something else than names");
      config.helpers_.insert_or_assign(std::string(view(member.key())), std::string(view(member.value().get_string())));
    }
  }
  if (std::string defect = read_string(top, "credsStore", config.store_); !defect.empty()) return unreadable(name, defect);
  return config;
}

result<docker_config> docker_config::parse_legacy(std::string_view bytes, std::string_view name) {
  const auto document = read_document(bytes, name);
  if (!document) return document.error();
  docker_config config;
  config.name_ = name;
  docker_config_reader::read_auths(document->get_object(), config);
  return config;
}

result<std::optional<auth_entry>> docker_config::find(std::string_view registry, std::string_view repository) const {
  const auto answer = [&](std::string_view key, const entry& found) -> result<std::optional<auth_entry>> {
    if (!found.defect.empty()) return unreadable(name_, fmt::format("the entry '{}': {}", key, found.defect));
    if (found.value.empty()) return std::optional<auth_entry>();
    return std::optional<auth_entry>(found.value);
  };

  const std::string_view host = host_of(registry);
  for (const std::string_view name : {registry, host}) {
    std::string key(name);
    if (!repository.empty()) key.append("/").append(repository);
    while (true) {
      if (const auto found = auths_.find(key); found != auths_.end()) return answer(key, found->second);
      if (key.size() <= name.size()) break;
      key.resize(key.rfind('/'));
    }
  }
  for (const auto& [key, found] : auths_) {
    if (means_host(key) && host_of(key) == host) return answer(key, found);
  }
  return std::optional<auth_entry>();
}

result<std::optional<credential>> docker_config::lookup(std::string_view registry, std::string_view repository) const {
  auto found = find(registry, repository);
  if (!found) return found.error();
  if (!found->has_value()) return std::optional<credential>();
  auth_entry& values = **found;
  return std::optional<credential>(credential{std::move(values.username), std::move(values.password), std::move(values.identity_token),
                                              name_, std::move(values.registry_token)});
}

std::string_view docker_config::helper_for(std::string_view registry) const {
  const std::string_view host = host_of(registry);
  if (const auto exact = helpers_.find(registry); exact != helpers_.end()) return exact->second;
  for (const auto& [key, helper] : helpers_) {
    if (host_of(key) == host) return helper;
  }
  return store_;
}

}  // namespace gantry::config
