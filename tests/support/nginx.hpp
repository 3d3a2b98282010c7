#pragma once

#include "support/process.hpp"
#include "support/tls_server.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace gantry::test {

/// Debian's nginx on a free port of 127.0.0.1, with one server block.
class nginx_server {
 public:
  /// \param block directives of the server, e.g. `location / { proxy_pass http://127.0.0.1:5000; }` \param identity with one, it speaks TLS
  /// \throws std::runtime_error with its log when it does not answer
  nginx_server(const std::filesystem::path& directory, const std::string& block, const std::optional<tls_identity>& identity = {});

  std::uint16_t port() const noexcept { return port_; }
  /// `127.0.0.1:<port>`
  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  /// One line a request: `METHOD target status`, then its bytes and, quoted, Authorization.
  std::string log() const;

 private:
  std::filesystem::path directory_;
  std::uint16_t port_ = 0;
  std::unique_ptr<child> server_;
};

/// Passes everything on to a registry, which is told how it was asked.
std::string proxy_to(const std::string& registry);

}  // namespace gantry::test
