#pragma once

#include "net/byte_stream.hpp"

#include <openssl/ssl.h>

#include <cstdlib>
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
/// never used under other rules than those that its certificate was judged by.
class tls_sessions {
 public:
  void remember(const std::string& host, SSL_SESSION* session);
  void forget(const std::string& host) { latest_.erase(host); }
  /// Null when there is none.
  SSL_SESSION* find(const std::string& host) const;
  /// Makes every tls_stream of \p context keep its sessions.
  static void attach(SSL_CTX* context);

 private:
  std::map<std::string, std::unique_ptr<SSL_SESSION, ssl_release>> latest_;
};

/// TLS over any stream, the client's end. Ciphertext comes in long reads into an aligned buffer and is decrypted straight into the
/// reader's: a call of the system and at most a turn of the event loop for every 128 KiB instead of every record.
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
  task<error_code> write_all(std::span<const std::byte> bytes) override;
  void close() noexcept override { transport_->close(); }
  bool quiet() noexcept override;

 private:
  struct free_memory {
    void operator()(std::byte* data) const noexcept { std::free(data); }
  };
  static BIO_METHOD* wire_method();
  static int take(BIO* wire, char* into, std::size_t length, std::size_t* taken);
  static int put(BIO* wire, const char* bytes, std::size_t length, std::size_t* accepted);
  static long control(BIO* wire, int command, long number, void* pointer);
  friend class tls_sessions;

  read_result decrypt(std::span<std::byte> into) noexcept;
  error_code received(read_result got) noexcept;
  task<error_code> refill();
  task<error_code> flush();

  std::unique_ptr<byte_stream> transport_;
  ssl_ptr native_;
  std::shared_ptr<tls_sessions> sessions_;
  std::string host_;
  std::unique_ptr<std::byte, free_memory> cipher_;  ///< as received
  std::size_t cipher_begin_ = 0;
  std::size_t cipher_end_ = 0;
  bool more_likely_ = false;  ///< the last read filled the buffer
  std::string outgoing_;      ///< records for the transport
  error_code broken_;         ///< a read that failed fails for good
  bool ended_ = false;        ///< close_notify was received
};

}  // namespace gantry::net
