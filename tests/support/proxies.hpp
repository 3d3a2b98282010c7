#pragma once

#include "support/process.hpp"
#include "support/servers.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace gantry::test {

/// Debian's squid on loopback: an http and an https port, both for one user alone. It alone knows that `registry.test` is this machine.
class squid_proxy {
 public:
  /// \param directory for everything that it reads and writes; made accessible to everybody, since squid started by root becomes another
  /// user. \throws std::runtime_error with its log when it does not answer.
  explicit squid_proxy(const std::filesystem::path& directory);
  ~squid_proxy();
  squid_proxy(const squid_proxy&) = delete;
  squid_proxy& operator=(const squid_proxy&) = delete;

  static constexpr const char* username = "proxy-user";
  static constexpr const char* password = "proxy-geheim";

  /// `http://user:password@127.0.0.1:port`
  std::string url() const { return with_credentials("http", port_); }
  std::string https_url() const { return with_credentials("https", https_port_); }
  std::string url_without_credentials() const { return "http://127.0.0.1:" + std::to_string(port_); }
  /// Of the https port.
  const std::filesystem::path& authority() const noexcept { return certificates_.authority; }
  /// One line a request: method, target and user among it. Waits until it holds \p word, for a while.
  std::string log(const std::string& word = {}) const;

 private:
  static std::string with_credentials(const std::string& scheme, std::uint16_t port);
  std::string service_name() const { return "gantrytest" + std::to_string(port_); }

  std::filesystem::path directory_;
  std::uint16_t port_ = 0;
  std::uint16_t https_port_ = 0;
  test_certificates certificates_;
  std::unique_ptr<child> server_;
};

/// Debian's danted, a SOCKS server on loopback. Started by root, it alone knows that `registry.test` is this machine.
class socks_server {
 public:
  static constexpr const char* username = "gantry-jane";
  static constexpr const char* password = "geheim";

  /// \param closed it asks for \ref username and \ref password. It knows users of the system only: this one is in a mount namespace of its
  /// own, which takes root \throws std::runtime_error when it does not answer.
  explicit socks_server(const std::filesystem::path& directory, bool closed = false);

  std::string url() const { return "socks5://127.0.0.1:" + std::to_string(port_); }
  std::string url_with(const std::string& word) const {
    return "socks5://" + std::string(username) + ":" + word + "@127.0.0.1:" + std::to_string(port_);
  }
  /// What it logged about connections, names as its clients wrote them. Waits until it holds \p word, for a while.
  std::string log(const std::string& word = {}) const;

 private:
  std::filesystem::path log_;
  std::uint16_t port_ = 0;
  std::unique_ptr<child> server_;
};

}  // namespace gantry::test
