#include "login_options.hpp"

#include "option_parser.hpp"
#include "values.hpp"

#include <fmt/format.h>

#include <utility>

namespace gantry::app {
namespace {

outcome<> read_registry(const std::string& word, const char* command, login_arguments& into) {
  if (word.empty()) return usage_problem("no registry is named", fmt::format("e.g. 'gantry {} docker.io'", command));
  auto registry = parse_registry(word, registry_operand);
  if (!registry) return registry.error();
  if (!registry->path.empty()) {
    return usage_problem(fmt::format("'{}' is a repository; credentials are kept for registries", word),
                         fmt::format("e.g. 'gantry {} {}'", command, registry->host));
  }
  into.registry = registry->host;
  if (registry->plain_http) into.common.plain_http.emplace_back(named_registry);
  if (registry->tls) into.common.tls_only.push_back(registry->host);
  return {};
}

outcome<std::variant<login_arguments, help_text>> parse(std::vector<std::string> words, const char* command, const char* description) {
  login_arguments arguments;
  std::string word;
  option_parser parser(fmt::format("gantry {}", command), "REGISTRY", description);
  parser.app().add_option("REGISTRY", word, "Registry: HOST[:PORT]")->type_name("")->group("");
  add_common_options(parser, arguments.common, {.report = false});
  auto help = parser.parse(std::move(words));
  if (!help) return help.error();
  if (*help) return std::variant<login_arguments, help_text>(std::move(**help));
  if (auto read = read_registry(word, command, arguments); !read) return read.error();
  common_options checked = arguments.common;
  if (!checked.username.empty() && !checked.password && !checked.password_stdin) checked.password.emplace();
  if (auto fits = check_common_options(checked); !fits) return fits.error();
  return std::variant<login_arguments, help_text>(std::move(arguments));
}

}  // namespace

outcome<std::variant<login_arguments, help_text>> parse_login(std::vector<std::string> words) {
  return parse(
      std::move(words), "login",
      "Check a user name and a password with a registry and keep them for the commands to come: with the credential helper that is "
      "configured, else in --authfile, $REGISTRY_AUTH_FILE or docker's config.json.");
}

outcome<std::variant<login_arguments, help_text>> parse_logout(std::vector<std::string> words) {
  auto parsed = parse(std::move(words), "logout",
                      "Forget the credentials of a registry, in the files of docker and podman and with their credential helpers.");
  if (!parsed) return parsed;
  const auto* arguments = std::get_if<login_arguments>(&*parsed);
  if (arguments != nullptr && !arguments->common.username.empty()) return usage_problem("logout takes no user name and no password");
  return parsed;
}

}  // namespace gantry::app
