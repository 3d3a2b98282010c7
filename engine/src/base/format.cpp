#include "base/format.hpp"

#include <fmt/format.h>

#include <array>

namespace gantry {

std::string format_bytes(std::uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  constexpr std::array units{"kB", "MB", "GB", "TB", "PB", "EB"};
  double value = static_cast<double>(bytes) / 1000.0;
  std::size_t unit = 0;
  // 999.95 would be printed as 1000.0: the next unit reads better.
  while (value >= 999.95 && unit + 1 < units.size()) {
    value /= 1000.0;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, units[unit]);
}

std::string format_duration(std::chrono::milliseconds value) {
  using std::chrono::duration_cast;
  using std::chrono::hours;
  using std::chrono::minutes;
  using std::chrono::round;
  using std::chrono::seconds;
  if (value < std::chrono::milliseconds(0)) value = std::chrono::milliseconds(0);
  if (value < std::chrono::milliseconds(100)) return fmt::format("{} ms", value.count());
  if (value < std::chrono::milliseconds(9'950)) return fmt::format("{:.1f} s", static_cast<double>(value.count()) / 1000.0);

  const seconds whole = round<seconds>(value);
  if (whole < minutes(1)) return fmt::format("{} s", whole.count());
  if (whole < hours(1)) {
    const auto m = duration_cast<minutes>(whole);
    return fmt::format("{} min {} s", m.count(), (whole - m).count());
  }
  const minutes rounded = round<minutes>(whole);
  const auto h = duration_cast<hours>(rounded);
  return fmt::format("{} h {} min", h.count(), (rounded - h).count());
}

}  // namespace gantry
