#include "side_options.hpp"

#include "option_parser.hpp"

#include <fmt/format.h>

namespace gantry::app {
namespace {

void add_side(option_parser& parser, const char* name, const char* description, side_options& into) {
  const auto group = "Registry";
  parser
      .add(fmt::format("--{}-creds", name), fmt::format("User name and password for {}", description), "USER:PASS",
           [name, &into](const std::string& text) -> outcome<> {
             const std::size_t colon = text.find(':');
             // The text is not repeated: it may be a password alone.
             if (colon == std::string::npos || colon == 0 || colon + 1 == text.size()) {
               return usage_problem(fmt::format("--{}-creds takes USER:PASSWORD", name),
                                    fmt::format("'gantry login' or --{}-authfile keep passwords out of the shell's history", name));
             }
             into.username = text.substr(0, colon);
             into.password = text.substr(colon + 1);
             return {};
           })
      ->group(group);
  parser.app()
      .add_option(fmt::format("--{}-authfile", name), into.authfile,
                  fmt::format("Credential file for {}, in place of --authfile", description))
      ->type_name("FILE")
      ->group(group);
}

}  // namespace

void add_side_options(option_parser& parser, side_options& source, side_options& target) {
  add_side(parser, "src", "the source", source);
  add_side(parser, "dest", "the target", target);
}

credential_source* side_credentials::side_of(const std::string& registry, const std::string* repository) const {
  for (const auto& side : sides_) {
    if (side.registry != registry || !side.credentials) continue;
    if (repository == nullptr || side.repository.empty() || side.repository == *repository) return side.credentials.get();
  }
  return repository == nullptr ? nullptr : side_of(registry, nullptr);
}

std::optional<credential> side_credentials::find(const std::string& registry, const std::string& repository, diagnostics& problem) {
  credential_source* const side = side_of(registry, &repository);
  return side == nullptr ? std::nullopt : side->find(registry, repository, problem);
}

std::string side_credentials::absence(const std::string& registry) {
  credential_source* const side = side_of(registry, nullptr);
  return side == nullptr ? std::string() : side->absence(registry);
}

}  // namespace gantry::app
