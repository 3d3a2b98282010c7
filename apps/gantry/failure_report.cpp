#include "failure_report.hpp"

#include "image_names.hpp"

#include <gantry/format.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <string_view>
#include <variant>

namespace gantry::app {
namespace {

constexpr const char* go_on = "run the same command again: it goes on with what has arrived";

constexpr std::string_view usual_account = "-u USER --password-stdin";

constexpr const char* other_store =
    "--cache-dir DIR or GANTRY_CACHE_DIR names another place for the store, and 'gantry pull --no-cache' does without";

struct advice {
  errc code;
  std::string_view topic;  // a message that speaks of it needs no hint
  const char* text;
};

constexpr advice advices[] = {
    {errc::unauthorized, "gantry login", "log in with 'gantry login REGISTRY', or give -u USER --password-stdin"},
    {errc::forbidden, "--no-host-config", "the account in use has no right to this; give another with -u USER --password-stdin"},
    {errc::insecure_transport, "--plain-http", "--plain-http=HOST allows it, for everybody on the way to read"},
    {errc::tls_expected, "--plain-http", "if the registry has no TLS, --plain-http=HOST speaks to it in clear text"},
    {errc::tls_not_trusted, "is not trusted: ", "--ca-cert FILE adds its authority; --insecure=HOST skips the check"},
    {errc::not_an_image, "-f oci", "-f oci keeps artifacts of any kind"},
    {errc::name_not_resolved, "the proxy ",
     "check the registry's spelling and the network; where only a proxy knows other hosts, --proxy URL or HTTPS_PROXY names it"},
    {errc::rate_limited, "log in", "wait, or log in: most registries allow more to known users"},
    {errc::no_space, "--cache-dir",
     "free some space, or choose another place: -o for the archive, --cache-dir for the store; "
     "'gantry clean --max-size SIZE' drops what was pulled longest ago"},
    {errc::in_use, "another gantry", "wait for the other process, or choose another name with -o"},
};

/// Whoever has just given credentials needs other ones, not the advice to give some. Empty for other messages.
std::string hint_for_account(const std::string& message) {
  const std::size_t refused = message.find(" does not accept the credentials");
  const std::size_t end = refused != std::string::npos ? refused : message.find(" asks for a user name and a password");
  if (end == std::string::npos || end == 0) return {};
  if (refused != std::string::npos && message.find("command line", refused) != std::string::npos)
    return "check the user name and the password that were given; a token may have expired";
  const std::size_t before = message.rfind(' ', end - 1);
  const std::size_t begin = before == std::string::npos ? 0 : before + 1;
  return fmt::format("log in{} with 'gantry login {}', or give -u USER --password-stdin", refused != std::string::npos ? " anew" : "",
                     message.substr(begin, end - begin));
}

/// Who holds some platforms of an index may push these, or fetch the others. Empty for other messages.
std::string hint_for_part(const std::string& message) {
  constexpr std::string_view begin = "only ";
  const std::size_t end = message.find(" is at hand, and an index goes as a whole");
  const std::size_t of = end == std::string::npos ? end : message.rfind(" of ", end);
  if (of == std::string::npos || !message.starts_with(begin)) return {};
  std::string held = message.substr(begin.size(), of - begin.size());
  std::erase(held, ' ');
  const std::string name = message.substr(of + 4, end - of - 4);
  std::string hint = fmt::format("--platform {} pushes what is there", held);
  // An image without a name is in a file, which is all there is of it.
  if (!name.starts_with("sha256:")) hint += fmt::format("; 'gantry pull --all-platforms --store-only {}' fetches the rest", name);
  return hint;
}

/// The digest that a tag stands for, as a command. Empty for other messages. \param object [REGISTRY/]REPOSITORY:TAG
std::string hint_for_delete(const std::string& message, const std::string& object) {
  if (message.find(" does not delete by tag") == std::string::npos) return {};
  return fmt::format("'gantry delete {}@$(gantry digest {})' deletes the manifest and every tag that names it", without_tag(object),
                     object);
}

/// `linux/armv7` for `linux/arm/v7`, which is there. Empty for other messages.
std::string hint_for_platform(const std::string& message) {
  constexpr std::string_view lacks = " has no image for ";
  constexpr std::string_view has = "; there is ";
  const std::size_t begin = message.find(lacks);
  const std::size_t end = message.find(has, begin);
  if (begin == std::string::npos || end == std::string::npos) return {};
  const auto plain = [](std::string_view platform) {
    std::string text(platform);
    std::erase(text, '/');
    return text;
  };
  const std::string wanted = plain(std::string_view(message).substr(begin + lacks.size(), end - begin - lacks.size()));
  for (std::string_view rest = std::string_view(message).substr(end + has.size()); !rest.empty();) {
    const std::string_view one = rest.substr(0, rest.find(", "));
    if (plain(one) == wanted) return fmt::format("did you mean '{}'?", one);
    rest.remove_prefix(std::min(rest.size(), one.size() + 2));
  }
  return {};
}

bool keeps_parts(const error_code& ec) {
  for (const errc code : {errc::connection_lost, errc::timed_out, errc::too_slow, errc::retries_exhausted, errc::server_error}) {
    if (ec == make_error_code(code)) return true;
  }
  return false;
}

std::string hint_for(const error_code& ec, const std::string& message, const std::string& object) {
  if (ec == make_error_code(errc::unexpected_status)) return hint_for_delete(message, object);
  if (ec == make_error_code(errc::platform_not_found)) return hint_for_platform(message);
  if (ec == make_error_code(errc::unauthorized) && message.find("gantry login") == std::string::npos) {
    if (std::string hint = hint_for_account(message); !hint.empty()) return hint;
  }
  if (ec == make_error_code(errc::not_found)) {
    if (std::string hint = hint_for_part(message); !hint.empty()) return hint;
  }
  if (message.find("there is no place for the store") != std::string::npos) return other_store;
  const bool denied = ec == make_error_code(errc::access_denied) && message.find("cannot create the directory") != std::string::npos;
  const bool no_store = message.find("the layer store ") != std::string::npos && message.find(" cannot be made: ") != std::string::npos;
  if (denied || no_store) return other_store;
  for (const auto& [code, topic, text] : advices) {
    if (ec == make_error_code(code)) return message.find(topic) == std::string::npos ? text : std::string();
  }
  const bool lost = message.find("the registry keeps nothing of") != std::string::npos;
  return keeps_parts(ec) && !lost ? go_on : std::string();
}

}  // namespace

error_report report_failure(const error_code& ec, const diagnostics& text, const stop_cause& cause, const std::string& object) {
  error_report report;
  if (ec == make_error_condition(condition::cancelled)) {
    if (cause.kept) report.hint = go_on;
    if (cause.timed_out) {
      report.exit_code = static_cast<int>(exit_code::failed);
      report.message = fmt::format("stopped after {}, the time that --timeout allows", format_duration(*cause.timed_out));
      if (!cause.last_trouble.empty()) report.message += "; the last attempt failed: " + cause.last_trouble;
    } else {
      report.exit_code = static_cast<int>(cause.signal == SIGTERM ? exit_code::terminated : exit_code::interrupted);
      report.message = cause.signal == SIGTERM ? "stopped by SIGTERM" : "stopped";
    }
    return report;
  }
  report.exit_code = static_cast<int>(exit_code_of(ec));
  report.message = text.message().empty() ? fmt::format("{}: {}", object, ec.message()) : text.message();
  report.server_message = text.server_message();
  report.hint = hint_for(ec, report.message, object);
  if (const auto at = report.hint.find(usual_account); at != std::string::npos && !cause.account.empty()) {
    report.hint.replace(at, usual_account.size(), cause.account);
  }
  if (!cause.kept && report.hint == go_on) report.hint.clear();
  return report;
}

bool tells_of_content(const gantry::event& what) {
  if (const auto* const plan = std::get_if<transfer_planned>(&what)) return plan->bytes_held > 0;
  if (const auto* const started = std::get_if<blob_started>(&what)) return started->resumed > 0;
  if (const auto* const part = std::get_if<blob_progress>(&what)) return part->done > 0;
  if (const auto* const moved = std::get_if<transfer_progress>(&what)) return moved->received > 0 || moved->sent > 0;
  return std::holds_alternative<blob_finished>(what);
}

error_report report_problem(const problem& what) { return {static_cast<int>(what.code), what.message, {}, what.hint}; }

std::string with_server_words(const std::string& message, const std::string& server_message) {
  return server_message.empty() ? message : message + "; registry said: " + server_message;
}

}  // namespace gantry::app
