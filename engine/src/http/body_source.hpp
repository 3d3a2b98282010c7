#pragma once

#include "base/failure.hpp"
#include "runtime/task.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace gantry::http {

/// Where the body of a request comes from when it is too large to be held. Used on the strand alone, by one request at a time.
class body_source {
 public:
  virtual ~body_source() = default;

  /// Bytes that are left; \ref size_unknown: nobody knows before the end.
  virtual std::uint64_t size() const noexcept = 0;

  /// The next bytes, valid until the next call; empty at the end.
  virtual runtime::task<result<std::span<const std::byte>>> next() = 0;

  /// Goes back to where the body began, for a request that has to be sent again (another credential, a redirect).
  virtual runtime::task<result<void>> rewind() = 0;

 protected:
  body_source() = default;
  body_source(const body_source&) = default;
  body_source& operator=(const body_source&) = default;
};

}  // namespace gantry::http
