#pragma once

#include <gantry/credentials.hpp>
#include <gantry/events.hpp>
#include <gantry/network.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gantry {

/// How long the network may keep an operation waiting (DESIGN section 7). All are idle limits, none bounds a whole transfer.
struct timeouts {
  std::chrono::milliseconds connect{30'000};  ///< TCP connect, per address
  std::chrono::milliseconds tls{10'000};      ///< TLS handshake
  std::chrono::milliseconds header{180'000};  ///< request written until the response header is complete
  std::chrono::milliseconds idle{30'000};     ///< no byte of a body
};

/// Settings shared by all operations of an engine.
struct engine_options {
  /// The store; a path, native encoding (bytes). Empty: `$GANTRY_CACHE_DIR`, else `$XDG_CACHE_HOME/gantry`, else `~/.cache/gantry`.
  std::string cache_dir;

  /// Connections in total, small objects included. 0: chosen by the engine.
  unsigned jobs = 0;

  /// Of these for the requests to one registry, uploads and the hosts it sends us to included. 0: 16, or \ref jobs when that is more.
  unsigned max_per_host = 0;

  /// Attempts per request that end in an error answer (5xx, wrong range, wrong length); 64 KiB of progress reset the count. At least 1.
  unsigned attempts = 6;

  /// First retry delay; doubled each time up to 30 s, with a quarter of jitter. Retry-After wins over it.
  std::chrono::milliseconds backoff{500};

  /// The operation fails when not one new byte arrived for this long.
  std::chrono::milliseconds budget{15 * 60'000};

  gantry::timeouts timeouts;  ///< how long a connection may be silent in each of its phases

  /// Additional certificate authorities, a PEM file; a path, native encoding (bytes). Empty: the system's.
  std::string ca_cert;

  /// Registries (host and optional port) whose certificate is not checked. "*" means every registry.
  std::set<std::string> insecure;

  /// Registries that are spoken to in clear text, and may receive credentials that way. "*" means every registry.
  std::set<std::string> plain_http;

  /// Registries that are spoken to with TLS or not at all. Others on this machine (localhost, loopback addresses) are asked in clear text
  /// when they turn out to have no TLS.
  std::set<std::string> tls_only;

  /// Asked for credentials; none: every request is anonymous. Kept for the life of the engine.
  std::shared_ptr<credential_source> credentials;

  /// Bytes of blobs per second that all operations together may move; met within a few per cent over seconds. 0: no limit.
  std::uint64_t limit_rate = 0;

  /// Whether finished files are forced to disk before they get their name. false: a power cut can lose what looked finished, also of the
  /// blobs in the store that later operations find and do not fetch again.
  bool sync = true;

  /// One line of debug text at a time, free of secrets. Called on the engine's executor; must not block or throw. None: nothing is logged.
  std::function<void(const std::string&)> log;

  /// Further certificate authorities beside ca_cert: PEM files, or directories as c_rehash makes them. Paths, native
  /// encoding (bytes).
  std::vector<std::string> ca_bundles;

  /// Proxies. Default: every connection is direct. A proxy that cannot be used fails the request with errc::invalid_option.
  proxy_settings proxies;

  /// Asked before the registry itself, in this order; what they send counts only with the right digest. They win over \ref host_files.
  std::vector<mirror_setting> mirrors;

  /// Configuration of other programs that is honoured: certificates, mirrors, insecure registries. None: nothing is read. What weakens TLS
  /// is told by a \ref warning where it is used.
  std::optional<host_config> host_files;
};

/// What every operation takes; the options of each derive from it.
struct operation_options {
  /// Called with everything that happens, transitions in order, progress coalesced. None: nothing is reported.
  std::function<void(const event&)> on_event;
  /// Where \ref on_event is called. Empty: the engine's executor; there it must neither block nor throw.
  boost::asio::any_io_executor event_executor;
};

}  // namespace gantry
