#include "transfer/limiter.hpp"

#include <chrono>

namespace gantry::transfer {

limiter::limiter(std::uint64_t bytes_per_second) {
  if (bytes_per_second != 0) bucket_.emplace(bytes_per_second, std::chrono::steady_clock::now());
}

task<std::size_t> limiter::acquire(std::size_t wanted, runtime::stop_source& stop) {
  if (!bucket_ || wanted == 0) co_return wanted;
  const runtime::semaphore::permit turn = co_await turns_.acquire(1, stop);
  if (!turn) co_return std::size_t{0};
  for (;;) {
    const auto now = std::chrono::steady_clock::now();
    const std::size_t given = bucket_->take(now, wanted);
    if (given != 0) co_return given;
    co_await returned_.wait(stop, std::chrono::ceil<std::chrono::milliseconds>(bucket_->ready() - now));
    if (stop.stop_requested()) co_return std::size_t{0};
  }
}

void limiter::give_back(std::size_t bytes) {
  if (!bucket_ || bytes == 0) return;
  bucket_->give_back(bytes);
  returned_.notify_all();
}

}  // namespace gantry::transfer
