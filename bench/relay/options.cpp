#include "options.hpp"

#include <charconv>
#include <cmath>
#include <map>
#include <string_view>

namespace gantry::relay {

namespace {

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{} || end != text.data() + text.size() || !std::isfinite(value) || value < 0 || value > 1e15) return std::nullopt;
  return value;
}

}  // namespace

std::optional<options> parse_options(int count, char** arguments, std::string& problem) {
  options result;
  const std::map<std::string_view, std::uint64_t*> counts = {
      {"--rate", &result.rate},
      {"--total-rate", &result.total_rate},
      {"--window", &result.window},
      {"--stall-one-in", &result.stall_one_in},
      {"--reset-one-in", &result.reset_one_in},
      {"--crawl-one-in", &result.crawl_one_in},
      {"--fault-after", &result.fault_after},
      {"--crawl-rate", &result.crawl_rate},
  };
  const std::map<std::string_view, std::chrono::nanoseconds*> times = {{"--delay", &result.delay}, {"--pause-every", &result.pause_every}};
  std::optional<std::uint16_t> listen;
  for (int i = 1; i < count; i += 2) {
    const std::string_view name = arguments[i];
    const auto value = i + 1 < count ? number(arguments[i + 1]) : std::nullopt;
    if (!value) {
      problem = std::string(name) + " needs a number";
      return std::nullopt;
    }
    const bool is_port = name == "--listen" || name == "--to";
    if (is_port && *value > 65535) {
      problem = std::string(arguments[i + 1]) + " is no port";
      return std::nullopt;
    }
    if (name == "--listen") {
      listen = static_cast<std::uint16_t>(*value);
    } else if (name == "--to") {
      if (!listen) {
        problem = "each --to follows its --listen";
        return std::nullopt;
      }
      result.routes.push_back({*listen, static_cast<std::uint16_t>(*value)});
      listen.reset();
    } else if (const auto time = times.find(name); time != times.end()) {
      *time->second = std::chrono::nanoseconds(std::llround(*value * 1e6));
    } else if (const auto found = counts.find(name); found != counts.end()) {
      *found->second = static_cast<std::uint64_t>(*value);
    } else {
      problem = "no option " + std::string(name);
      return std::nullopt;
    }
  }
  if (result.routes.empty() || listen) {
    problem = "at least one pair of --listen and --to is needed";
    return std::nullopt;
  }
  if (result.window == 0) result.window = 1U << 30;
  return result;
}

}  // namespace gantry::relay
