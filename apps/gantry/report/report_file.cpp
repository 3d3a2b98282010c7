#include "report/recorder.hpp"
#include "results.hpp"

#include <gantry/engine.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

namespace gantry::app {

outcome<> report_recorder::write(time_point now) const {
  const std::time_t clock = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() - std::chrono::milliseconds(since(now)));
  return write_file(file_, page(now, fmt::format("gantry {}, {:%Y-%m-%d %H:%M:%S} UTC", version(), fmt::gmtime(clock))));
}

}  // namespace gantry::app
