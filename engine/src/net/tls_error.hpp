#pragma once

#include "base/failure.hpp"

#include <optional>
#include <string>

namespace gantry::net {

/// What is told of a certificate that was refused.
struct refused_certificate {
  std::string names;      ///< that it was issued for, a few at most
  std::string begins_at;  ///< of its validity, `2026-01-31 12:00:00 UTC`
  std::string ends_at;
};

/// Why a peer's certificate was refused and what to do. \param place host and port \param verify_result as SSL_get_verify_result says
/// \param may_skip whether --insecure is a way out
/// \param seen members may be empty
failure not_trusted(const std::string& place, long verify_result, bool may_skip = true, const refused_certificate& seen = {});

/// Why a handshake ended otherwise. \param host with port
failure handshake_failure(const std::string& host, error_code code);

/// A server wants a certificate of its clients and got none. \param host with port where it matters: a directory is named after it
failure client_certificate_wanted(const std::string& host);

/// What a server's TLS alert says when it comes after the handshake, as TLS 1.3 does with certificates of clients. Nothing when \p code is
/// no such alert.
std::optional<failure> client_certificate_failure(const std::string& host, error_code code);

}  // namespace gantry::net
