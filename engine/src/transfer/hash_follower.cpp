#include "transfer/hash_follower.hpp"

#include <algorithm>
#include <utility>

namespace gantry::transfer {
namespace {

// Long enough that the hops do not count, short enough that a stop does not wait, nor a stream whose buffer is to be hashed.
constexpr std::uint64_t bytes_per_call = std::uint64_t{2} << 20;

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

/// Receive buffers.
class received_bytes final : public hash_source {
 public:
  received_bytes(std::vector<std::span<const std::byte>> bytes, std::shared_ptr<const void> owner)
      : bytes_(std::move(bytes)), owner_(std::move(owner)) {}
  result<std::span<const std::byte>> next() override {
    if (given_ == bytes_.size()) return std::span<const std::byte>();
    return bytes_[given_++];
  }

 private:
  std::vector<std::span<const std::byte>> bytes_;
  std::size_t given_ = 0;
  std::shared_ptr<const void> owner_;
};

/// A part of a file that was written a moment ago: read from memory, and read where it is hashed, since a hop for every buffer would cost
/// more than the copy.
class written_bytes final : public hash_source {
 public:
  using block = std::shared_ptr<runtime::buffer_pool::buffer>;
  written_bytes(std::shared_ptr<store::blob_part> from, block into, std::uint64_t begin, std::uint64_t end)
      : from_(std::move(from)), into_(std::move(into)), position_(begin), end_(end) {}

  result<std::span<const std::byte>> next() override {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(runtime::buffer_pool::buffer_size, end_ - position_));
    const std::span<std::byte> bytes = into_->bytes().first(wanted);
    const result<std::size_t> got = from_->read_at(position_, bytes);
    if (!got) return got.error();
    if (*got != wanted) return failure(errc::storage_error, "a partial file became shorter while it was read");
    position_ += wanted;
    return std::span<const std::byte>(bytes);
  }

 private:
  std::shared_ptr<store::blob_part> from_;
  block into_;
  std::uint64_t position_;
  std::uint64_t end_;
};

}  // namespace

task<> hash_follower::take(std::vector<std::span<const std::byte>> bytes, std::shared_ptr<const void> owner) {
  const busy_mark mark(busy_);
  std::uint64_t end = position_;
  for (const std::span<const std::byte> one : bytes) end += one.size();
  auto source = std::make_shared<received_bytes>(std::move(bytes), std::move(owner));
  [[maybe_unused]] const result<void> fed = co_await hashes_.feed(digester_, std::move(source));  // memory does not fail
  position_ = end;
}

task<result<void>> hash_follower::advance(std::shared_ptr<store::blob_part> from, std::uint64_t end, runtime::stop_source& stop) {
  if (position_ >= end) co_return result<void>();
  const busy_mark mark(busy_);
  std::vector<runtime::buffer_pool::buffer> taken = co_await buffers_.acquire(1, stop);
  if (taken.empty()) co_return failure(errc::cancelled, "stopped");
  const auto block = std::make_shared<runtime::buffer_pool::buffer>(std::move(taken.front()));
  while (position_ < end) {
    if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
    const std::uint64_t until = std::min(position_ + bytes_per_call, end);
    auto source = std::make_shared<written_bytes>(from, block, position_, until);
    const result<void> hashed = co_await hashes_.feed(digester_, std::move(source));
    if (!hashed) co_return hashed.error();
    position_ = until;
  }
  co_return result<void>();
}

}  // namespace gantry::transfer
