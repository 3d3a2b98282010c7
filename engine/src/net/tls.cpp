#include "net/tls.hpp"

#include "net/tls_error.hpp"
#include "net/tls_stream.hpp"
#include "runtime/deadline.hpp"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/context.hpp>

#include <utility>

namespace gantry::net {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;

/// Adds authorities from a PEM bundle or a directory.
result<void> add_authorities(ssl::context& rules, const std::filesystem::path& source) {
  error_code code;
  std::error_code ignored;  // what cannot be looked at is no directory, and cannot be loaded either
  if (std::filesystem::is_directory(source, ignored)) {
    rules.add_verify_path(source.string(), code);
  } else {
    rules.load_verify_file(source.string(), code);
  }
  if (!code) return {};
  return failure(errc::invalid_option, fmt::format("the certificate file {} cannot be used: {}", source.string(), code.message()));
}

result<void> add_client_certificate(ssl::context& rules, const client_certificate& shown) {
  error_code code;
  rules.use_certificate_chain_file(shown.certificate.string(), code);
  if (code) {
    return failure(errc::invalid_option,
                   fmt::format("the client certificate {} cannot be used: {}", shown.certificate.string(), code.message()));
  }
  rules.use_private_key_file(shown.key.string(), ssl::context::pem, code);
  if (code) {
    return failure(errc::invalid_option, fmt::format("the key {} does not go with the client certificate {}: {}", shown.key.string(),
                                                     shown.certificate.string(), code.message()));
  }
  return {};
}

}  // namespace

struct tls_connector::context {
  ssl::context rules{ssl::context::tls_client};
  std::shared_ptr<tls_sessions> sessions = std::make_shared<tls_sessions>();
};

tls_connector::tls_connector() = default;
tls_connector::~tls_connector() = default;

result<std::shared_ptr<tls_connector::context>> tls_connector::context_for(const tls_settings& settings) {
  if (const auto known = contexts_.find(settings); known != contexts_.end()) return known->second;
  auto made = std::make_shared<context>();
  ssl::context& rules = made->rules;
  SSL_CTX_set_min_proto_version(rules.native_handle(), TLS1_2_VERSION);
  tls_sessions::attach(rules.native_handle());
  error_code code;
  if (settings.verify) {
    rules.set_default_verify_paths(code);  // honours SSL_CERT_FILE and SSL_CERT_DIR
    for (const std::filesystem::path& source : settings.ca_files) {
      const result<void> added = add_authorities(rules, source);
      if (!added) return added.error();
    }
  }
  if (settings.shown) {
    const result<void> added = add_client_certificate(rules, *settings.shown);
    if (!added) return added.error();
  }
  rules.set_verify_mode(settings.verify ? ssl::verify_peer : ssl::verify_none, code);
  contexts_.emplace(settings, made);
  return made;
}

task<result<std::unique_ptr<byte_stream>>> tls_connector::handshake(std::unique_ptr<byte_stream> transport, tls_peer peer,
                                                                    tls_settings settings, std::chrono::milliseconds limit,
                                                                    runtime::stop_source& stop) {
  const std::string& host = peer.host;
  const bool bare_v6 = host.find(':') != std::string::npos;
  const std::string place = bare_v6 ? fmt::format("[{}]:{}", host, peer.port) : fmt::format("{}:{}", host, peer.port);
  const result<std::shared_ptr<context>> shared = context_for(settings);
  if (!shared) co_return shared.error();
  SSL* const native = SSL_new((*shared)->rules.native_handle());
  auto stream = std::make_unique<tls_stream>(std::move(transport), ssl_ptr(native), (*shared)->sessions, place);

  error_code code;
  asio::ip::make_address(host, code);
  // RFC 6066: an address literal is never sent as a server name.
  if (code && SSL_set_tlsext_host_name(native, host.c_str()) != 1) {
    co_return failure(errc::tls_failed, fmt::format("the host name {} cannot be used with TLS", host));
  }
  // Checked by OpenSSL itself, so that the reason of a refusal is a mismatch and not just "application verification failure".
  X509_VERIFY_PARAM* expected = SSL_get0_param(native);
  const int set =
      code ? X509_VERIFY_PARAM_set1_host(expected, host.c_str(), host.size()) : X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str());
  if (set != 1) co_return failure(errc::tls_failed, fmt::format("the host name {} cannot be verified", host));

  if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  byte_stream& closing = *stream;
  const runtime::executor where = co_await asio::this_coro::executor;
  const runtime::deadline late(where, limit, [&closing] { closing.close(); });
  const runtime::stop_source::registration registered(stop, [&closing] { closing.close(); });
  const error_code outcome = co_await stream->handshake();
  if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  if (late.expired()) co_return failure(errc::timed_out, fmt::format("{} did not complete the TLS handshake in time", place));
  if (outcome) {
    const long verified = SSL_get_verify_result(native);
    if (settings.verify && verified != X509_V_OK) co_return not_trusted(place, verified, !peer.is_proxy);
    co_return handshake_failure(place, outcome);
  }
  std::unique_ptr<byte_stream> ready = std::move(stream);
  co_return ready;
}

}  // namespace gantry::net
