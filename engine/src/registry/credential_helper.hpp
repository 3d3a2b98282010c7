#pragma once

#include "base/failure.hpp"
#include "runtime/program.hpp"

#include <gantry/credentials.hpp>

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace gantry::registry {

/// The name under which helpers know a registry: `host[:port]`, Docker Hub by its oldest address.
std::string helper_server(std::string_view registry);

/// A helper by the docker-credential protocol: the program `docker-credential-<name>` with one word (`get`, `store`, `erase`) as argument,
/// the rest on its standard input. All calls block.
class credential_helper {
 public:
  /// \param name what configuration calls it, e.g. `secretservice`
  /// \param path where to look for the program, as in PATH
  /// errc::bad_credentials for a name that is no file's name.
  static result<credential_helper> find(std::string_view name, std::string_view path, std::chrono::milliseconds limit);

  /// `docker-credential-<name>`
  const std::string& program_name() const noexcept { return program_name_; }
  bool installed() const noexcept { return file_.has_value(); }

  // With an installed program only; errc::bad_credentials with what it said when it fails, errc::cancelled when its stop ended it.

  /// What it knows about a server; nothing when it knows none.
  result<std::optional<credential>> get(const std::string& server, const std::stop_token& stop = {}) const;
  result<void> store(const std::string& server, const credential& value, const std::stop_token& stop = {}) const;
  /// To forget what is not known is a success.
  result<void> erase(const std::string& server, const std::stop_token& stop = {}) const;

 private:
  result<runtime::program_end> call(const char* action, std::string input, const std::stop_token& stop = {}) const;

  std::string program_name_;
  std::optional<std::filesystem::path> file_;
  std::chrono::milliseconds limit_{};
};

/// Reads what a helper answered to `get`. \param name of the program, for messages and \ref credential::origin
/// A user name `<token>` means that the secret is an identity token. errc::bad_credentials for everything that is no answer.
result<std::optional<credential>> read_helper_answer(const runtime::program_end& end, const std::string& name, const std::string& server);

}  // namespace gantry::registry
