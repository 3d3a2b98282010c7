#pragma once

#include <gantry/diagnostics.hpp>
#include <gantry/error.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace gantry {

/// A user name and password (or access token in the password's place) for one registry.
struct credential {
  std::string username;          ///< sent to the registry or its token server, never anywhere else
  std::string password;          ///< or the access token that the registry takes in its place
  std::string identity_token;    ///< OAuth2 refresh token; when set, user name and password are not used
  std::string origin;            ///< where it came from, in words for messages: "command line", "~/.docker/config.json"; never the secret
  std::string registry_token{};  ///< a bearer token that is sent as it is, for want of all others

  /// Equal when every member is.
  friend bool operator==(const credential&, const credential&) = default;
};

/// Where credentials come from. Implement it to plug in a vault; the engine asks when a registry wants to know, once per registry and
/// repository in ten minutes, since some credentials live no longer than an hour. Called on worker threads, of which two may call at a
/// time; may block; must not throw.
class credential_source {
 public:
  virtual ~credential_source() = default;

  /// \param registry host and optional port as in \ref reference::registry
  /// \param repository path below the registry, for sources with repository-scoped keys
  /// \param problem set when there is an entry and it cannot be read: the request then fails with errc::bad_credentials and this text, and
  /// is not sent anonymously \returns nothing when the source knows none for this registry
  virtual std::optional<credential> find(const std::string& registry, const std::string& repository, diagnostics& problem) = 0;

  /// The same for callers that may lose interest: when \p stop is requested, on another thread, nobody waits any more and whatever is
  /// returned counts for nothing. The engine calls this one. To be overridden by what runs programs or asks a network; others need not.
  virtual std::optional<credential> find_until(const std::string& registry, const std::string& repository, diagnostics& problem,
                                               const std::stop_token& stop);

  /// Why \ref find knew none although something is configured, for the message of a refusal: "docker-credential-desktop, which
  /// ~/.docker/config.json names, is not installed". Empty when there is nothing to say.
  virtual std::string absence(const std::string& registry);
};

/// One credential bound to one registry: it is offered to no other, so that neither a mirror nor a redirect target ever sees it.
class bound_credential final : public credential_source {
 public:
  /// \param registry host and optional port, as in a \ref reference
  /// \param elsewhere what is said to users where another registry wants a credential and
  /// gets none: that this one is not for it. Empty: nothing is said
  bound_credential(std::string registry, credential value, std::string elsewhere = {})
      : registry_(std::move(registry)), value_(std::move(value)), elsewhere_(std::move(elsewhere)) {}
  std::optional<credential> find(const std::string& registry, const std::string& repository, diagnostics& problem) override;
  std::string absence(const std::string& registry) override;

 private:
  std::string registry_;
  credential value_;
  std::string elsewhere_;
};

/// Several sources as one: the first that knows an answer gives it, and one that has a problem ends the search.
class credential_chain final : public credential_source {
 public:
  /// \param sources asked in this order; none of them null
  explicit credential_chain(std::vector<std::shared_ptr<credential_source>> sources) : sources_(std::move(sources)) {}
  std::optional<credential> find(const std::string& registry, const std::string& repository, diagnostics& problem) override;
  std::optional<credential> find_until(const std::string& registry, const std::string& repository, diagnostics& problem,
                                       const std::stop_token& stop) override;
  std::string absence(const std::string& registry) override;

 private:
  std::vector<std::shared_ptr<credential_source>> sources_;
};

/// Where docker, podman and their kin keep credentials.
struct credential_search {
  /// A file that is asked before all others; it must exist to be read. A path, native encoding (bytes). Empty: none is named.
  std::string authfile;
  /// Reads a variable of the environment; empty means unset. None: the environment of this process.
  std::function<std::string(const char*)> variables;
  /// Told once about each helper program that is configured and not installed, and about files that are passed over because they cannot be
  /// read. Called on the caller's or a worker thread. None: nobody is told.
  std::function<void(const std::string&)> warn;
  /// How long a helper program may take before it is ended.
  std::chrono::milliseconds helper_limit{30'000};
  /// When its stop is requested, on another thread, a helper program that runs is ended at once and the call fails with errc::cancelled.
  /// Empty: helpers have their time.
  std::stop_token stop{};
};

/// The credentials that are there already, in this order: \ref credential_search::authfile, the file of `$REGISTRY_AUTH_FILE`, the JSON in
/// `$DOCKER_AUTH_CONFIG`, `$XDG_RUNTIME_DIR/containers/auth.json` (`/run/containers/<uid>/auth.json`),
/// `$XDG_CONFIG_HOME/containers/auth.json`
/// (`~/.config`), `$DOCKER_CONFIG/config.json` (`~/.docker`), `~/.dockercfg`. In each the helper program for the registry (`credHelpers`,
/// else `credsStore`) is asked before `auths`. A helper that fails is a problem of the lookup; one that is not installed is passed over.
/// Files are read when this is called, helpers run when they are asked.
/// \param problem told why a file or variable that the user named cannot be used; left empty when all is well. May be null.
/// \returns never null; with a problem, a source that knows no credential.
std::shared_ptr<credential_source> usual_credentials(const credential_search& search, diagnostics* problem = nullptr);

/// Where \ref store_credential put a credential.
struct stored_credential {
  std::string place;        ///< file or program
  bool plain_text = false;  ///< readable by everybody who can read the file
};

/// Keeps a credential where \ref usual_credentials finds it again: in the file that is named (authfile, `$REGISTRY_AUTH_FILE`), else in the
/// first of the usual files that holds one of this registry, else in docker's config.json; by the helper program that the file names for
/// the registry, when it is installed. The file is replaced atomically with mode 0600; all else in it stays. Blocks.
/// errc::bad_credentials for a file or helper that cannot be used, and what the file system says.
error_code store_credential(const credential_search& search, const std::string& registry, const credential& value,
                            stored_credential& stored, diagnostics& problem);

/// Removes the credentials of a registry, not those of single repositories, from the file that is named, else from all the usual files and
/// their helpers. Blocks. \param places where there were some
error_code erase_credential(const credential_search& search, const std::string& registry, std::vector<std::string>& places,
                            diagnostics& problem);

}  // namespace gantry
