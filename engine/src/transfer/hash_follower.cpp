#include "transfer/hash_follower.hpp"

#include "runtime/task_group.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <utility>

namespace gantry::transfer {
namespace {

/// Marks the follower as busy for as long as a call lasts.
class busy_mark {
 public:
  explicit busy_mark(bool& flag) : flag_(flag) { flag_ = true; }
  ~busy_mark() { flag_ = false; }
  busy_mark(const busy_mark&) = delete;
  busy_mark& operator=(const busy_mark&) = delete;

 private:
  bool& flag_;
};

}  // namespace

struct hash_follower::read_ahead {
  block buffer;
  std::size_t bytes = 0;
  result<void> outcome;
};

task<> hash_follower::hash(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  auto call = [digester = digester_, bytes, owner = std::move(owner)] {
    digester->update(bytes);
    return true;
  };
  co_await runtime::offload(workers_, runtime::lane::cpu, std::move(call));
  position_ += bytes.size();
}

task<> hash_follower::take(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  const busy_mark mark(busy_);
  co_await hash(bytes, std::move(owner));
}

task<> hash_follower::read(read_ahead& into, std::shared_ptr<store::ingest> from, std::uint64_t offset, std::uint64_t end) {
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(runtime::buffer_pool::buffer_size, end - offset));
  auto call = [from, buffer = into.buffer, offset, wanted] { return from->read_at(offset, buffer->bytes().first(wanted)); };
  const result<std::size_t> got = co_await runtime::offload(workers_, runtime::lane::files, std::move(call));
  into.bytes = got ? *got : 0;
  if (!got) {
    into.outcome = got.error();
  } else if (*got != wanted) {
    into.outcome = failure(errc::storage_error, "a partial file became shorter while it was read");
  } else {
    into.outcome = result<void>();
  }
}

task<result<void>> hash_follower::advance(std::shared_ptr<store::ingest> from, std::uint64_t end, runtime::stop_source& stop) {
  if (position_ >= end) co_return result<void>();
  const busy_mark mark(busy_);
  // Two blocks: one is read while the other is hashed.
  std::vector<runtime::buffer_pool::buffer> taken = co_await buffers_.acquire(2, stop);
  if (taken.empty()) co_return failure(errc::cancelled, "stopped");
  read_ahead current;
  current.buffer = std::make_shared<runtime::buffer_pool::buffer>(std::move(taken[0]));
  read_ahead next;
  next.buffer = std::make_shared<runtime::buffer_pool::buffer>(std::move(taken[1]));
  const runtime::executor where = co_await boost::asio::this_coro::executor;
  co_await read(current, from, position_, end);
  while (current.outcome && current.bytes != 0) {
    if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
    const std::uint64_t behind = position_ + current.bytes;
    next.bytes = 0;
    runtime::task_group both(where);
    if (behind < end) both.spawn(read(next, from, behind, end));
    both.spawn(hash(current.buffer->bytes().first(current.bytes), current.buffer));
    co_await both.join();
    std::swap(current, next);
    next.outcome = result<void>();
  }
  co_return current.outcome;
}

}  // namespace gantry::transfer
