#pragma once

#include "outcome.hpp"

#include <gantry/credentials.hpp>
#include <gantry/reference.hpp>

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::app {

class option_parser;

/// Credentials of one end of a command with two ends.
struct side_options {
  std::string username;
  std::string password;
  std::string authfile;

  bool is_given() const { return !username.empty() || !authfile.empty(); }
  friend bool operator==(const side_options&, const side_options&) = default;
};

/// Adds `--src-creds`, `--src-authfile` and the same of `dest`.
void add_side_options(option_parser& parser, side_options& source, side_options& target);

/// Whether -u and its kin can serve a command with these registries at its ends: there is one in all, or they say what can.
outcome<> check_common_account(const std::set<std::string>& sources, const std::set<std::string>& targets);

/// The options that give another account to the end that \p message, an error of the engine's, speaks of: by its name, else by its
/// registry.
std::string account_options(const std::string& message, const reference& source, const std::vector<reference>& targets);

/// \p message with \p account in place of -u and its kin, which are for both ends.
std::string with_account(std::string message, const std::string& account);

/// One end: which repository it is, and who answers for it.
struct credential_side {
  std::string registry;    ///< as in reference::registry
  std::string repository;  ///< empty: all of the registry
  std::shared_ptr<credential_source> credentials;
};

/// The credentials of both ends as one source. A question is answered by the end whose repository it is about, else by the first end of
/// that registry: two repositories of one registry can have users of their own. What is neither end's, a mirror or the place that a
/// registry was moved to, has a source of its own.
class side_credentials final : public credential_source {
 public:
  /// \param others answers for registries that are at neither end; null: nobody does
  explicit side_credentials(std::vector<credential_side> sides, std::shared_ptr<credential_source> others = nullptr)
      : sides_(std::move(sides)), others_(std::move(others)) {}
  std::optional<credential> find(const std::string& registry, const std::string& repository, diagnostics& problem) override;
  std::optional<credential> find_until(const std::string& registry, const std::string& repository, diagnostics& problem,
                                       const std::stop_token& stop) override;
  std::string absence(const std::string& registry) override;

 private:
  credential_source* side_of(const std::string& registry, const std::string* repository) const;

  std::vector<credential_side> sides_;
  std::shared_ptr<credential_source> others_;
};

}  // namespace gantry::app
