#pragma once

#include "base/failure.hpp"
#include "http/client.hpp"
#include "registry/challenge.hpp"
#include "registry/kept_tokens.hpp"
#include "registry/known_credentials.hpp"
#include "runtime/lanes.hpp"
#include "runtime/semaphore.hpp"
#include "runtime/stop.hpp"

#include <gantry/credentials.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::registry {

using runtime::task;

/// Who we are to one registry: credentials, the challenge it made, and the tokens it gave. Tokens live in memory only, are kept apart by
/// realm, service and scope, are renewed ten seconds early, and are asked for once however many requests wait for them. Used on the strand
/// alone.
class authenticator {
 public:
  struct settings {
    std::string registry;  ///< as in a reference, what credentials are looked up by
    std::shared_ptr<credential_source> credentials;
    bool allow_plain_http = false;  ///< credentials may travel in clear text to other hosts than this machine
    bool is_named = true;           ///< by the user, whose flags are therefore for it; not a mirror, nor where it was moved to
    std::shared_ptr<const http::trust> trusting{};  ///< of requests for tokens that go to the registry itself; may be null
    /// A request for a token, for which all others wait, is made again when it has no answer for so long, unless it carries a refresh
    /// token; see http::placement::repeat_after.
    std::chrono::milliseconds token_patience{5'000};
  };

  authenticator(http::client& http, runtime::lanes& workers, settings values)
      : http_(http), workers_(workers), values_(std::move(values)) {}

  /// The Authorization value for requests of \p scope; empty while the registry has asked for none. May ask for a token ahead of the
  /// challenge once the registry's way is known.
  task<result<std::string>> authorization(const http::origin& api, std::string repository, std::string scope, runtime::stop_source& stop);

  /// The value that answers the challenges of a 401 to a request that carried \p used. errc::unauthorized when there is nothing better to
  /// send, errc::insecure_transport, errc::redirect_refused for a realm that is not followed, and whatever the token service answers.
  task<result<std::string>> answer(const http::origin& api, std::string repository, std::string scope, std::vector<challenge> challenges,
                                   std::string used, runtime::stop_source& stop);

  /// The credential of a repository; the source is asked at most once in ten minutes. errc::bad_credentials; errc::cancelled at once with
  /// \p stop, which ends a helper program too.
  task<result<std::optional<credential>>> find_credential(std::string repository, runtime::stop_source& stop);
  /// Why \ref find_credential knew none although something is configured; empty when there is nothing to say.
  std::string absence(const std::string& repository) const { return known_.absence(repository); }

  /// Whether the registry has asked for credentials or a token so far.
  bool was_asked() const noexcept { return wants_basic_ || bearer_.has_value(); }

  /// Whether secrets may be sent there: not in clear text, but within this machine and where the user allowed it.
  bool may_carry_secrets(const http::origin& where) const;

  /// The registry has let a request for \p repository in, or refused its credentials for good. \param head of a HEAD, which some refuse to
  /// those to whom they allow GET
  void note_accepted(const std::string& repository) { known_.note_accepted(repository); }
  void note_refused(const std::string& repository, bool head) { known_.note_refused(repository, head); }
  /// Whether the credential of \p repository need not be sent: refused for this repository or for two others, accepted nowhere, and that
  /// half a minute ago at most. A wrong password that is sent for each image of a list locks accounts. \param head for a HEAD
  bool is_refused(const std::string& repository, bool head) const { return known_.is_refused(repository, head); }
  /// What is said of it then.
  failure not_accepted(const std::string& repository) const;

  /// A number for the credential that requests for \p repository carry, of which nothing can be learnt about it; 0 when there is none, or
  /// nobody has asked for one yet. Different credentials have different numbers, whatever their registry.
  std::uint64_t user_of(const std::string& repository) const { return known_.user_of(repository); }

  /// How credentials for it can be given, for messages: `log in with 'gantry login HOST', ...`.
  std::string way_in() const;

  /// Who asked, for messages: "as alice (credentials: command line)" or "anonymously".
  std::string identity(const std::string& repository) const { return known_.identity(repository); }

 private:
  struct bearer {
    std::string realm;
    std::string service;
  };

  failure clear_text(const http::origin& where, std::string_view secret) const;
  failure no_credentials(const std::string& repository, std::string_view wish) const;
  task<result<std::string>> basic(const http::origin& api, std::string repository, runtime::stop_source& stop);
  task<result<std::string>> token_for(const http::origin& api, std::string repository, bearer service, std::string scope,
                                      const std::string& refused, runtime::stop_source& stop);
  task<result<void>> fetch(kept_token& into, const http::origin& api, std::string repository, bearer service, std::string scope,
                           runtime::stop_source& stop);

  http::client& http_;
  runtime::lanes& workers_;
  settings values_;
  bool wants_basic_ = false;
  std::optional<bearer> bearer_;
  runtime::semaphore lookups_{1};
  known_credentials known_;
  kept_tokens tokens_;
};

}  // namespace gantry::registry
