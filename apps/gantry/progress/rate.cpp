#include "progress/rate.hpp"

#include <algorithm>

namespace gantry::app {
namespace {

constexpr std::chrono::milliseconds window{5000};
constexpr std::chrono::milliseconds slot_length{100};
constexpr std::chrono::milliseconds least_span{500};  // the first packets alone would show fantastic speeds

}  // namespace

void byte_rate::add(std::uint64_t bytes, time_point now) {
  while (!slots_.empty() && now - slots_.front().begin > window) slots_.pop_front();
  if (slots_.empty()) first_ = now;
  if (slots_.empty() || now - slots_.back().begin >= slot_length) slots_.push_back({now, 0});
  slots_.back().bytes += bytes;
}

double byte_rate::value(time_point now) const {
  std::uint64_t bytes = 0;
  for (const auto& part : slots_) {
    if (now - part.begin <= window) bytes += part.bytes;
  }
  const auto span = std::clamp<std::chrono::steady_clock::duration>(now - first_, least_span, window);
  return static_cast<double>(bytes) / std::chrono::duration<double>(span).count();
}

}  // namespace gantry::app
