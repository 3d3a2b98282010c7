#pragma once

#include "base/failure.hpp"
#include "net/byte_stream.hpp"
#include "runtime/stop.hpp"

#include <algorithm>
#include <chrono>
#include <compare>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gantry::net {

/// A certificate that we show to a server, and its key; PEM files.
struct client_certificate {
  std::filesystem::path certificate;
  std::filesystem::path key;

  friend bool operator==(const client_certificate&, const client_certificate&) = default;
  friend std::strong_ordering operator<=>(const client_certificate& a, const client_certificate& b) {
    if (const int order = a.certificate.native().compare(b.certificate.native()); order != 0) return order <=> 0;
    return a.key.native().compare(b.key.native()) <=> 0;
  }
};

/// How a peer's certificate is judged, and what it is shown. Connections and sessions are shared only between equal settings.
struct tls_settings {
  bool verify = true;  ///< false: any certificate is accepted
  /// PEM bundles, or directories as c_rehash makes them, in addition to the system's.
  std::vector<std::filesystem::path> ca_files;
  std::optional<client_certificate> shown;  ///< to a server that asks

  friend bool operator==(const tls_settings&, const tls_settings&) = default;
  friend std::strong_ordering operator<=>(const tls_settings& a, const tls_settings& b) {
    if (const auto order = a.verify <=> b.verify; order != 0) return order;
    const auto by_text = [](const std::filesystem::path& x, const std::filesystem::path& y) {
      return x.native().compare(y.native()) <=> 0;
    };
    const auto order =
        std::lexicographical_compare_three_way(a.ca_files.begin(), a.ca_files.end(), b.ca_files.begin(), b.ca_files.end(), by_text);
    return order != 0 ? order : a.shown <=> b.shown;
  }
};

/// Whom a handshake is with.
struct tls_peer {
  std::string host;        ///< what the certificate must name, an address literal included
  std::uint16_t port = 0;  ///< for messages, and so that servers on one host keep their sessions apart
  bool is_proxy = false;   ///< its certificate is checked whatever the user says about registries
};

/// Makes connected streams into TLS streams: TLS 1.2 or newer, server name indication, verified name and chain, resumed sessions.
class tls_connector {
 public:
  tls_connector();
  ~tls_connector();

  /// Performs the handshake. \returns errc::tls_not_trusted with the reason and the remedy, errc::tls_expected when the peer answers in
  /// plain text, errc::timed_out, errc::tls_failed.
  task<result<std::unique_ptr<byte_stream>>> handshake(std::unique_ptr<byte_stream> transport, tls_peer peer, tls_settings settings,
                                                       std::chrono::milliseconds limit, runtime::stop_source& stop);

 private:
  struct context;
  result<std::shared_ptr<context>> context_for(const tls_settings& settings);
  std::map<tls_settings, std::shared_ptr<context>> contexts_;
};

}  // namespace gantry::net
