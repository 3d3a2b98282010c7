#pragma once

#include "pauses.hpp"
#include "token_bucket.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace gantry::relay {

/// Page-aligned memory for bytes under way, used again and again.
class block_pool {
 public:
  static constexpr std::size_t block_size = std::size_t{256} << 10;
  struct release {
    void operator()(std::byte* memory) const noexcept { std::free(memory); }  // NOLINT: from aligned_alloc
  };
  using block = std::unique_ptr<std::byte, release>;

  block take();
  void give(block&& used) { free_.push_back(std::move(used)); }

 private:
  std::vector<block> free_;
};

/// What a turn did.
enum class turn {
  idle,      ///< nothing to do before an event or \ref half::next_wake
  progress,  ///< bytes moved; there may be more
  broken,    ///< one end is gone: close the connection
};

/// One direction of one connection: bytes read from one socket are held for the delay and written to the other. Sockets are non-blocking;
/// readiness is told by the owner (edge-triggered).
class half {
 public:
  struct limits {
    std::chrono::nanoseconds delay{0};
    std::uint64_t window = 0;
    std::uint64_t rate = 0;
    clock::time_point not_before;               ///< nothing counts as sent earlier: the handshake
    std::optional<std::uint64_t> silent_after;  ///< bytes written, then nothing more
    std::optional<std::uint64_t> crawl_after;   ///< bytes written, then at crawl_rate
    std::uint64_t crawl_rate = 0;
    std::chrono::nanoseconds pause_gap{0};  ///< time between two of \ref pauses; 0: none
    std::uint64_t pause_seed = 0;
    bool holds_requests = false;  ///< HTTP requests come this way, to be counted
  };

  half(int from, int to, limits values, token_bucket& total, block_pool& pool, clock::time_point now);

  /// Moves up to \p quantum bytes in and what is due out.
  turn advance(clock::time_point now, std::size_t quantum);

  void readable() noexcept { can_read_ = true; }
  void writable() noexcept { can_write_ = true; }
  /// When something can happen without an event; nothing when only events help.
  std::optional<clock::time_point> next_wake(clock::time_point now) const;

  bool ended() const noexcept { return shut_; }          ///< the end was passed on
  bool source_ended() const noexcept { return ended_; }  ///< the sender has closed its side
  std::uint64_t written() const noexcept { return written_; }

  /// Of written(), what the receiver's kernel has acknowledged: the rest waits in this side's buffers, which on a real line is the
  /// server's.
  std::uint64_t arrived() const noexcept;

  std::uint64_t requests() const noexcept { return requests_; }
  bool silent() const noexcept { return limits_.silent_after && written_ >= *limits_.silent_after; }

 private:
  struct mark {
    clock::time_point release;
    std::uint64_t bytes = 0;  ///< 0: the end
  };

  turn read_some(clock::time_point now, std::size_t quantum);
  turn write_some(clock::time_point now);
  void count_requests(std::span<const std::byte> bytes);

  static constexpr auto tick = std::chrono::milliseconds(1);

  int from_;
  int to_;
  limits limits_;
  token_bucket own_;
  token_bucket crawl_;
  pauses pauses_;
  token_bucket& total_;
  block_pool& pool_;
  std::deque<block_pool::block> blocks_;
  std::size_t head_ = 0;  ///< offset of the next byte to write in the first block
  std::size_t tail_ = 0;  ///< offset of the next free byte in the last block
  std::deque<mark> marks_;
  std::uint64_t queued_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t requests_ = 0;
  unsigned blank_line_ = 0;  ///< how much of CR LF CR LF was just seen
  bool can_read_ = true;
  bool can_write_ = true;
  bool starved_ = false;  ///< waits for tokens or the end of a pause only
  bool paused_ = false;
  bool ended_ = false;
  bool shut_ = false;
};

}  // namespace gantry::relay
