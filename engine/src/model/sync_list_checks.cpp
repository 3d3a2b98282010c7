#include "model/sync_list_checks.hpp"

#include "base/redact.hpp"
#include "model/reference_grammar.hpp"
#include "model/tag_selection.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <vector>

namespace gantry::model {
namespace {

failure unfit(const std::string& why) { return {errc::malformed_document, why}; }

}  // namespace

result<push_prefix> parse_place(std::string_view text) {
  // With a name behind it, it is read as every reference is: docker's rules decide what a host is.
  constexpr std::string_view probe = "/x/x";
  while (text.ends_with('/')) text.remove_suffix(1);
  const auto parts = normalise_reference(std::string(text) + std::string(probe));
  const bool is_host = parts && (parts->domain != "docker.io" || text.starts_with("docker.io") || text.starts_with("index.docker.io"));
  if (!is_host) {
    return unfit(fmt::format("'{}' is not a registry, which are written HOST[:PORT][/NAMESPACE]", clean_text(hide_user(text), 128)));
  }
  push_prefix place;
  place.registry = parts->domain;
  const std::string path = "/" + parts->path;
  place.path = path.substr(0, path.size() - probe.size());
  if (!place.path.empty()) place.path.erase(0, 1);
  return place;
}

result<void> check_target(std::string_view text) {
  if (is_repository(text)) return {};
  if (text.find_first_of(":@") != std::string_view::npos)
    return unfit(fmt::format("'{}' is not a repository path: its tags come from \"tags\", its registry from \"registry\"",
                             clean_text(hide_user(text), 128)));
  return unfit(fmt::format("'{}' is not a repository path, e.g. library/nginx", clean_text(hide_user(text), 128)));
}

result<void> check_filter(const tag_filter& filter) {
  const auto tried = select_tags(std::vector<std::string>(), filter);
  if (!tried) return unfit("cannot be used: " + tried.error().text.message());
  return {};
}

result<void> read_source(std::string_view text, sync_entry& into, bool& names_image) {
  constexpr std::string_view layout = "oci:";
  if (text.starts_with(layout)) {
    into.directory = std::string(text.substr(layout.size()));
    if (into.directory.empty()) return unfit("names no directory");
    return {};
  }
  // Other tools' words for files: as the name of an image such a path would go to a registry.
  for (const std::string_view file : {"oci-archive:", "docker-archive:", "containers-storage:"}) {
    if (text.starts_with(file)) {
      return unfit(fmt::format(
          "cannot be {}...; sources are images of registries or oci:DIRECTORY; 'gantry push FILE TARGET' brings an archive", file));
    }
  }
  constexpr std::string_view scheme = "docker://";
  if (text.starts_with(scheme)) text.remove_prefix(scheme.size());
  const auto parts = split_reference(text);
  if (!parts) return unfit("cannot be used: " + parts.error().text.message());
  error_code ec;
  diagnostics why;
  into.source = reference::parse(text, ec, why);
  if (ec) return unfit("cannot be used: " + why.message());
  names_image = !parts->tag.empty() || parts->digest;
  if (!names_image) into.source = into.source.with_tag({});
  return {};
}

std::optional<std::pair<std::string, std::string>> split_layout_tag(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || !is_tag(text.substr(colon + 1))) return std::nullopt;
  return std::pair(std::string(text.substr(0, colon)), std::string(text.substr(colon + 1)));
}

result<mirror_setting> read_mirror(std::string_view text, const reference& source) {
  const std::size_t equals = text.find('=');
  mirror_setting mirror;
  if (equals != std::string_view::npos) {
    mirror.registry = text.substr(0, equals);
    mirror.url = text.substr(equals + 1);
  } else if (!source.empty()) {
    mirror.registry = source.name();
    // The rule is for this repository alone, of which nothing is left to add.
    mirror.url = std::string(text.substr(0, text.find_last_not_of('/') + 1)) + "/" + source.repository();
  }
  if (mirror.registry.empty() || mirror.url.empty() || mirror.url.find_first_of("@?# ") != std::string::npos) {
    return unfit(source.empty() ? "of all entries are written HOST=URL, without credentials"
                                : "are written URL or HOST=URL, without credentials");
  }
  return mirror;
}

}  // namespace gantry::model
