#include "config/mirror_rules.hpp"

#include "base/ascii.hpp"
#include "base/redact.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace gantry::config {
namespace {

/// Splits `host[:port]/path`.
std::pair<std::string, std::string> split_name(const std::string& name) {
  const std::size_t slash = std::min(name.find('/'), name.size());
  return {name.substr(0, slash), slash == name.size() ? std::string() : name.substr(slash + 1)};
}

endpoint at(const std::string& name) {
  endpoint made;
  std::tie(made.registry, made.repository) = split_name(name);
  return made;
}

endpoint from_containerd(const hosts_toml::host& host, const std::string& repository, const std::string& file) {
  endpoint made;
  const std::size_t authority = host.url.find("://") + 3;
  made.registry = host.url.substr(authority);
  made.repository = repository;
  made.api = host.api;
  made.plain_http = host.url.starts_with("http://");
  made.tls_only = host.tls_only;
  made.insecure = host.skip_verify;
  made.tags = host.resolve;
  made.digests = host.pull;
  made.authorities = host.authorities;
  made.client = host.client;
  made.headers = host.headers;
  made.source = file;
  return made;
}

/// Whether \p rule, `host[:port][/path]`, covers the repository.
bool covers(const std::string& rule, const std::string& name) {
  return name.starts_with(rule) && (name.size() == rule.size() || name[rule.size()] == '/');
}

}  // namespace

result<endpoint> mirror_at(const std::string& url, const std::string& repository, const std::string& source) {
  endpoint made;
  made.source = source;
  made.is_mirror = true;
  std::string rest = url;
  const std::string shown = redact_url(hide_user(url));
  if (const std::size_t scheme = url.find("://"); scheme != std::string::npos) {
    const std::string word = lower_case(url.substr(0, scheme));
    if (word != "http" && word != "https") {
      return failure(errc::invalid_option, fmt::format("the mirror {} of {} is neither http nor https", shown, source));
    }
    made.plain_http = word == "http";
    made.tls_only = word == "https";
    rest = url.substr(scheme + 3);
  }
  const auto [host, path] = split_name(rest);
  if (host.empty() || rest.find_first_of("@?# ") != std::string::npos) {
    return failure(errc::invalid_option,
                   fmt::format("the mirror {} of {} is no [http[s]://]HOST[:PORT][/PATH]; user names and queries are not accepted there",
                               shown, source));
  }
  std::string prefix = path;
  while (prefix.ends_with('/')) prefix.pop_back();
  made.registry = host;
  made.repository = prefix;
  if (!prefix.empty() && !repository.empty()) made.repository += '/';
  made.repository += repository;
  return made;
}

const hosts_toml* mirror_rules::containerd_of(const std::string& registry) const {
  for (const std::string& name : containerd_directories(registry)) {
    const auto found = std::find_if(containerd.begin(), containerd.end(), [&](const auto& one) { return one.first == name; });
    if (found != containerd.end()) return &found->second;
  }
  return nullptr;
}

result<std::vector<endpoint>> mirror_rules::endpoints(const std::string& registry, const std::string& repository) const {
  const std::string name = registry + "/" + repository;
  endpoint itself = at(name);
  std::vector<endpoint> mirrors;

  const registries_conf::registry* const entry = containers.find(name);
  if (entry != nullptr && entry->blocked) {
    return failure(errc::forbidden, fmt::format("{} is blocked by {}; --no-host-config leaves that file aside", name, entry->file));
  }
  if (entry != nullptr) {
    itself = at(rewrite(name, entry->prefix, entry->location));
    itself.insecure = entry->insecure;
    itself.source = entry->file;
  }
  const hosts_toml* const hosts = containerd_of(registry);
  if (hosts != nullptr && hosts->unusable) return *hosts->unusable;
  if (hosts != nullptr && hosts->server && entry == nullptr) {
    itself = from_containerd(*hosts->server, repository, hosts->file);
    // hosts.toml names Docker Hub's API by its own name; whose credentials count does not change.
    if (itself.registry == "registry-1.docker.io") itself.registry = "docker.io";
    itself.tags = itself.digests = true;
  }
  if (!itself.insecure && docker.is_insecure(itself.registry)) {
    itself.insecure = true;
    itself.source = docker.file;
  }

  std::string longest;
  for (const mirror_setting& option : options) {
    if (covers(option.registry, name) && option.registry.size() > longest.size()) longest = option.registry;
  }
  for (const mirror_setting& option : options) {
    if (option.registry != longest) continue;
    // What the rule names is what the mirror stands for: below a path only the rest is asked of it.
    const std::string below = name.substr(std::min(name.size(), option.registry.size() + 1));
    auto made = mirror_at(option.url, below, option.source.empty() ? "--mirror" : option.source);
    if (!made) return made.error();
    mirrors.push_back(std::move(*made));
  }
  if (mirrors.empty() && entry != nullptr) {
    for (const registries_conf::mirror& one : entry->mirrors) {
      endpoint made = at(rewrite(name, entry->prefix, one.location));
      made.insecure = one.insecure;
      made.tags = one.use != mirror_use::by_digest;
      made.digests = one.use != mirror_use::by_tag;
      made.source = entry->file;
      mirrors.push_back(std::move(made));
    }
  }
  if (mirrors.empty() && hosts != nullptr) {
    for (const hosts_toml::host& one : hosts->hosts) {
      endpoint made = from_containerd(one, repository, hosts->file);
      if (made.registry != registry) made.name_space = registry;
      mirrors.push_back(std::move(made));
    }
  }
  if (mirrors.empty() && registry == "docker.io") {
    for (const std::string& url : docker.mirrors) {
      auto made = mirror_at(url, repository, docker.file);
      if (!made) return made.error();
      mirrors.push_back(std::move(*made));
    }
  }
  for (endpoint& mirror : mirrors) {
    mirror.is_mirror = true;
    mirror.insecure = mirror.insecure || docker.is_insecure(mirror.registry);
  }
  itself.moved = itself.registry != registry;
  mirrors.push_back(std::move(itself));
  return mirrors;
}

}  // namespace gantry::config
