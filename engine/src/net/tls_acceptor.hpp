#pragma once

#include "base/failure.hpp"
#include "net/byte_stream.hpp"
#include "runtime/stop.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <filesystem>
#include <memory>

namespace gantry::net {

/// The server's half of TLS: one certificate for all comers, TLS 1.2 or newer, clients are not asked for certificates.
class tls_acceptor {
 public:
  /// Reads a PEM certificate chain and its PEM key. Blocking. Fails with errc::file_not_found, access_denied, storage_error when a file
  /// cannot be read, errc::invalid_option when they are no certificate and key, or do not belong together.
  static result<std::unique_ptr<tls_acceptor>> load(const std::filesystem::path& certificate, const std::filesystem::path& key);
  ~tls_acceptor();

  /// Performs the handshake with a client that has just connected. \returns errc::timed_out, errc::cancelled, errc::tls_failed.
  task<result<std::unique_ptr<byte_stream>>> handshake(boost::asio::ip::tcp::socket socket, std::chrono::milliseconds limit,
                                                       runtime::stop_source& stop);

 private:
  struct context;
  explicit tls_acceptor(std::shared_ptr<context> made);
  std::shared_ptr<context> context_;
};

}  // namespace gantry::net
