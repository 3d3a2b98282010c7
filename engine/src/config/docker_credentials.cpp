#include "config/docker_config.hpp"

#include <gantry/credentials.hpp>
#include <gantry/diagnostics.hpp>

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace gantry {
namespace {

class docker_config_source final : public credential_source {
 public:
  explicit docker_config_source(config::docker_config file) : file_(std::move(file)) {}

  std::optional<credential> find(const std::string& registry, const std::string& repository, diagnostics& problem) override {
    auto found = file_.lookup(registry, repository);
    if (found) return std::move(*found);
    problem = found.error().text;
    return std::nullopt;
  }

 private:
  config::docker_config file_;
};

std::filesystem::path default_file() {
  if (const char* directory = std::getenv("DOCKER_CONFIG"); directory != nullptr && *directory != '\0') {
    return std::filesystem::path(directory) / "config.json";
  }
  const char* home = std::getenv("HOME");
  return home != nullptr && *home != '\0' ? std::filesystem::path(home) / ".docker" / "config.json" : std::filesystem::path();
}

}  // namespace

std::shared_ptr<credential_source> docker_config_credentials(std::filesystem::path file, diagnostics* problem) {
  const auto nothing = [&](std::string why) {
    if (problem != nullptr && !why.empty()) *problem = diagnostics(std::move(why));
    return std::make_shared<docker_config_source>(config::docker_config());
  };
  if (problem != nullptr) problem->clear();
  const bool named = !file.empty();
  if (!named) file = default_file();
  std::error_code unknown;
  if (!named && (file.empty() || !std::filesystem::exists(file, unknown))) return nothing({});

  std::ifstream stream(file, std::ios::binary);
  if (!stream) return nothing(fmt::format("the credential file {} cannot be read; check that it exists and belongs to you", file.string()));
  std::string bytes;
  bytes.resize(config::docker_config::size_limit + 1);
  stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (stream.bad()) return nothing(fmt::format("the credential file {} cannot be read", file.string()));
  bytes.resize(static_cast<std::size_t>(stream.gcount()));
  auto parsed = config::docker_config::parse(bytes, file.string());
  if (!parsed) return nothing(parsed.error().text.message());
  return std::make_shared<docker_config_source>(std::move(*parsed));
}

}  // namespace gantry
