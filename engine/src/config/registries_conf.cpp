#include "config/registries_conf.hpp"

#include "config/toml.hpp"

#include <algorithm>
#include <utility>

namespace gantry::config {
namespace {

bool is_wildcard(std::string_view prefix) { return prefix.starts_with("*."); }

/// Whether a name of that length is a whole one: what follows is no part of its last component.
bool ends_component(std::string_view text, std::size_t length) {
  return length == text.size() || text[length] == '/' || text[length] == ':' || text[length] == '@';
}

/// How much of \p repository \p prefix covers; 0: nothing.
std::size_t covered(std::string_view repository, std::string_view prefix) {
  if (!is_wildcard(prefix)) return repository.starts_with(prefix) && ends_component(repository, prefix.size()) ? prefix.size() : 0;
  const std::string_view domain = prefix.substr(1);
  const std::string_view host = repository.substr(0, repository.find_first_of("/:@"));
  const std::size_t authority = std::min(repository.find('/'), repository.size());
  if (host.ends_with(domain) && host.size() > domain.size()) return host.size();
  // A port may stand in the pattern.
  const std::string_view with_port = repository.substr(0, authority);
  return with_port.ends_with(domain) && with_port.size() > domain.size() ? with_port.size() : 0;
}

std::string trimmed(std::string text) {
  while (text.ends_with('/')) text.pop_back();
  return text;
}

result<void> check_location(const std::string& location, const std::string& name, const toml::node& where) {
  // A prefix may end with the digest of an image.
  const std::size_t at = std::min(location.find('@'), location.size());
  const bool digest = location.find('/') < at && (location.compare(at, 8, "@sha256:") == 0 || location.compare(at, 8, "@sha512:") == 0);
  if (at != location.size() && !digest) return holds_user(name, "a location", where);
  if (location.find("://") != std::string::npos) {
    return cannot_be_read(name,
                          fmt::format("the location {} has a scheme; HOST[:PORT][/PATH] is wanted", clean_text(redact_url(location), 128)));
  }
  return {};
}

result<mirror_use> read_use(const toml::table& from, bool by_digest_only, const std::string& name) {
  std::string word;
  if (!take(from, "pull-from-mirror", word)) return cannot_be_read(name, "pull-from-mirror is no string");
  if (word == "digest-only" || (word.empty() && by_digest_only)) return mirror_use::by_digest;
  if (word == "tag-only") return mirror_use::by_tag;
  if (word.empty() || word == "all") return mirror_use::all;
  return cannot_be_read(name, fmt::format("pull-from-mirror is '{}'; all, digest-only and tag-only are known", clean_text(word, 64)));
}

result<registries_conf::registry> read_registry(const toml::table& from, const std::string& name) {
  registries_conf::registry made;
  made.file = name;
  bool by_digest_only = false;
  const bool typed = take(from, "prefix", made.prefix) && take(from, "location", made.location) && take(from, "insecure", made.insecure) &&
                     take(from, "blocked", made.blocked) && take(from, "mirror-by-digest-only", by_digest_only);
  if (!typed) return cannot_be_read(name, "a member of a [[registry]] has the wrong type");
  made.prefix = trimmed(made.prefix);
  made.location = trimmed(made.location);
  if (made.prefix.empty()) made.prefix = made.location;
  if (made.prefix.empty()) return cannot_be_read(name, "a [[registry]] has neither prefix nor location");
  if (made.location.empty() && !is_wildcard(made.prefix)) made.location = made.prefix;
  if (auto good = check_location(made.location, name, from); !good) return good.error();
  if (auto good = check_location(made.prefix, name, from); !good) return good.error();

  const toml::node* const mirrors = from.get("mirror");
  if (mirrors == nullptr) return made;
  const toml::array* const list = mirrors->as_array();
  if (list == nullptr) return cannot_be_read(name, "mirror is not a list of tables: [[registry.mirror]]");
  for (const toml::node& node : *list) {
    const toml::table* const table = node.as_table();
    registries_conf::mirror mirror;
    if (table == nullptr || !take(*table, "location", mirror.location) || !take(*table, "insecure", mirror.insecure) ||
        mirror.location.empty()) {
      return cannot_be_read(name,
                            fmt::format("a mirror of {} has no location, or a member of the wrong type", clean_text(made.prefix, 128)));
    }
    mirror.location = trimmed(mirror.location);
    if (auto good = check_location(mirror.location, name, node); !good) return good.error();
    const auto use = read_use(*table, by_digest_only, name);
    if (!use) return use.error();
    mirror.use = *use;
    made.mirrors.push_back(std::move(mirror));
  }
  return made;
}

}  // namespace

result<registries_conf> registries_conf::parse(std::string_view text, const std::string& name) {
  const result<toml::table> document = read_toml(text, name);
  if (!document) return document.error();
  registries_conf made;
  const toml::node* const node = document->get("registry");
  if (node == nullptr) return made;
  const toml::array* const list = node->as_array();
  if (list == nullptr) return cannot_be_read(name, "registry is not a list of tables: [[registry]]");
  for (const toml::node& one : *list) {
    const toml::table* const table = one.as_table();
    if (table == nullptr) return cannot_be_read(name, "registry is not a list of tables: [[registry]]");
    auto entry = read_registry(*table, name);
    if (!entry) return entry.error();
    made.registries.push_back(std::move(*entry));
  }
  return made;
}

void registries_conf::merge(registries_conf later) {
  for (registry& entry : later.registries) {
    const auto same = std::find_if(registries.begin(), registries.end(), [&](const registry& one) { return one.prefix == entry.prefix; });
    if (same != registries.end()) {
      *same = std::move(entry);
    } else {
      registries.push_back(std::move(entry));
    }
  }
}

const registries_conf::registry* registries_conf::find(std::string_view repository) const {
  const registry* best = nullptr;
  std::size_t longest = 0;
  for (const registry& entry : registries) {
    if (covered(repository, entry.prefix) == 0 || entry.prefix.size() <= longest) continue;
    best = &entry;
    longest = entry.prefix.size();
  }
  return best;
}

std::string rewrite(std::string_view repository, std::string_view prefix, std::string_view location) {
  if (location.empty()) return std::string(repository);
  return std::string(location) + std::string(repository.substr(covered(repository, prefix)));
}

}  // namespace gantry::config
