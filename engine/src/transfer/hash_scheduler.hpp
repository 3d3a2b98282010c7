#pragma once

#include "base/failure.hpp"
#include "model/digester.hpp"
#include "runtime/batch_queue.hpp"
#include "runtime/lanes.hpp"
#include "runtime/task.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace gantry::transfer {

using runtime::task;

/// Bytes for a hash, block by block. Used on one worker at a time; keeps alive what it refers to.
class hash_source {
 public:
  virtual ~hash_source() = default;
  /// The next bytes, valid until the next call; none at the end.
  virtual result<std::span<const std::byte>> next() = 0;
};

/// Feeds digesters on the CPU lane, two side by side whenever two are waiting, which costs little more than one (PERFORMANCE, "Two lanes").
/// Used on the strand alone; outlives all calls of \ref feed.
class hash_scheduler {
 public:
  /// \param workers_at_once threads of the CPU lane that may hash
  hash_scheduler(runtime::executor where, runtime::lanes& workers, std::size_t workers_at_once);
  /// The same with as many as the machine has use for.
  hash_scheduler(runtime::executor where, runtime::lanes& workers);

  /// Gives all of \p source to \p into, which nobody else may use meanwhile. Deaf to stops: sources are short. \returns the source's
  /// failure; rethrows what it throws.
  task<result<void>> feed(std::shared_ptr<model::digester> into, std::shared_ptr<hash_source> source);

  /// Bytes that were hashed beside another stream.
  std::uint64_t paired_bytes() const noexcept { return paired_; }

 private:
  struct request {
    std::shared_ptr<model::digester> into;
    std::shared_ptr<hash_source> source;
    std::span<const std::byte> pending;
    std::uint64_t paired = 0;
    bool complete = false;
    std::optional<failure> error;

    /// Sees to it that something is pending; false when there is no more, and the request is complete.
    bool refill();
  };
  using requests = runtime::batch_queue<request>;
  static void run(const requests::batch& taken);

  requests queue_;
  std::uint64_t paired_ = 0;
};

}  // namespace gantry::transfer
