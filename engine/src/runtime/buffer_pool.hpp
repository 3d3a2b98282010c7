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
  static constexpr std::size_t default_count = 24;

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
    buffer(std::shared_ptr<state> owner, std::byte* data, bool spare) : owner_(std::move(owner)), data_(data), spare_(spare) {}
    void reset() noexcept;
    std::shared_ptr<state> owner_;
    std::byte* data_ = nullptr;
    bool spare_ = false;
  };

  /// \param spares how many of the \p count blocks \ref try_spare may give out, so that the others are always for those who have none
  explicit buffer_pool(executor where, std::size_t count = default_count, std::size_t spares = 0);

  /// Waits for \p count blocks and takes them all at once, so that two half-served waiters cannot block each other. First come, first
  /// served. \returns an empty vector when \p stop came first.
  task<std::vector<buffer>> acquire(std::size_t count, stop_source& stop);

  /// One more block for who has one already; empty when none is free or somebody waits. Never waits, so that nobody who holds a block
  /// waits for those who wait for one. On the executor alone.
  buffer try_spare();

  /// Blocks that nobody holds, for tests.
  std::size_t available() const;

 private:
  std::shared_ptr<state> state_;
};

}  // namespace gantry::runtime
