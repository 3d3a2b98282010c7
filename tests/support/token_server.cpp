#include "support/token_server.hpp"

#include "support/base64.hpp"
#include "support/process.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>

namespace gantry::test {
namespace {

namespace json = boost::json;

struct free_key {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
struct free_context {
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};
struct free_signature {
  void operator()(ECDSA_SIG* signature) const noexcept { ECDSA_SIG_free(signature); }
};

std::string sign(const std::filesystem::path& key_file, const std::string& text, bool rsa) {
  std::FILE* file = std::fopen(key_file.c_str(), "re");
  if (file == nullptr) throw std::runtime_error("no key");
  const std::unique_ptr<EVP_PKEY, free_key> key(PEM_read_PrivateKey(file, nullptr, nullptr, nullptr));
  std::fclose(file);
  const std::unique_ptr<EVP_MD_CTX, free_context> context(EVP_MD_CTX_new());
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t size = 0;
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) != 1) {
    throw std::runtime_error("cannot sign");
  }
  std::vector<unsigned char> der(size);
  if (EVP_DigestSign(context.get(), der.data(), &size, bytes, text.size()) != 1) throw std::runtime_error("cannot sign");
  if (rsa) return {reinterpret_cast<const char*>(der.data()), size};
  // RFC 7518 section 3.4: the two numbers side by side, not DER.
  const unsigned char* at = der.data();
  const std::unique_ptr<ECDSA_SIG, free_signature> numbers(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  unsigned char raw[64];
  if (!numbers || BN_bn2binpad(ECDSA_SIG_get0_r(numbers.get()), raw, 32) != 32 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(numbers.get()), raw + 32, 32) != 32) {
    throw std::runtime_error("cannot sign");
  }
  return {reinterpret_cast<const char*>(raw), sizeof raw};
}

std::string unescape(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      plain += static_cast<char>(std::strtoul(text.substr(i + 1, 2).c_str(), nullptr, 16));
      i += 2;
    } else {
      plain += text[i] == '+' ? ' ' : text[i];
    }
  }
  return plain;
}

/// All values of a form's or query's field.
std::vector<std::string> values(std::string form, const std::string& name) {
  std::vector<std::string> found;
  while (!form.empty()) {
    const std::string part = form.substr(0, form.find('&'));
    form.erase(0, part.size() + 1);
    if (part.starts_with(name + "=")) found.push_back(unescape(part.substr(name.size() + 1)));
  }
  return found;
}

bool read_whole(socket_handle& connection, token_request& request) {
  std::string text;
  std::size_t end = std::string::npos;
  while ((end = text.find("\r\n\r\n")) == std::string::npos) {
    const std::string more = connection.receive(16384, std::chrono::seconds(30));
    if (more.empty()) return false;
    text += more;
  }
  const std::string line = text.substr(0, text.find("\r\n"));
  request.method = line.substr(0, line.find(' '));
  request.target = line.substr(request.method.size() + 1, line.rfind(' ') - request.method.size() - 1);
  request.headers = parse_headers(std::string_view(text).substr(line.size() + 2, end - line.size()));
  request.body = text.substr(end + 4);
  const std::size_t size = std::strtoull(header_value(request.headers, "content-length").c_str(), nullptr, 10);
  while (request.body.size() < size) {
    const std::string more = connection.receive(16384, std::chrono::seconds(30));
    if (more.empty()) return false;
    request.body += more;
  }
  return true;
}

}  // namespace

token_server::token_server(token_rules rules) : rules_(std::move(rules)), listener_(listen_on_loopback()), port_(port_of(listener_)) {
  std::vector<std::string> make{"openssl", "req", "-x509", "-newkey"};
  if (rules_.rsa) {
    make.push_back("rsa:2048");
  } else {
    make.insert(make.end(), {"ec", "-pkeyopt", "ec_paramgen_curve:P-256"});
  }
  make.insert(make.end(), {"-nodes", "-days", "2", "-subj", "/CN=gantry test tokens", "-keyout", (directory_ / "token.key").string(),
                           "-out", certificate().string()});
  run_or_throw({std::move(make)});
  // What stands between the lines of a PEM file is the base64 that a token's header wants.
  std::string pem = slurp(certificate());
  pem = pem.substr(pem.find('\n') + 1);
  pem = pem.substr(0, pem.find("-----"));
  for (const char c : pem) {
    if (c != '\n') certificate_der_base64_ += c;
  }
  thread_ = std::thread([this] { serve(); });
}

token_server::~token_server() {
  ::shutdown(listener_.fd(), SHUT_RDWR);
  thread_.join();
}

std::vector<token_request> token_server::requests() const {
  const std::scoped_lock lock(mutex_);
  return requests_;
}

void token_server::serve() {
  for (;;) {
    socket_handle connection(::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection) return;
    token_request request;
    if (!read_whole(connection, request)) continue;
    const std::string body = answer(request);
    connection.send("HTTP/1.1 " + std::to_string(request.status) +
                    " Said\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
                    "\r\n\r\n" + body);
    const std::scoped_lock lock(mutex_);
    requests_.push_back(std::move(request));
  }
}

std::string token_server::answer(token_request& request) const {
  std::string account;
  std::vector<std::string> scopes;
  bool known = false;
  if (request.method == "POST") {
    const auto given = values(request.body, "refresh_token");
    known = !rules_.refresh_token.empty() && given == std::vector<std::string>{rules_.refresh_token};
    for (const std::string& joined : values(request.body, "scope")) {
      std::string rest = joined;
      while (!rest.empty()) {
        scopes.push_back(rest.substr(0, rest.find(' ')));
        rest.erase(0, scopes.back().size() + 1);
      }
    }
  } else {
    const std::string given = header_value(request.headers, "authorization");
    known = given == "Basic " + base64(rules_.username + ":" + rules_.password);
    const std::size_t query = request.target.find('?');
    if (query != std::string::npos) scopes = values(request.target.substr(query + 1), "scope");
    if (!known && !(given.empty() && rules_.anonymous_may_pull)) {
      request.status = 401;
      return R"({"errors":[{"code":"UNAUTHORIZED","message":"incorrect username or password"}]})";
    }
  }
  if (request.method == "POST" && !known) {
    request.status = 401;
    return R"({"error":"invalid_grant"})";
  }
  request.status = 200;
  json::object said;
  said[rules_.access_token ? "access_token" : "token"] = token_for(scopes, known ? rules_.username : std::string(), known);
  if (rules_.tells_life) said["expires_in"] = rules_.life.count();
  return json::serialize(said);
}

std::string token_server::token_for(const std::vector<std::string>& scopes, const std::string& account, bool may_write) const {
  json::array access;
  for (const std::string& scope : scopes) {
    const std::size_t first = scope.find(':');
    const std::size_t last = scope.rfind(':');
    if (first == last) continue;
    json::array actions;
    std::string rest = scope.substr(last + 1);
    while (!rest.empty()) {
      const std::string action = rest.substr(0, rest.find(','));
      rest.erase(0, action.size() + 1);
      if (may_write || action == "pull") actions.emplace_back(action);
    }
    access.push_back(
        json::object{{"type", scope.substr(0, first)}, {"name", scope.substr(first + 1, last - first - 1)}, {"actions", actions}});
  }
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  const json::object header{{"typ", "JWT"}, {"alg", rules_.rsa ? "RS256" : "ES256"}, {"x5c", json::array{certificate_der_base64_}}};
  const json::object claims{{"iss", issuer()},
                            {"sub", account},
                            {"aud", service()},
                            {"exp", (now + rules_.life).count()},
                            {"nbf", (now - std::chrono::seconds(10)).count()},
                            {"iat", now.count()},
                            {"jti", "gantry-test"},
                            {"access", access}};
  const std::string text = base64url(json::serialize(header)) + "." + base64url(json::serialize(claims));
  return text + "." + base64url(sign(directory_ / "token.key", text, rules_.rsa));
}

}  // namespace gantry::test
