#pragma once

#include <chrono>
#include <cstdint>
#include <limits>

namespace gantry::http {

class request_watch;

/// How a request finds its connection. By default it has one of its own: one that is idle, or a fresh one.
struct placement {
  static constexpr std::uint64_t unknown = std::numeric_limits<std::uint64_t>::max();

  /// Bytes of body that its answer should have.
  std::uint64_t expects = unknown;
  /// It may be sent behind a request that expects no more than this, before that has been answered (RFC 9112 section 9.3.2). 0: never.
  std::uint64_t behind = 0;
  /// With so many connections to the endpoint it rather goes behind a request than over one connection more.
  unsigned connections = 0;
  /// Not behind others after all.
  bool alone = false;
  /// It is made ahead of its time: no connection is opened for it, and without room on one it fails at once with errc::cancelled.
  bool ahead = false;
  /// Whose request it is: a connection carries requests of one user, or of nobody and then of the user who takes it over. 0: nobody's.
  std::uint64_t user = 0;
  /// Of a request with a body that is streamed: over a fresh connection, which nobody uses after it.
  bool once = false;
  /// Of a request that is answered soon or never, and may be made more than once: without an answer for so long it is, over another
  /// connection, with twice the time, \ref most_repeats times at most; the last waits as any request does. 0: never.
  std::chrono::milliseconds repeat_after{0};
  static constexpr unsigned most_repeats = 3;
  /// Is told what the request waits for; null: nobody. Must outlive it.
  request_watch* watch = nullptr;
};

}  // namespace gantry::http
