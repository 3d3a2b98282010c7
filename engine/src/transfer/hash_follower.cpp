#include "transfer/hash_follower.hpp"

#include <algorithm>
#include <utility>

namespace gantry::transfer {
namespace {

// Long enough that the hops do not count, short enough that a stop does not wait.
constexpr std::uint64_t bytes_per_call = std::uint64_t{8} << 20;

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

task<result<void>> hash_follower::advance(std::shared_ptr<store::blob_part> from, std::uint64_t end, runtime::stop_source& stop) {
  if (position_ >= end) co_return result<void>();
  const busy_mark mark(busy_);
  std::vector<runtime::buffer_pool::buffer> taken = co_await buffers_.acquire(1, stop);
  if (taken.empty()) co_return failure(errc::cancelled, "stopped");
  const auto block = std::make_shared<runtime::buffer_pool::buffer>(std::move(taken.front()));
  while (position_ < end) {
    if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
    const std::uint64_t length = std::min<std::uint64_t>(bytes_per_call, end - position_);
    // Read and hashed in one call: the bytes were written a moment ago and are copied from memory, and a hop for every buffer would cost
    // more than they do.
    auto call = [from, block, digester = digester_, begin = position_, length]() -> result<void> {
      for (std::uint64_t done = 0; done < length;) {
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(runtime::buffer_pool::buffer_size, length - done));
        const std::span<std::byte> bytes = block->bytes().first(wanted);
        const result<std::size_t> got = from->read_at(begin + done, bytes);
        if (!got) return got.error();
        if (*got != wanted) return failure(errc::storage_error, "a partial file became shorter while it was read");
        digester->update(bytes);
        done += wanted;
      }
      return {};
    };
    const result<void> hashed = co_await runtime::offload(workers_, runtime::lane::cpu, std::move(call));
    if (!hashed) co_return hashed.error();
    position_ += length;
  }
  co_return result<void>();
}

}  // namespace gantry::transfer
