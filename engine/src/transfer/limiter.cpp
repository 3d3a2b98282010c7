#include "transfer/limiter.hpp"

#include "runtime/signal.hpp"

#include <chrono>

namespace gantry::transfer {

limiter::limiter(std::uint64_t bytes_per_second) {
  if (bytes_per_second != 0) bucket_.emplace(bytes_per_second, std::chrono::steady_clock::now());
}

task<std::size_t> limiter::acquire(std::size_t wanted, runtime::stop_source& stop) {
  if (!bucket_ || wanted == 0) co_return wanted;
  const auto now = std::chrono::steady_clock::now();
  const token_bucket::grant given = bucket_->take(now, wanted);
  if (given.from <= now) co_return given.bytes;
  const auto pause = std::chrono::ceil<std::chrono::milliseconds>(given.from - now);
  const bool slept = co_await runtime::sleep_for(pause, stop);
  if (slept) co_return given.bytes;
  bucket_->give_back(given.bytes);
  co_return std::size_t{0};
}

void limiter::give_back(std::size_t bytes) {
  if (bucket_) bucket_->give_back(bytes);
}

}  // namespace gantry::transfer
