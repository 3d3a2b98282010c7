#pragma once

#include "support/fault.hpp"
#include "support/image_builder.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::test {

/// Who gets in.
enum class fake_auth {
  none,
  basic,   ///< `Basic` with the name and password of the options
  bearer,  ///< `Bearer` with tokens of an endpoint on a port of its own
  hidden,  ///< as \ref basic, and only the base of the API says so: everything else is not there for whoever is not known
  silent,  ///< the same, with 401 and no challenge for everything else
};

struct fake_registry_options {
  fake_auth auth = fake_auth::none;
  /// With \ref fake_auth::bearer and an empty name, tokens are given to everybody.
  std::string username{};
  std::string password{};
  std::chrono::seconds token_life{300};
  /// Blobs are redirected to a storage host on a port of its own, which refuses requests that carry Authorization.
  bool redirect_blobs = false;
  /// Answers break off where the next request came before they began.
  bool breaks_when_asked_ahead = false;
  /// Requests that the first address of each blob there is good for, before it is refused with 403. 0: all.
  unsigned first_link_serves = 0;
  /// With more connections than that open, requests for blobs are refused with 429. 0: any number.
  unsigned most_connections = 0;
};

/// The three servers of a registry; each is an origin of its own.
enum class fake_origin {
  registry,
  storage,
  tokens,
};

/// One request as it arrived and what became of it.
struct recorded_request {
  fake_origin at = fake_origin::registry;
  unsigned connection = 0;  ///< counted over all three servers from 1
  std::string method;
  std::string target;
  header_list headers;
  bool ahead = false;           ///< it was here before the answer to the one before it on its connection was begun
  unsigned status = 0;          ///< of the answer, 0 when there was none
  std::uint64_t body_sent = 0;  ///< bytes handed to the system
  std::chrono::steady_clock::time_point came{};
  std::chrono::steady_clock::time_point answered{};  ///< just before the first byte

  std::string header(std::string_view name) const { return header_value(headers, name); }
};

/// A registry on 127.0.0.1 inside the test, one thread per connection, that serves what it is given and fails as it is told (manifests,
/// blobs with ranges, authentication, redirected blobs; distribution-spec "Pull"). Uploads are not supported. Thread-safe.
class fake_registry {
 public:
  explicit fake_registry(fake_registry_options options = {});
  fake_registry(const fake_registry&) = delete;
  fake_registry& operator=(const fake_registry&) = delete;
  /// Cuts all connections.
  ~fake_registry();

  std::uint16_t port() const noexcept;
  std::uint16_t storage_port() const noexcept;
  std::uint16_t token_port() const noexcept;
  /// `127.0.0.1:<port>`
  std::string host() const;

  void hold(const std::string& repository, const std::string& tag, const test_image& image);
  void hold(const std::string& repository, const std::string& tag, const test_index& index);
  /// \param name tag or digest
  void hold_manifest(const std::string& repository, const std::string& name, const test_blob& manifest);
  void hold_blob(const test_blob& blob);
  void drop_blob(const std::string& digest);
  /// Tokens given so far become worthless.
  void revoke_tokens();

  /// Of the requests whose target contains \p target_part, the \p first to the one before `first + count` (from 1) meet \p what; \p count
  /// 0 means all from \p first on. HEAD and GET count alike. With several that apply, the one injected first wins.
  void inject(const std::string& target_part, fault what, unsigned first = 1, unsigned count = 1);
  /// Takes back what was injected, and what was dropped.
  void heal();
  /// Requests that met what was injected, since the start.
  unsigned faults_met() const;

  std::vector<recorded_request> requests(std::string_view target_part = {}) const;
  std::size_t count(std::string_view target_part = {}) const { return requests(target_part).size(); }
  /// Body bytes of all answers to \ref requests.
  std::uint64_t body_sent(std::string_view target_part = {}) const;
  /// Connections that began with something other than an HTTP request, e.g. TLS. Waits for \p expected of them for a while, since the
  /// client may be done with one before its thread here has looked at it.
  unsigned strangers(unsigned expected) const;
  void forget_requests();
  /// The most connections that were open at once, to all three servers.
  std::size_t most_open() const;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace gantry::test
