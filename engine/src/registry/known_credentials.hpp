#pragma once

#include <gantry/credentials.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace gantry::registry {

/// What keeps tokens of different credentials apart, of which nothing can be learnt about them; "anonymous" for none. In memory alone.
std::string fingerprint(const std::optional<credential>& who);
/// The same as a number, 0 for none.
std::uint64_t number_of(const std::optional<credential>& who);

/// What the source of credentials has said about the repositories of one registry, and which of those credentials the registry takes. Of
/// the repositories, whose names clients of `serve` choose, those that were asked for last are known. No I/O; used on the strand alone.
class known_credentials {
 public:
  /// What the source said about a repository.
  struct answer {
    std::optional<credential> value;
    std::string absence;  ///< why there is none, where there might be one
  };

  /// \param most repositories that are known, and credentials of which it is known whether they are taken
  explicit known_credentials(std::size_t most = 10'000) : most_(most) {}

  /// The credential of \p repository, or that there is none; nothing when the source has not been asked within ten minutes.
  std::optional<std::optional<credential>> find(const std::string& repository);
  void learn(std::string repository, answer said);

  /// Who asks, for messages: "as alice (credentials: command line)" or "anonymously".
  std::string identity(const std::string& repository) const;
  /// Why there is no credential although something is configured; empty when there is nothing to say.
  std::string absence(const std::string& repository) const;
  /// \ref number_of its credential, 0 as well while nobody has asked for one.
  std::uint64_t user_of(const std::string& repository) const;

  /// See authenticator.
  void note_accepted(const std::string& repository);
  void note_refused(const std::string& repository, bool head);
  bool is_refused(const std::string& repository, bool head) const;

  std::size_t size() const noexcept { return answers_.size(); }

 private:
  struct kept_answer {
    answer said;
    std::chrono::steady_clock::time_point until;
    std::chrono::steady_clock::time_point used;
  };
  /// Where a credential was refused, while it was accepted nowhere.
  struct refusals {
    std::set<std::string> repositories;
    std::set<std::string> by_head;  ///< the same, where only HEAD was
    std::chrono::steady_clock::time_point last;
    bool accepted = false;
    std::chrono::steady_clock::time_point used;
  };
  refusals& refusals_of(std::uint64_t who);

  std::size_t most_;
  std::map<std::string, kept_answer> answers_;  ///< by repository
  std::map<std::uint64_t, refusals> refusals_;  ///< by the number of the credential
};

}  // namespace gantry::registry
