#pragma once

#include "runtime/stop.hpp"
#include "runtime/task.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace gantry::runtime {

/// The memory that bytes in flight sit in: a fixed number of page-aligned blocks of one size. A reader without a block waits, and that is
/// the only back-pressure the engine needs (DESIGN section 2, "Bounded memory").
class buffer_pool {
  struct state;

 public:
  static constexpr std::size_t buffer_size = 256 * 1024;
  static constexpr std::size_t default_count = 32;

  /// One block; goes back to the pool when destroyed, on any thread.
  class buffer {
   public:
    buffer() = default;
    buffer(buffer&& other) noexcept;
    buffer& operator=(buffer&& other) noexcept;
    ~buffer();

    explicit operator bool() const noexcept { return data_ != nullptr; }
    std::byte* data() const noexcept { return data_; }
    std::span<std::byte> bytes() const noexcept { return {data_, data_ != nullptr ? buffer_size : 0}; }

   private:
    friend class buffer_pool;
    buffer(std::shared_ptr<state> owner, std::byte* data) : owner_(std::move(owner)), data_(data) {}
    void reset() noexcept;
    std::shared_ptr<state> owner_;
    std::byte* data_ = nullptr;
  };

  explicit buffer_pool(executor where, std::size_t count = default_count);

  /// Waits for \p count blocks and takes them all at once, so that two half-served waiters cannot block each other. First come, first
  /// served. \returns an empty vector when \p stop came first.
  task<std::vector<buffer>> acquire(std::size_t count, stop_source& stop);

  /// Blocks that nobody holds, for tests.
  std::size_t available() const;

 private:
  std::shared_ptr<state> state_;
};

}  // namespace gantry::runtime
