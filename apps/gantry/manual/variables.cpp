#include "manual/variables.hpp"

#include <fmt/format.h>

#include <cstddef>

namespace gantry::app {
namespace {

constexpr environment_variable mode_table[] = {
    {"IMAGE_REF", "the image"},
    {"PLATFORM", "its platform, os/arch[/variant] (default linux/amd64)"},
    {"GANTRY_OUTPUT", "the archive, or a directory for it (default NAME.tar.gz)"},
    {"GANTRY_FORMAT", "docker (default), oci or synology"},
    {"GANTRY_REPORT", "a page about the run, as --report writes it"},
    {"DOCKER_HUB_USERNAME", "the account at docker.io"},
    {"DOCKER_HUB_TOKEN", "its token"},
    {"REGISTRY_USERNAME", "the account at the registry that IMAGE_REF names"},
    {"REGISTRY_PASSWORD", "its password"},
    {"GITHUB_OUTPUT", "a file that the result is appended to"},
};

constexpr environment_variable other_table[] = {
    {"GANTRY_CACHE_DIR", "the layer store"},
    {"GANTRY_CONFIG", "the file with defaults, in place of ~/.config/gantry/config.json"},
    {"NO_COLOR", "turns colours off"},
    {"CLICOLOR_FORCE", "turns colours on, for files and pipes, too"},
    {"HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY", "proxies, and what is reached without one"},
};

}  // namespace

std::span<const environment_variable> mode_variables() { return mode_table; }
std::span<const environment_variable> other_variables() { return other_table; }

std::string mode_text() {
  const auto all = mode_variables();
  std::string say_how;
  for (std::size_t i = 1; i + 1 < all.size(); ++i) {
    say_how += fmt::format("{}{}", i == 1 ? "" : i + 2 == all.size() ? " and " : ", ", all[i].names);
  }
  return fmt::format("Without arguments, and with {} set, gantry pulls that image; {} say how, and {} receives the result.",
                     all.front().names, say_how, all.back().names);
}

}  // namespace gantry::app
