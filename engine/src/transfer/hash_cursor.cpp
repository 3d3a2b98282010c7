#include "transfer/hash_cursor.hpp"

#include <algorithm>
#include <utility>

namespace gantry::transfer {

task<> hash_cursor::take(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  auto call = [digester = digester_, bytes, owner = std::move(owner)] {
    digester->update(bytes);
    return true;
  };
  co_await runtime::offload(workers_, runtime::lane::cpu, std::move(call));
  position_ += bytes.size();
}

task<result<void>> hash_cursor::catch_up(std::shared_ptr<store::ingest> from, std::uint64_t end, runtime::buffer_pool& buffers,
                                         runtime::stop_source& stop) {
  if (position_ >= end) co_return result<void>();
  std::vector<runtime::buffer_pool::buffer> taken = co_await buffers.acquire(1, stop);
  if (taken.empty()) co_return failure(errc::cancelled, "stopped");
  const auto block = std::make_shared<runtime::buffer_pool::buffer>(std::move(taken.front()));
  while (position_ < end) {
    if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(runtime::buffer_pool::buffer_size, end - position_));
    auto call = [from, block, offset = position_, wanted] { return from->read_at(offset, block->bytes().first(wanted)); };
    const result<std::size_t> got = co_await runtime::offload(workers_, runtime::lane::files, std::move(call));
    if (!got) co_return got.error();
    if (*got != wanted) co_return failure(errc::storage_error, "a partial file in the store became shorter while it was read");
    co_await take(block->bytes().first(wanted), block);
  }
  co_return result<void>();
}

}  // namespace gantry::transfer
