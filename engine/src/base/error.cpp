#include <gantry/error.hpp>

#include <string>

namespace gantry {
namespace {

const char* message_of(errc value) {
  switch (value) {
    case errc::invalid_reference:
      return "invalid image reference";
    case errc::invalid_digest:
      return "invalid digest";
    case errc::invalid_platform:
      return "invalid platform";
    case errc::invalid_option:
      return "invalid option";
    case errc::not_an_image:
      return "not a container image";
    case errc::unauthorized:
      return "not authorised";
    case errc::forbidden:
      return "access forbidden";
    case errc::bad_credentials:
      return "credentials cannot be read";
    case errc::insecure_transport:
      return "credentials would travel in clear text";
    case errc::not_found:
      return "not found";
    case errc::platform_not_found:
      return "no image for this platform";
    case errc::file_not_found:
      return "no such file";
    case errc::digest_mismatch:
      return "content does not match its digest";
    case errc::size_mismatch:
      return "content does not match its size";
    case errc::malformed_document:
      return "malformed document";
    case errc::unsupported_document:
      return "unsupported document";
    case errc::limit_exceeded:
      return "limit exceeded";
    case errc::name_not_resolved:
      return "host name not resolved";
    case errc::connection_refused:
      return "connection refused";
    case errc::connection_lost:
      return "connection lost";
    case errc::timed_out:
      return "timed out";
    case errc::too_slow:
      return "connection too slow";
    case errc::tls_failed:
      return "TLS handshake failed";
    case errc::tls_not_trusted:
      return "TLS certificate not trusted";
    case errc::tls_expected:
      return "the server does not speak TLS";
    case errc::protocol_error:
      return "HTTP protocol error";
    case errc::redirect_refused:
      return "redirect refused";
    case errc::server_error:
      return "server error";
    case errc::unexpected_status:
      return "unexpected answer";
    case errc::range_refused:
      return "range not honoured";
    case errc::retries_exhausted:
      return "retries exhausted";
    case errc::rate_limited:
      return "rate limited";
    case errc::no_space:
      return "no space left";
    case errc::access_denied:
      return "access denied";
    case errc::storage_error:
      return "storage error";
    case errc::in_use:
      return "in use by another process";
    case errc::partial_failure:
      return "part of the list failed";
    case errc::cancelled:
      return "stopped";
    case errc::internal_error:
      return "internal error";
    case errc::sink_failed:
      return "the receiver of the layers failed";
  }
  return "unknown error";
}

bool is_retryable(errc value) {
  switch (value) {
    case errc::connection_refused:
    case errc::connection_lost:
    case errc::timed_out:
    case errc::too_slow:
    case errc::server_error:
    case errc::range_refused:
    case errc::rate_limited:
    case errc::name_not_resolved:
      return true;
    default:
      return false;
  }
}

condition condition_of(errc value) {
  switch (value) {
    case errc::invalid_reference:
    case errc::invalid_digest:
    case errc::invalid_platform:
    case errc::invalid_option:
      return condition::usage;
    case errc::unauthorized:
    case errc::forbidden:
    case errc::bad_credentials:
    case errc::insecure_transport:
      return condition::not_authorised;
    case errc::not_found:
    case errc::platform_not_found:
    case errc::file_not_found:
      return condition::not_found;
    case errc::digest_mismatch:
    case errc::size_mismatch:
    case errc::malformed_document:
      return condition::integrity;
    case errc::no_space:
    case errc::access_denied:
    case errc::storage_error:
    case errc::in_use:
      return condition::storage;
    case errc::rate_limited:
      return condition::rate_limited;
    case errc::partial_failure:
      return condition::partial;
    case errc::cancelled:
      return condition::cancelled;
    default:
      return condition::failed;
  }
}

class engine_category_type final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "gantry"; }
  std::string message(int value) const override { return message_of(static_cast<errc>(value)); }

  bool equivalent(int code, const error_condition& wanted) const noexcept override {
    if (wanted.category() != condition_category()) return error_category::equivalent(code, wanted);
    const auto value = static_cast<errc>(code);
    if (wanted.value() == static_cast<int>(condition::retryable)) return is_retryable(value);
    return wanted.value() == static_cast<int>(condition_of(value));
  }
};

class condition_category_type final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "gantry condition"; }
  std::string message(int value) const override {
    switch (static_cast<condition>(value)) {
      case condition::failed:
        return "network or registry failure";
      case condition::usage:
        return "wrong usage";
      case condition::not_authorised:
        return "not authorised";
      case condition::not_found:
        return "not found";
      case condition::integrity:
        return "content is not what it claims to be";
      case condition::partial:
        return "part of a list failed";
      case condition::storage:
        return "local storage failure";
      case condition::rate_limited:
        return "rate limited or temporarily refused";
      case condition::cancelled:
        return "stopped on request";
      case condition::retryable:
        return "may succeed later";
    }
    return "unknown condition";
  }
};

}  // namespace

const boost::system::error_category& engine_category() noexcept {
  static const engine_category_type instance;
  return instance;
}

const boost::system::error_category& condition_category() noexcept {
  static const condition_category_type instance;
  return instance;
}

error_code make_error_code(errc value) noexcept { return {static_cast<int>(value), engine_category()}; }
error_condition make_error_condition(condition value) noexcept { return {static_cast<int>(value), condition_category()}; }

}  // namespace gantry
