#include "half.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <new>

namespace gantry::relay {

block_pool::block block_pool::take() {
  if (!free_.empty()) {
    auto result = std::move(free_.back());
    free_.pop_back();
    return result;
  }
  auto* memory = static_cast<std::byte*>(std::aligned_alloc(4096, block_size));
  if (memory == nullptr) throw std::bad_alloc();
  return block(memory);
}

half::half(int from, int to, limits values, token_bucket& total, block_pool& pool, clock::time_point now)
    : from_(from),
      to_(to),
      limits_(values),
      own_(values.rate, now),
      crawl_(values.crawl_rate, now),
      pauses_(values.pause_gap, values.pause_seed, now),
      total_(total),
      pool_(pool) {}

turn half::advance(clock::time_point now, std::size_t quantum) {
  own_.refill(now);
  crawl_.refill(now);
  paused_ = pauses_.under_way(now);
  const auto in = read_some(now, quantum);
  const auto out = write_some(now);
  if (in == turn::broken || out == turn::broken) return turn::broken;
  return in == turn::progress || out == turn::progress ? turn::progress : turn::idle;
}

turn half::read_some(clock::time_point now, std::size_t quantum) {
  starved_ = false;
  if (ended_ || !can_read_ || queued_ >= limits_.window) return turn::idle;
  const auto tokens = std::min(own_.available(), total_.available());
  if (tokens == 0 || paused_) {
    starved_ = true;
    return turn::idle;
  }
  if (blocks_.empty() || tail_ == block_pool::block_size) {
    blocks_.push_back(pool_.take());
    tail_ = 0;
    if (blocks_.size() == 1) head_ = 0;
  }
  const auto most = std::min({block_pool::block_size - tail_, quantum, static_cast<std::size_t>(std::min<std::uint64_t>(tokens, quantum))});
  auto* const where = blocks_.back().get() + tail_;
  const auto got = ::recv(from_, where, most, 0);
  if (got < 0) {
    if (errno == EINTR) return turn::progress;
    if (errno != EAGAIN) return turn::broken;
    can_read_ = false;
    return turn::idle;
  }
  const auto release = std::max(now, limits_.not_before) + limits_.delay;
  if (got == 0) {
    ended_ = true;
    marks_.push_back({release, 0});
    return turn::progress;
  }
  const auto bytes = static_cast<std::uint64_t>(got);
  if (limits_.holds_requests) count_requests({where, static_cast<std::size_t>(got)});
  own_.take(bytes);
  total_.take(bytes);
  tail_ += static_cast<std::size_t>(got);
  queued_ += bytes;
  if (!marks_.empty() && marks_.back().release == release) {
    marks_.back().bytes += bytes;
  } else {
    marks_.push_back({release, bytes});
  }
  return turn::progress;
}

turn half::write_some(clock::time_point now) {
  bool moved = false;
  while (can_write_ && !marks_.empty() && marks_.front().release <= now && !silent() && !paused_) {
    auto& due = marks_.front();
    if (due.bytes == 0) {
      ::shutdown(to_, SHUT_WR);  // a peer that is gone already shows on the other half
      shut_ = true;
      marks_.pop_front();
      return turn::progress;
    }
    auto most = std::min<std::uint64_t>(due.bytes, block_pool::block_size - head_);
    if (limits_.silent_after) most = std::min(most, *limits_.silent_after - written_);
    const bool crawls = limits_.crawl_after && written_ >= *limits_.crawl_after;
    if (limits_.crawl_after && !crawls) most = std::min(most, *limits_.crawl_after - written_);
    if (crawls) most = std::min(most, crawl_.available());
    if (most == 0) break;
    const auto sent = ::send(to_, blocks_.front().get() + head_, static_cast<std::size_t>(most), MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == ENOTCONN || errno == EAGAIN) {
        can_write_ = false;
        break;
      }
      return turn::broken;
    }
    moved = true;
    const auto bytes = static_cast<std::uint64_t>(sent);
    if (crawls) crawl_.take(bytes);
    due.bytes -= bytes;
    if (due.bytes == 0) marks_.pop_front();
    written_ += bytes;
    queued_ -= bytes;
    head_ += static_cast<std::size_t>(sent);
    if (head_ == block_pool::block_size || queued_ == 0) {
      pool_.give(std::move(blocks_.front()));
      blocks_.pop_front();
      head_ = 0;
    }
  }
  return moved ? turn::progress : turn::idle;
}

std::optional<clock::time_point> half::next_wake(clock::time_point now) const {
  std::optional<clock::time_point> wake;
  if (starved_) wake = now + tick;
  if (can_write_ && !marks_.empty() && !silent()) {
    const auto release = std::max(marks_.front().release, paused_ ? pauses_.end() : now + std::chrono::microseconds(200));
    wake = wake ? std::min(*wake, release) : release;
  }
  return wake;
}

std::uint64_t half::arrived() const noexcept {
  int waiting = 0;
  if (::ioctl(to_, SIOCOUTQ, &waiting) < 0) return written_;
  return written_ - std::min(written_, static_cast<std::uint64_t>(std::max(waiting, 0)));
}

void half::count_requests(std::span<const std::byte> bytes) {
  for (const auto byte : bytes) {
    const char wanted = blank_line_ % 2 == 0 ? '\r' : '\n';
    if (byte == static_cast<std::byte>(wanted)) {
      if (++blank_line_ == 4) {
        ++requests_;
        blank_line_ = 0;
      }
    } else {
      blank_line_ = byte == std::byte{'\r'} ? 1 : 0;
    }
  }
}

}  // namespace gantry::relay
