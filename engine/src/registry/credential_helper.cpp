#include "registry/credential_helper.hpp"

#include "base/redact.hpp"
#include "model/json.hpp"
#include "model/json_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <utility>

namespace gantry::registry {
namespace {

namespace json = model::json;

constexpr std::string_view not_found = "credentials not found in native keychain";
constexpr std::string_view identity_user = "<token>";

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t begin = std::min(text.find_first_not_of(blanks), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

bool is_file_name(std::string_view name) {
  return !name.empty() && name.size() <= 100 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '+';
  });
}

/// Helpers write errors to standard output; one that fails after it wrote its answer must not have it printed.
std::string words_of(const runtime::program_end& end) {
  std::string_view said = trim(end.output);
  if (said.empty() || said.find_first_of("{}\"") != std::string_view::npos) said = trim(end.errors);
  if (said.find("\"Secret\"") != std::string_view::npos) return {};
  // Some end their words as C strings.
  std::string words(said);
  std::erase(words, '\0');
  return clean_text(words, 256);
}

/// Why a run came to no answer; nothing when it ended with status 0.
std::optional<failure> defect_of(const runtime::program_end& end, const std::string& name, std::string_view task) {
  std::string why;
  if (end.timed_out) {
    why = "it did not end in time and was stopped";
  } else if (end.too_much) {
    why = "it wrote more than an answer can hold and was stopped";
  } else if (end.signal != 0) {
    why = fmt::format("signal {} ended it", end.signal);
  } else if (end.status > 0) {
    why = fmt::format("it ended with status {}", end.status);
  } else if (end.status < 0) {
    why = "how it ended cannot be told, because this process ignores SIGCHLD";
  } else {
    return std::nullopt;
  }
  const std::string said = words_of(end);
  return failure(errc::bad_credentials,
                 fmt::format("the credential helper {} could not {}: {}{}{}", name, task, why, said.empty() ? "" : "; it said: ", said));
}

failure malformed(const std::string& name, std::string_view server, std::string_view why) {
  return {errc::bad_credentials, fmt::format("the credential helper {} gave an answer for {} that cannot be used: {}", name, server, why)};
}

}  // namespace

std::string helper_server(std::string_view registry) {
  return registry == "docker.io" ? std::string("https://index.docker.io/v1/") : std::string(registry);
}

result<std::optional<credential>> read_helper_answer(const runtime::program_end& end, const std::string& name, const std::string& server) {
  const bool ran_out = end.timed_out || end.too_much || end.signal != 0;
  if (!ran_out && end.status != 0 && trim(end.output) == not_found) return std::optional<credential>();
  if (auto defect = defect_of(end, name, fmt::format("give credentials for {}", server))) return *defect;

  credential found;
  std::string user;
  std::string secret;
  const json::shape top = json::object({{"Username", json::string(user)}, {"Secret", json::string(secret)}});
  if (const auto read = json::read(end.output, top, "the answer", json::limits()); !read) {
    // The parser's words may quote what it read.
    return malformed(name, server, "it is not the JSON of the docker-credential protocol");
  }
  if (user.empty() && secret.empty()) return std::optional<credential>();
  if (user.empty() || secret.empty()) return malformed(name, server, user.empty() ? "it has no user name" : "it has no secret");
  const bool unfit = std::any_of(user.begin(), user.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (unfit || user.find(':') != std::string::npos) return malformed(name, server, "no user name can contain ':' or control characters");
  found.origin = name;
  if (user == identity_user) {
    found.identity_token = std::move(secret);
  } else {
    found.username = std::move(user);
    found.password = std::move(secret);
  }
  return std::optional<credential>(std::move(found));
}

result<credential_helper> credential_helper::find(std::string_view name, std::string_view path, std::chrono::milliseconds limit) {
  if (!is_file_name(name)) {
    return failure(errc::bad_credentials, fmt::format("'{}' cannot be the name of a credential helper", clean_text(name, 64)));
  }
  credential_helper helper;
  helper.program_name_ = fmt::format("docker-credential-{}", name);
  helper.file_ = runtime::find_program(helper.program_name_, path);
  helper.limit_ = limit;
  return helper;
}

result<runtime::program_end> credential_helper::call(const char* action, std::string input, const std::stop_token& stop) const {
  runtime::program what;
  what.file = *file_;
  what.arguments.emplace_back(action);
  what.input = std::move(input);
  what.limit = limit_;
  auto end = runtime::run_program(what, stop);
  if (!end) return failure(errc::bad_credentials, fmt::format("the credential helper cannot be run: {}", end.error().text.message()));
  if (end->stopped) return failure(errc::cancelled, "stopped");
  return end;
}

result<std::optional<credential>> credential_helper::get(const std::string& server, const std::stop_token& stop) const {
  const auto end = call("get", server, stop);
  if (!end) return end.error();
  return read_helper_answer(*end, program_name_, server);
}

result<void> credential_helper::store(const std::string& server, const credential& value, const std::stop_token& stop) const {
  const bool token = !value.identity_token.empty();
  model::json_writer document;
  document.begin_object().member("ServerURL", server);
  document.member("Username", token ? std::string(identity_user) : value.username);
  document.member("Secret", token ? value.identity_token : value.password).end_object();
  const auto end = call("store", document.take(), stop);
  if (!end) return end.error();
  if (auto defect = defect_of(*end, program_name_, fmt::format("keep the credentials of {}", server))) return *defect;
  return {};
}

result<void> credential_helper::erase(const std::string& server, const std::stop_token& stop) const {
  const auto end = call("erase", server, stop);
  if (!end) return end.error();
  if (end->status > 0 && trim(end->output) == not_found) return {};
  if (auto defect = defect_of(*end, program_name_, fmt::format("forget the credentials of {}", server))) return *defect;
  return {};
}

}  // namespace gantry::registry
