#pragma once

#include "support/http_client.hpp"
#include "support/socket.hpp"
#include "support/temp_dir.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace gantry::test {

struct token_rules {
  std::string username = "jane";
  std::string password = "correct horse";
  std::string refresh_token{};      ///< accepted by POST; empty: none is
  bool anonymous_may_pull = false;  ///< tokens without credentials, for pulling alone
  bool rsa = false;                 ///< RS256 in place of ES256
  bool access_token = false;        ///< the answer's member is `access_token`
  bool tells_life = true;           ///< the answer has `expires_in`
  std::chrono::seconds life{300};
};

/// One request that the service got.
struct token_request {
  std::string method;
  std::string target;
  std::string body;
  header_list headers;
  unsigned status = 0;
};

/// A token service (distribution "Token Authentication Specification") on 127.0.0.1 that signs real JSON Web Tokens, which a real registry
/// checks against \ref certificate. One request per connection, one at a time.
class token_server {
 public:
  explicit token_server(token_rules rules = {});
  token_server(const token_server&) = delete;
  token_server& operator=(const token_server&) = delete;
  ~token_server();

  std::string realm() const { return "http://127.0.0.1:" + std::to_string(port_) + "/token"; }
  static std::string service() { return "gantry test registry"; }
  static std::string issuer() { return "gantry test issuer"; }
  std::filesystem::path certificate() const { return directory_ / "token.pem"; }

  std::vector<token_request> requests() const;

 private:
  void serve();
  std::string answer(token_request& request) const;
  std::string token_for(const std::vector<std::string>& scopes, const std::string& account, bool may_write) const;

  token_rules rules_;
  temp_dir directory_;
  std::string certificate_der_base64_;
  socket_handle listener_;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<token_request> requests_;
  std::thread thread_;
};

}  // namespace gantry::test
