#pragma once

#include "support/scripted_server.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::test {

/// A server's certificate and key, PEM.
struct tls_identity {
  std::string certificate;
  std::string key;
};

struct certificate_request {
  std::string names = "DNS:localhost,IP:127.0.0.1";  ///< as in OpenSSL's subjectAltName
  int from_days = -1;                                ///< validity, counted from now
  int to_days = 1;
};

/// An authority of the test's own, made in memory.
class certificate_authority {
 public:
  certificate_authority();
  ~certificate_authority();

  /// Its certificate, PEM.
  const std::string& certificate() const noexcept;
  tls_identity issue(const certificate_request& wanted = {}) const;
  static tls_identity self_signed(const certificate_request& wanted = {});

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// The server's end of a TLS connection.
class tls_session {
 public:
  virtual bool send(std::string_view bytes) = 0;
  /// Empty at the end of the stream.
  virtual std::string receive() = 0;
  /// Puts several records into one write to the socket.
  virtual bool send_together(const std::vector<std::string>& records) = 0;
  /// Whether the handshake took up an earlier session.
  virtual bool resumed() = 0;
  /// Asks the client for new keys with the next bytes (TLS 1.3).
  virtual void update_keys() = 0;
  /// Sends close_notify; without it the end of the conversation is a truncation.
  virtual void say_goodbye() = 0;

 protected:
  ~tls_session() = default;
};

/// A conversation behind a handshake; copies of it take up each other's sessions. \param max_version e.g. TLS1_1_VERSION of OpenSSL; 0: the
/// newest \param client_authority with one, only clients get in that show a certificate of it
conversation over_tls(tls_identity identity, std::function<void(tls_session&)> talk, int max_version = 0,
                      const std::string& client_authority = {});

}  // namespace gantry::test
