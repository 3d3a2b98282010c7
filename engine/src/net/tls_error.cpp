#include "net/tls_error.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>

#include <string>

namespace gantry::net {
namespace {

namespace asio = boost::asio;

std::string advice_for(const std::string& place, long verify_result, bool may_skip) {
  const std::string skip = may_skip ? fmt::format(", or accept any with --insecure={}", place) : std::string();
  switch (verify_result) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "use the name that the certificate was issued for";
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "check this machine's clock, or have the certificate renewed";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return "if it is meant to be so, pass that certificate with --ca-cert FILE or put it into certs.d" + skip;
    case X509_V_ERR_INVALID_PURPOSE:
      return "it was not issued for a server; have one issued that is";
    case X509_V_ERR_CERT_REVOKED:
      return "it was withdrawn; the registry needs another one";
    default:
      return "pass the authority that issued it with --ca-cert FILE or put it into certs.d" + skip;
  }
}

/// What the certificate says about the point in question.
std::string detail_of(long verify_result, const refused_certificate& seen) {
  switch (verify_result) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return seen.names.empty() ? std::string() : fmt::format(" (it was issued for {})", seen.names);
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return seen.ends_at.empty() ? std::string() : fmt::format(" (on {})", seen.ends_at);
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return seen.begins_at.empty() ? std::string() : fmt::format(" (before {})", seen.begins_at);
    default:
      return {};
  }
}

bool asks_for_certificate(int reason) {
  return reason == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED || reason == SSL_R_SSLV3_ALERT_NO_CERTIFICATE;
}

bool refuses_certificate(int reason) {
  return reason == SSL_R_SSLV3_ALERT_BAD_CERTIFICATE || reason == SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE ||
         reason == SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED || reason == SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED ||
         reason == SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN || reason == SSL_R_TLSV1_ALERT_UNKNOWN_CA ||
         reason == SSL_R_TLSV1_ALERT_ACCESS_DENIED;
}

}  // namespace

failure not_trusted(const std::string& place, long verify_result, bool may_skip, const refused_certificate& seen) {
  return {errc::tls_not_trusted,
          fmt::format("the certificate of {} is not trusted: {}{}; {}", place, X509_verify_cert_error_string(verify_result),
                      detail_of(verify_result, seen), advice_for(place, verify_result, may_skip))};
}

failure client_certificate_wanted(const std::string& host) {
  return {errc::tls_failed, fmt::format("{0} wants a certificate of its clients; put NAME.cert and NAME.key into "
                                        "~/.config/containers/certs.d/{0} or /etc/docker/certs.d/{0}",
                                        host)};
}

std::optional<failure> client_certificate_failure(const std::string& host, error_code code) {
  if (code.category() != asio::error::get_ssl_category()) return std::nullopt;
  const int reason = ERR_GET_REASON(static_cast<unsigned long>(code.value()));
  if (asks_for_certificate(reason)) return client_certificate_wanted(host);
  if (refuses_certificate(reason)) {
    return failure(errc::tls_failed, fmt::format("{} does not accept the certificate that was shown to it: {}", host, code.message()));
  }
  return std::nullopt;
}

failure handshake_failure(const std::string& host, error_code code) {
  if (auto certificate = client_certificate_failure(host, code)) return *certificate;
  if (code.category() == asio::error::get_ssl_category()) {
    const int reason = ERR_GET_REASON(static_cast<unsigned long>(code.value()));
    if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST || reason == SSL_R_PACKET_LENGTH_TOO_LONG) {
      return {errc::tls_expected,
              fmt::format("{0} answers without TLS; if it is meant to be reached in clear text, add --plain-http={0}", host)};
    }
  }
  if (code == asio::error::eof || code == asio::ssl::error::stream_truncated || code == asio::error::connection_reset) {
    return {errc::tls_failed, fmt::format("{} closed the connection during the TLS handshake", host)};
  }
  return {errc::tls_failed, fmt::format("the TLS handshake with {} failed: {}", host, code.message())};
}

}  // namespace gantry::net
