#include "sim/network.hpp"

#include <algorithm>
#include <cmath>

namespace gantry::test::sim {

double connection::own_rate(const network& path) const {
  double rate = std::numeric_limits<double>::infinity();
  if (path.per_connection > 0) rate = path.per_connection;
  if (fate.rate > 0) rate = std::min(rate, fate.rate);
  const double seconds = std::chrono::duration<double>(path.round_trip).count();
  if (path.slow_start && seconds > 0) rate = std::min(rate, window / seconds);
  return rate;
}

std::uint64_t connection::until_fate() const {
  std::uint64_t left = std::numeric_limits<std::uint64_t>::max();
  if (fate.stalls_after) left = std::min(left, *fate.stalls_after - std::min(carried, *fate.stalls_after));
  if (fate.resets_after) left = std::min(left, *fate.resets_after - std::min(carried, *fate.resets_after));
  return left;
}

void connection::carry(std::uint64_t bytes, const network& path, std::minstd_rand& random) {
  carried += bytes;
  constexpr double packet = 1460;
  const double packets = static_cast<double>(bytes) / packet;
  if (path.loss > 0 && std::uniform_real_distribution<double>(0, 1)(random) < 1 - std::pow(1 - path.loss, packets)) {
    window = std::max(0.7 * window, 2 * packet);
    lost_some = true;
  } else if (lost_some) {
    // A packet more for each window that went well.
    window = std::min(window + packet * static_cast<double>(bytes) / window, 64e6);
  } else {
    window = std::min(window + static_cast<double>(bytes), 64e6);
  }
}

double share(const network& path, const connection& one, const std::vector<const connection*>& receiving) {
  const double own = one.own_rate(path);
  if (path.total <= 0) return own;
  // Who wants less than an equal share leaves the difference to the others.
  std::vector<double> rates;
  for (const connection* other : receiving) rates.push_back(other->own_rate(path));
  std::sort(rates.begin(), rates.end());
  double left = path.total;
  double equal = left;
  for (std::size_t i = 0; i < rates.size(); ++i) {
    equal = left / static_cast<double>(rates.size() - i);
    if (rates[i] >= equal) break;
    left -= rates[i];
  }
  return std::min(own, equal);
}

}  // namespace gantry::test::sim
