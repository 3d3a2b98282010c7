#include "net/tls.hpp"

#include "base/redact.hpp"
#include "net/system_authorities.hpp"
#include "net/tls_error.hpp"
#include "net/tls_stream.hpp"
#include "runtime/deadline.hpp"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/context.hpp>

#include <algorithm>
#include <ctime>
#include <string_view>
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

std::string time_of(const ASN1_TIME* when) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(when, &parts) != 1) return {};
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                     parts.tm_min, parts.tm_sec);
}

std::string name_of(const GENERAL_NAME& name) {
  int kind = 0;
  const auto* value = static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(&name, &kind));
  if (kind != GEN_DNS && kind != GEN_IPADD) return {};
  const std::string_view bytes(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                               static_cast<std::size_t>(ASN1_STRING_length(value)));
  if (kind == GEN_DNS) return clean_text(bytes, 128);
  if (bytes.size() == 4) {
    asio::ip::address_v4::bytes_type four{};
    std::copy(bytes.begin(), bytes.end(), four.begin());
    return asio::ip::address_v4(four).to_string();
  }
  asio::ip::address_v6::bytes_type six{};
  if (bytes.size() != six.size()) return {};
  std::copy(bytes.begin(), bytes.end(), six.begin());
  return asio::ip::address_v6(six).to_string();
}

/// Names of the server from subjectAltName, a few at most.
std::string names_of(const X509* certificate) {
  constexpr unsigned most = 5;
  using name_list = std::unique_ptr<GENERAL_NAMES, decltype(&GENERAL_NAMES_free)>;
  const name_list names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
                        &GENERAL_NAMES_free);
  std::string text;
  unsigned told = 0;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const std::string name = name_of(*sk_GENERAL_NAME_value(names.get(), i));
    if (name.empty()) continue;
    if (told++ == most) return text + ", ...";
    text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

int certificate_slot() {
  static const int slot = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return slot;
}

/// Called by OpenSSL for each certificate of the chain; it changes nothing, and notes what a refused one says: afterwards it is gone.
int note_refused(int accepted, X509_STORE_CTX* chain) {
  if (accepted == 1) return accepted;
  auto* const connection = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const X509* const certificate = X509_STORE_CTX_get_current_cert(chain);
  auto* const seen = connection == nullptr ? nullptr : static_cast<refused_certificate*>(SSL_get_ex_data(connection, certificate_slot()));
  if (seen == nullptr || certificate == nullptr) return accepted;
  seen->names = names_of(certificate);
  seen->begins_at = time_of(X509_get0_notBefore(certificate));
  seen->ends_at = time_of(X509_get0_notAfter(certificate));
  return accepted;
}

}  // namespace

struct tls_connector::context {
  system_authorities authorities;
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
    made->authorities.attach(rules.native_handle());
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

  refused_certificate seen;
  if (settings.verify) {
    SSL_set_verify(native, SSL_VERIFY_PEER, &note_refused);
    SSL_set_ex_data(native, certificate_slot(), &seen);
  }
  if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  byte_stream& closing = *stream;
  const runtime::executor where = co_await asio::this_coro::executor;
  const runtime::deadline late(where, limit, [&closing] { closing.close(); });
  const runtime::stop_source::registration registered(stop, [&closing] { closing.close(); });
  const error_code outcome = co_await stream->handshake();
  SSL_set_ex_data(native, certificate_slot(), nullptr);
  if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  if (late.expired()) co_return failure(errc::timed_out, fmt::format("{} did not complete the TLS handshake in time", place));
  if (outcome) {
    const long verified = SSL_get_verify_result(native);
    if (settings.verify && verified != X509_V_OK) {
      failure refused = not_trusted(place, verified, !peer.is_proxy, seen);
      const std::string& problem = (*shared)->authorities.problem();
      if (!problem.empty()) refused = failure(refused.code, fmt::format("{}; {}", refused.text.message(), problem));
      co_return refused;
    }
    co_return handshake_failure(place, outcome);
  }
  std::unique_ptr<byte_stream> ready = std::move(stream);
  co_return ready;
}

}  // namespace gantry::net
