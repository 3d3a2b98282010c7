#pragma once

#include "base/failure.hpp"
#include "net/byte_stream.hpp"
#include "runtime/stop.hpp"

#include <chrono>
#include <compare>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

namespace gantry::net {

/// How a peer's certificate is judged. Connections are shared only between equal settings.
struct tls_settings {
  bool verify = true;             ///< false: any certificate is accepted
  std::filesystem::path ca_file;  ///< PEM bundle, in addition to the system's; empty: none

  friend bool operator==(const tls_settings&, const tls_settings&) = default;
  friend std::strong_ordering operator<=>(const tls_settings& a, const tls_settings& b) {
    if (const auto order = a.verify <=> b.verify; order != 0) return order;
    return a.ca_file.native().compare(b.ca_file.native()) <=> 0;
  }
};

/// Makes connected streams into TLS streams: TLS 1.2 or newer, server name indication, verified name and chain, resumed sessions.
class tls_connector {
 public:
  tls_connector();
  ~tls_connector();

  /// Performs the handshake. \p host is what the certificate must name, an address literal included. \returns errc::tls_not_trusted with
  /// the reason and the remedy, errc::tls_expected when the peer answers in plain text, errc::timed_out, errc::tls_failed.
  task<result<std::unique_ptr<byte_stream>>> handshake(std::unique_ptr<byte_stream> transport, std::string host, tls_settings settings,
                                                       std::chrono::milliseconds limit, runtime::stop_source& stop);

 private:
  struct context;
  result<std::shared_ptr<context>> context_for(const tls_settings& settings);
  std::map<tls_settings, std::shared_ptr<context>> contexts_;
};

}  // namespace gantry::net
