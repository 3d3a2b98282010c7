#pragma once

#include "runtime/semaphore.hpp"
#include "runtime/signal.hpp"
#include "runtime/stop.hpp"
#include "runtime/task.hpp"
#include "transfer/token_bucket.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace gantry::transfer {

using runtime::task;

/// The bandwidth limit of one engine: everybody who moves bytes of blobs asks before each read or write, and is served in the order of
/// asking. Used on the strand alone.
class limiter {
 public:
  /// \param bytes_per_second 0: no limit
  explicit limiter(std::uint64_t bytes_per_second);

  bool limits() const noexcept { return bucket_.has_value(); }

  /// Waits until some of \p wanted bytes may be moved; \returns how many, at least one unless none was wanted; 0 when \p stop came first.
  task<std::size_t> acquire(std::size_t wanted, runtime::stop_source& stop);
  /// Fewer were moved than \ref acquire allowed.
  void give_back(std::size_t bytes);

 private:
  std::optional<token_bucket> bucket_;
  // One of those who ask waits for the clock, and the others for their turn: what is given back hastens all of them.
  runtime::semaphore turns_{1};
  runtime::signal returned_;
};

}  // namespace gantry::transfer
