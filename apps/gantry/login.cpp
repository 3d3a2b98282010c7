#include "command.hpp"
#include "console.hpp"
#include "engine_setup.hpp"
#include "environment.hpp"
#include "failure_report.hpp"
#include "json_line.hpp"
#include "login_options.hpp"
#include "option_parser.hpp"
#include "prompt.hpp"
#include "session.hpp"

#include <gantry/credentials.hpp>
#include <gantry/engine.hpp>

#include <fmt/format.h>

#include <csignal>
#include <optional>
#include <stop_token>
#include <string_view>
#include <utility>

namespace gantry::app {
namespace {

outcome<std::string> ask(const std::string& question, bool secret, const char* what) {
  typed answer = prompt(question, secret);
  if (answer.signal != 0) {
    return problem(answer.signal == SIGTERM ? exit_code::terminated : exit_code::interrupted, "stopped, nothing was kept");
  }
  if (!answer.text || answer.text->empty()) return usage_problem(fmt::format("no {} was typed", what));
  return std::move(*answer.text);
}

/// Completes user name and password, from standard input or the terminal.
outcome<> complete(login_arguments& arguments) {
  common_options& given = arguments.common;
  if (given.password_stdin) {
    auto password = read_password();
    if (!password) return password.error();
    given.password = std::move(*password);
    given.password_stdin = false;
  }
  const bool complete = !given.username.empty() && given.password;
  if (!complete && !can_prompt()) {
    const char* const lacking = given.password ? "the user name" : given.username.empty() ? "user name and password" : "the password";
    return usage_problem(fmt::format("there is no terminal to ask on for {}", lacking), given.password ? "give -u USER"
                                                                                        : given.username.empty()
                                                                                            ? "give -u USER --password-stdin"
                                                                                            : "give --password-stdin");
  }
  if (given.username.empty()) {
    auto name = ask(fmt::format("User name for {}: ", arguments.registry), false, "user name");
    if (!name) return name.error();
    given.username = std::move(*name);
  }
  if (!given.password) {
    auto password = ask(fmt::format("Password of {} (not shown): ", given.username), true, "password");
    if (!password) return password.error();
    given.password = std::move(*password);
  }
  return check_common_options(given);
}

/// What helps who wants to log in is not to log in.
int refuse(const login_arguments& arguments, const diagnostics& said, console& output) {
  error_report report;
  report.exit_code = static_cast<int>(exit_code::not_authorised);
  report.message = fmt::format("{} does not accept the user name {} with this password; nothing was kept", arguments.registry,
                               arguments.common.username);
  report.server_message = said.server_message();
  report.hint =
      "check both; where the account has a second factor or a single sign-on, an access token that the registry's web pages "
      "give stands for the password";
  output.error(report);
  return report.exit_code;
}

outcome<int> login(login_arguments arguments, const environment& variables, console& output) {
  if (auto ready = complete(arguments); !ready) return ready.error();
  const common_options& given = arguments.common;
  // The file that is named may be about to be made.
  common_options checking = given;
  checking.authfile.clear();
  const environment no_named_file = [&variables](const char* name) {
    const bool names_file = std::string_view(name) == "REGISTRY_AUTH_FILE" || std::string_view(name) == "DOCKER_AUTH_CONFIG";
    return names_file ? std::string() : variables(name);
  };
  auto settings = make_engine_options(checking, {}, {arguments.registry}, no_named_file, false, output);
  if (!settings) return settings.error();

  session work(output, given.timeout);
  settings->log = work.debug_log();
  engine asking(std::move(*settings));
  ping_options options;
  const auto answer = work.run<ping_result>(options, arguments.registry, [&](diagnostics& text, auto token) {
    asking.async_ping(arguments.registry, options, text, std::move(token));
  });
  if (answer.ec == errc::unauthorized) return refuse(arguments, answer.text, output);
  if (answer.ec) return work.fail(answer.ec, answer.text, arguments.registry);
  if (!answer.result.authenticated) {
    output.warn(fmt::format("{} asked for no credentials, so that these could not be checked", arguments.registry));
  }

  credential value;
  value.username = given.username;
  value.password = *given.password;
  stored_credential kept;
  diagnostics trouble;
  error_code ec = make_error_code(errc::cancelled);
  work.run_apart([&](const std::stop_token& stop) {
    credential_search search = search_of(given.authfile, variables, output);
    search.stop = stop;
    ec = store_credential(search, arguments.registry, value, kept, trouble);
  });
  if (ec) return work.fail(ec, trouble, arguments.registry);
  output.print_late();
  if (kept.plain_text) {
    output.warn(fmt::format("{} holds the password of {} unencrypted; a credential helper ('credsStore' in that file) keeps it safe",
                            kept.place, given.username));
  }
  std::string text = fmt::format("logged in to {} as {}, kept in {}\n", arguments.registry, given.username, kept.place);
  if (given.json) {
    json_object object;
    object.add("version", std::uint64_t{1}).add("registry", arguments.registry).add("username", given.username);
    object.add("kept_in", kept.place).add("plain_text", kept.plain_text).add("checked", answer.result.authenticated);
    text = object.string() + "\n";
  }
  return print_result(text);
}

outcome<int> logout(const login_arguments& arguments, const environment& variables, console& output) {
  std::vector<std::string> places;
  diagnostics trouble;
  std::optional<credential> left;
  error_code ec = make_error_code(errc::cancelled);
  session work(output, arguments.common.timeout);
  work.run_apart([&](const std::stop_token& stop) {
    credential_search search = search_of(arguments.common.authfile, variables, output);
    search.stop = stop;
    ec = erase_credential(search, arguments.registry, places, trouble);
    diagnostics unreadable;
    if (!ec) left = usual_credentials(search)->find(arguments.registry, {}, unreadable);
  });
  if (ec) return work.fail(ec, trouble, arguments.registry);
  output.print_late();
  // What cannot be forgotten here is said: whoever logs out wants to be anonymous.
  if (left) output.warn(fmt::format("{} is still known from {}", arguments.registry, left->origin));
  if (arguments.common.json) {
    std::vector<std::string> quoted;
    for (const auto& place : places) quoted.push_back(json_quote(place));
    return print_result(json_object()
                            .add("version", std::uint64_t{1})
                            .add("registry", arguments.registry)
                            .add_raw("removed_from", json_array(quoted))
                            .string() +
                        "\n");
  }
  std::string text;
  for (const auto& place : places) text += fmt::format("logged out of {}, removed from {}\n", arguments.registry, place);
  if (places.empty()) text = fmt::format("not logged in to {}\n", arguments.registry);
  return print_result(text);
}

template <class Run>
int run_command(outcome<std::variant<login_arguments, help_text>> parsed, Run run) {
  if (!parsed) return fail_early(parsed.error());
  if (const auto* help = std::get_if<help_text>(&*parsed)) return print_help(*help);
  auto& arguments = std::get<login_arguments>(*parsed);
  return run_with_console(arguments.common, [&](console& output) { return run(arguments, process_environment(), output); });
}

}  // namespace

int login_command(std::vector<std::string> words) { return run_command(parse_login(std::move(words)), login); }

int logout_command(std::vector<std::string> words) { return run_command(parse_logout(std::move(words)), logout); }

}  // namespace gantry::app
