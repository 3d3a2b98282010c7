#pragma once

#include <gantry/options.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace gantry {

/// The server listens.
struct serve_started {
  std::string address;     ///< literal, an IPv6 one in brackets
  std::uint16_t port = 0;  ///< the one that the system chose when 0 was asked for
  bool tls = false;        ///< it speaks https, else plain http
};

/// One request and what became of it.
struct served_request {
  std::chrono::system_clock::time_point time;  ///< when its head was complete
  std::string client;                          ///< `address:port`
  std::string user;                            ///< empty when nobody has logged in
  std::string method;                          ///< empty when the bytes were no request
  std::string target;                          ///< as sent, printable ASCII
  unsigned status = 0;                         ///< of HTTP
  std::uint64_t bytes = 0;                     ///< of the body that were sent
  bool complete = true;                        ///< false: the connection ended before the answer did
  std::chrono::microseconds elapsed{};         ///< from \ref time to the end of the answer
};

/// How long a client may keep the server waiting.
struct serve_limits {
  std::chrono::milliseconds idle{60'000};      ///< between requests
  std::chrono::milliseconds head{10'000};      ///< from the first byte of a request to the end of its head; the TLS handshake, too
  std::chrono::milliseconds stall{60'000};     ///< for each 64 KiB of an answer
  std::chrono::milliseconds graceful{30'000};  ///< after the stop: what runs then is finished within this time, or cut
  std::size_t connections = 4096;              ///< at once; beyond, the one that has been idle longest is closed. Not above what the
                                               ///< process may open files
};

/// Settings of a server.
struct serve_options : operation_options {
  /// Address literal or `localhost`, and port: `127.0.0.1:5000`, `[::1]:5000`, `0.0.0.0:443`. Port 0: the system chooses.
  std::string listen = "127.0.0.1:5000";

  /// PEM files (paths, native encoding (bytes)); both or none. None: plain http.
  std::string tls_certificate;
  std::string tls_key;  ///< the key without a passphrase; see \ref tls_certificate

  /// Users with bcrypt hashes, as `htpasswd -B` writes them; read once. A path, native encoding (bytes). Empty: everybody is let in.
  std::string htpasswd;

  /// A registry, host and optional port, that is asked for what the store does not have; what it gives stays in the store. Tags are asked
  /// for again each time; while the registry cannot be reached, the store answers. Empty: what is not held is not found.
  std::string upstream;

  serve_limits limits;  ///< how long clients may take, and how many there may be

  /// Called on \ref event_executor, as on_event is. None: not reported.
  std::function<void(const serve_started&)> on_started;
  std::function<void(const served_request&)> on_request;  ///< each request when its answer has ended; called as \ref on_started
};

/// What a server has done.
struct serve_result {
  std::uint64_t connections = 0;  ///< that were accepted
  std::uint64_t requests = 0;     ///< that were answered, refused ones included
  std::uint64_t bytes = 0;        ///< of all bodies
  std::uint64_t cut = 0;          ///< connections that the stop did not wait for
};

}  // namespace gantry
