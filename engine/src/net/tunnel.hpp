#pragma once

#include "base/failure.hpp"
#include "config/proxy.hpp"
#include "net/byte_stream.hpp"
#include "runtime/stop.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace gantry::net {

/// The value of Proxy-Authorization for \p via; empty when it has no user name.
std::string proxy_authorization(const config::proxy& via);

/// Asks the proxy at the other end of \p stream for a connection to \p host and \p port; when it succeeds, the stream leads there. Errors
/// name the proxy, never its credentials: errc::unexpected_status, errc::timed_out, errc::connection_lost, errc::protocol_error, and
/// errc::server_error for what may pass.
task<result<void>> open_tunnel(byte_stream& stream, const config::proxy& via, std::string host, std::uint16_t port,
                               std::chrono::milliseconds limit, runtime::stop_source& stop);

}  // namespace gantry::net
