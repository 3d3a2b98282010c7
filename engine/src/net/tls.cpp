#include "net/tls.hpp"

#include "net/tcp_stream.hpp"
#include "runtime/deadline.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

#include <utility>

namespace gantry::net {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;

class tls_stream final : public byte_stream {
 public:
  tls_stream(asio::ip::tcp::socket socket, std::shared_ptr<ssl::context> context)
      : context_(std::move(context)), stream_(std::move(socket), *context_) {}

  ssl::stream<asio::ip::tcp::socket>& next() noexcept { return stream_; }

  task<read_result> read_some(std::span<std::byte> into) override {
    const asio::mutable_buffer target(into.data(), into.size());
    const auto [code, bytes] = co_await stream_.async_read_some(target, runtime::use_task);
    read_result outcome;
    outcome.bytes = bytes;
    if (code != asio::error::eof) outcome.code = code;
    co_return outcome;
  }

  task<error_code> write_all(std::span<const std::byte> bytes) override {
    const asio::const_buffer source(bytes.data(), bytes.size());
    const auto [code, written] = co_await asio::async_write(stream_, source, runtime::use_task);
    co_return code;
  }

  void close() noexcept override {
    error_code ignored;  // nothing is lost with a socket that cannot be closed
    stream_.next_layer().close(ignored);
  }

  // With read-ahead, records that followed the last message in its segment lie undecrypted inside OpenSSL or before it. A session ticket
  // that comes late counts as noise too, which costs a connection and no more.
  bool quiet() noexcept override {
    if (!stream_.next_layer().is_open()) return false;
    SSL* const native = stream_.native_handle();
    if (SSL_has_pending(native) != 0 || BIO_pending(SSL_get_rbio(native)) != 0) return false;
    return socket_is_quiet(stream_.next_layer());
  }

 private:
  std::shared_ptr<ssl::context> context_;
  ssl::stream<asio::ip::tcp::socket> stream_;
};

failure not_trusted(const std::string& host, long verify_result) {
  const char* reason = X509_verify_cert_error_string(verify_result);
  std::string advice;
  switch (verify_result) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      advice = "use the name that the certificate was issued for";
      break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      advice = "check this machine's clock, or have the certificate renewed";
      break;
    default:
      advice = "pass the registry's authority with --ca-cert FILE, or --insecure to accept any certificate";
      break;
  }
  return {errc::tls_not_trusted, fmt::format("the certificate of {} is not trusted: {}; {}", host, reason, advice)};
}

failure handshake_failure(const std::string& host, error_code code) {
  if (code.category() == asio::error::get_ssl_category()) {
    const int reason = ERR_GET_REASON(static_cast<unsigned long>(code.value()));
    if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST || reason == SSL_R_PACKET_LENGTH_TOO_LONG) {
      return {errc::tls_expected,
              fmt::format("{} answers without TLS; if it is meant to be reached in clear text, add --plain-http", host)};
    }
  }
  if (code == asio::error::eof || code == ssl::error::stream_truncated || code == asio::error::connection_reset) {
    return {errc::tls_failed, fmt::format("{} closed the connection during the TLS handshake", host)};
  }
  return {errc::tls_failed, fmt::format("the TLS handshake with {} failed: {}", host, code.message())};
}

}  // namespace

struct tls_connector::context {
  std::shared_ptr<ssl::context> value;
};

tls_connector::tls_connector() = default;
tls_connector::~tls_connector() = default;

result<std::shared_ptr<tls_connector::context>> tls_connector::context_for(const tls_settings& settings) {
  if (const auto known = contexts_.find(settings); known != contexts_.end()) return known->second;
  auto made = std::make_shared<ssl::context>(ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(made->native_handle(), TLS1_2_VERSION);
  // Read-ahead takes whole records off the socket with one call instead of a call for the header and one for the body.
  SSL_CTX_set_read_ahead(made->native_handle(), 1);
  error_code code;
  if (settings.verify) {
    made->set_default_verify_paths(code);  // honours SSL_CERT_FILE and SSL_CERT_DIR
    if (!settings.ca_file.empty()) {
      made->load_verify_file(settings.ca_file.string(), code);
      if (code) {
        return failure(errc::invalid_option,
                       fmt::format("the certificate file {} cannot be used: {}", settings.ca_file.string(), code.message()));
      }
    }
  }
  made->set_verify_mode(settings.verify ? ssl::verify_peer : ssl::verify_none, code);
  auto shared = std::make_shared<context>();
  shared->value = std::move(made);
  contexts_.emplace(settings, shared);
  return shared;
}

task<result<std::unique_ptr<byte_stream>>> tls_connector::handshake(asio::ip::tcp::socket socket, std::string host, tls_settings settings,
                                                                    std::chrono::milliseconds limit, runtime::stop_source& stop) {
  const result<std::shared_ptr<context>> shared = context_for(settings);
  if (!shared) co_return shared.error();
  auto stream = std::make_unique<tls_stream>(std::move(socket), (*shared)->value);

  error_code code;
  SSL* native = stream->next().native_handle();
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
  const auto [outcome] = co_await stream->next().async_handshake(ssl::stream_base::client, runtime::use_task);
  if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  if (late.expired()) co_return failure(errc::timed_out, fmt::format("{} did not complete the TLS handshake in time", host));
  if (outcome) {
    const long verified = SSL_get_verify_result(native);
    if (settings.verify && verified != X509_V_OK) co_return not_trusted(host, verified);
    co_return handshake_failure(host, outcome);
  }
  std::unique_ptr<byte_stream> ready = std::move(stream);
  co_return ready;
}

}  // namespace gantry::net
