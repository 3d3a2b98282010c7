#pragma once

#include "net/byte_stream.hpp"

#include <openssl/ssl.h>

#include <chrono>
#include <cstddef>
#include <ctime>
#include <map>
#include <memory>
#include <string>

namespace gantry::net {

struct ssl_release {
  void operator()(SSL* value) const noexcept;
  void operator()(SSL_SESSION* value) const noexcept;
};
using ssl_ptr = std::unique_ptr<SSL, ssl_release>;

/// What servers gave so that the next handshake with them is short, the latest of each host. Belongs to one SSL_CTX, so that a session is
/// never used under other rules than those that its certificate was judged by. Only the server that showed that can take it up.
class tls_sessions {
 public:
  /// Hosts whose sessions are kept at most, the latest: redirects lead to hosts that strangers choose.
  static constexpr std::size_t most_hosts = 1'000;

  /// \param host name and port \param session becomes ours
  void remember(const std::string& host, SSL_SESSION* session);
  void forget(const std::string& host) { latest_.erase(host); }
  /// Null when there is none, or when the certificate that was shown for it is not valid at \p now: OpenSSL does not look at it again.
  SSL_SESSION* find(const std::string& host, std::time_t now);
  std::size_t size() const noexcept { return latest_.size(); }
  /// Makes every tls_stream of \p context keep its sessions.
  static void attach(SSL_CTX* context);

 private:
  struct kept_session {
    std::unique_ptr<SSL_SESSION, ssl_release> session;
    std::chrono::steady_clock::time_point since;
  };
  std::map<std::string, kept_session> latest_;
};

/// TLS over any stream, the client's end. Ciphertext comes in long reads and is decrypted straight into the reader's buffer: a call of the
/// system and at most a turn of the event loop for every 128 KiB instead of every record. The memory for a long read is shared by all
/// connections, since nothing stays in it: what a connection keeps is less than two records.
class tls_stream final : public byte_stream {
 public:
  /// \param native fresh of SSL_new, with the checks of the peer already set
  tls_stream(std::unique_ptr<byte_stream> transport, ssl_ptr native, std::shared_ptr<tls_sessions> sessions, std::string host);
  ~tls_stream() override;

  /// Offers the session that \p sessions has for the host. To be awaited before anything else. Errors of TLS are in Asio's ssl category; an
  /// end of the transport is ssl::error::stream_truncated.
  task<error_code> handshake();
  SSL* native() const noexcept { return native_.get(); }

  task<read_result> read_some(std::span<std::byte> into) override;
  read_result read_now(std::span<std::byte> into) noexcept override;
  task<error_code> write_all(std::span<const std::byte> bytes) override { return write_records(bytes, nullptr); }
  task<error_code> write_heard(std::span<const std::byte> bytes, const listener& listens) override {
    return write_records(bytes, &listens);
  }
  void close() noexcept override { transport_->close(); }
  bool quiet() noexcept override;
  /// Mostly ciphertext, a thousandth more than will be read; what OpenSSL has of a record that is not whole is not part of it.
  std::size_t unread() const noexcept override;

 private:
  /// More than is ever left of a long read (see tls_stream.cpp), in pages.
  static constexpr std::size_t kept_bytes = 24 * 1024;
  static BIO_METHOD* wire_method();
  static int take(BIO* wire, char* into, std::size_t length, std::size_t* taken);
  static int put(BIO* wire, const char* bytes, std::size_t length, std::size_t* accepted);
  static long control(BIO* wire, int command, long number, void* pointer);
  friend class tls_sessions;

  read_result decrypt(std::span<std::byte> into) noexcept;
  error_code fill(std::span<std::byte> block, std::size_t wanted) noexcept;
  error_code received(std::span<std::byte> block, read_result got) noexcept;
  void keep_rest() noexcept;
  task<error_code> refill();
  /// \param listens see byte_stream::write_heard, or null
  task<error_code> flush(const listener* listens = nullptr);
  task<error_code> write_records(std::span<const std::byte> bytes, const listener* listens);

  std::unique_ptr<byte_stream> transport_;
  ssl_ptr native_;
  std::shared_ptr<tls_sessions> sessions_;
  std::string host_;
  std::unique_ptr<std::byte[]> kept_;  ///< \ref kept_bytes
  std::span<const std::byte> cipher_;  ///< received and not yet taken by OpenSSL, in kept_ whenever nobody reads
  bool more_likely_ = false;           ///< the last read filled what it was given
  std::string outgoing_;               ///< records for the transport
  error_code broken_;                  ///< a read that failed fails for good
  bool ended_ = false;                 ///< close_notify was received
};

}  // namespace gantry::net
