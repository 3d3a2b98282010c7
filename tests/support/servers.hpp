#pragma once

#include "support/process.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace gantry::test {

/// A certificate authority and a server certificate for 127.0.0.1, ::1 and localhost, as PEM files.
struct test_certificates {
  std::filesystem::path authority;
  std::filesystem::path certificate;
  std::filesystem::path key;
};

/// Makes them in \p directory with the openssl command.
test_certificates make_certificates(const std::filesystem::path& directory);

/// Waits until somebody listens on \p port. \throws std::runtime_error with the text of \p log when \p server ends or is too slow.
void await_port(child& server, std::uint16_t port, const std::filesystem::path& log);

struct registry_options {
  /// Where the registry keeps its content; several registries may read one. Required.
  std::filesystem::path storage;
  /// With a name, only this user gets in (htpasswd, Basic).
  std::string username{};
  std::string password{};
  bool tls = false;
  bool deletes = true;
  /// With a realm, those get in who bring a token of this service (token_server).
  std::string token_realm{};
  std::string token_service{};
  std::string token_issuer{};
  std::filesystem::path token_certificate{};
};

/// Debian's docker-registry, started on a free port of 127.0.0.1 and stopped with the object.
class docker_registry {
 public:
  /// \param directory for its configuration, certificates and log. \throws std::runtime_error with the log when it does not answer.
  docker_registry(const std::filesystem::path& directory, registry_options options);

  std::uint16_t port() const noexcept { return port_; }
  /// `127.0.0.1:<port>`
  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  /// The certificates of a registry with TLS.
  const test_certificates& certificates() const noexcept { return certificates_; }
  std::string log() const;
  /// Stops it before the object goes.
  void stop() { server_.reset(); }

 private:
  std::filesystem::path log_;
  std::uint16_t port_ = 0;
  test_certificates certificates_;
  std::unique_ptr<child> server_;
};

}  // namespace gantry::test
