#include "side_options.hpp"

#include "option_parser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

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

outcome<> check_common_account(const std::set<std::string>& sources, const std::set<std::string>& targets) {
  std::set<std::string> all = sources;
  all.insert(targets.begin(), targets.end());
  if (all.size() <= 1) return {};
  const bool one_each = sources.size() <= 1 && targets.size() <= 1;
  return usage_problem(fmt::format("-u is for one registry, and both ends together name {}", all.size()),
                       one_each ? "give --src-creds and --dest-creds, or log in to each with 'gantry login'"
                                : "log in to each with 'gantry login', or give --src-authfile and --dest-authfile");
}

std::string account_options(const std::string& message, const reference& source, const std::vector<reference>& targets) {
  const auto speaks_of = [&](const std::string& name) { return message.find(name) != std::string::npos; };
  const auto of_targets = [&](auto name) {
    return std::any_of(targets.begin(), targets.end(), [&](const reference& one) { return speaks_of(name(one)); });
  };
  bool from = speaks_of(source.name());
  bool to = of_targets([](const reference& one) { return one.name(); });
  if (from == to) {
    from = speaks_of(source.registry());
    to = of_targets([](const reference& one) { return one.registry(); });
  }
  if (from == to) return "--src-creds or --dest-creds USER:PASSWORD";
  return from ? "--src-creds USER:PASSWORD" : "--dest-creds USER:PASSWORD";
}

std::string with_account(std::string message, const std::string& account) {
  for (const std::string_view common : {"--username and --password-stdin", "-u USER --password-stdin"}) {
    if (const auto at = message.find(common); at != std::string::npos) message.replace(at, common.size(), account);
  }
  return message;
}

credential_source* side_credentials::side_of(const std::string& registry, const std::string* repository) const {
  for (const auto& side : sides_) {
    if (side.registry != registry || !side.credentials) continue;
    if (repository == nullptr || side.repository.empty() || side.repository == *repository) return side.credentials.get();
  }
  return repository == nullptr ? others_.get() : side_of(registry, nullptr);
}

std::optional<credential> side_credentials::find(const std::string& registry, const std::string& repository, diagnostics& problem) {
  return find_until(registry, repository, problem, {});
}

std::optional<credential> side_credentials::find_until(const std::string& registry, const std::string& repository, diagnostics& problem,
                                                       const std::stop_token& stop) {
  credential_source* const side = side_of(registry, &repository);
  return side == nullptr ? std::nullopt : side->find_until(registry, repository, problem, stop);
}

std::string side_credentials::absence(const std::string& registry) {
  credential_source* const side = side_of(registry, nullptr);
  return side == nullptr ? std::string() : side->absence(registry);
}

}  // namespace gantry::app
