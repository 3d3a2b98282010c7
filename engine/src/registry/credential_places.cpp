#include "registry/credential_places.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <system_error>
#include <utility>

#include <unistd.h>

namespace gantry::registry {
namespace {

namespace fs = std::filesystem;

}  // namespace

std::string variable_of(const credential_search& search, const char* name) {
  if (search.variables) return search.variables(name);
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::vector<credential_place> credential_places(const credential_search& search) {
  using form = credential_place::form;
  std::vector<credential_place> places;
  const auto add = [&places](form kind, const fs::path& file, bool named) { places.push_back({kind, file, file.string(), {}, named}); };
  const auto variable = [&search](const char* name) { return variable_of(search, name); };

  if (!search.authfile.empty()) add(form::config, search.authfile, true);
  if (const std::string file = variable("REGISTRY_AUTH_FILE"); !file.empty()) add(form::config, file, true);
  if (std::string text = variable("DOCKER_AUTH_CONFIG"); !text.empty()) {
    places.push_back({form::variable, {}, "DOCKER_AUTH_CONFIG", std::move(text), true});
  }

  const std::string home = variable("HOME");
  const std::string runtime = variable("XDG_RUNTIME_DIR");
  const fs::path run = runtime.empty() ? fs::path("/run/containers") / std::to_string(::getuid()) : fs::path(runtime) / "containers";
  add(form::config, run / "auth.json", false);
  const std::string xdg = variable("XDG_CONFIG_HOME");
  if (!xdg.empty() || !home.empty()) {
    add(form::config, (xdg.empty() ? fs::path(home) / ".config" : fs::path(xdg)) / "containers" / "auth.json", false);
  }
  const std::string docker = variable("DOCKER_CONFIG");
  if (!docker.empty() || !home.empty())
    add(form::config, (docker.empty() ? fs::path(home) / ".docker" : fs::path(docker)) / "config.json", false);
  if (!home.empty()) add(form::legacy, fs::path(home) / ".dockercfg", false);
  return places;
}

result<std::optional<std::string>> read_place(const credential_place& place) {
  if (place.kind == credential_place::form::variable) return std::optional<std::string>(place.text);
  errno = 0;
  // A stream and not a regular file alone: what is named may be the pipe of a shell's <(...).
  std::ifstream stream(place.file, std::ios::binary);
  int reason = errno;
  if (!stream && (reason == ENOENT || reason == ENOTDIR)) {
    if (!place.named) return std::optional<std::string>();
    return failure(errc::file_not_found, fmt::format("the credential file {} does not exist", place.name));
  }
  std::string text(config::docker_config::size_limit + 1, '\0');
  if (stream) {
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    reason = errno;  // a directory opens, and cannot be read
  }
  if (!stream && !stream.eof()) {
    return failure(errc::bad_credentials, fmt::format("the credential file {} cannot be read: {}", place.name,
                                                      std::generic_category().message(reason != 0 ? reason : EIO)));
  }
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return std::optional<std::string>(std::move(text));
}

result<config::docker_config> parse_place(const credential_place& place, std::string_view text) {
  return place.kind == credential_place::form::legacy ? config::docker_config::parse_legacy(text, place.name)
                                                      : config::docker_config::parse(text, place.name);
}

result<std::optional<credential_helper>> helper_of(const credential_search& search, const config::docker_config& config,
                                                   std::string_view registry) {
  const std::string_view name = config.helper_for(registry);
  if (name.empty()) return std::optional<credential_helper>();
  auto helper = credential_helper::find(name, variable_of(search, "PATH"), search.helper_limit);
  if (!helper) return helper.error();
  return std::optional<credential_helper>(std::move(*helper));
}

}  // namespace gantry::registry
