#include "report/recorder.hpp"
#include "results.hpp"

#include <gantry/engine.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <ctime>

namespace gantry::app {

outcome<> report_recorder::write(time_point now) const {
  // The page names the time at which the run began.
  const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(now - begin_);
  const std::time_t clock = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() - passed);
  return write_file(file_, page(now, fmt::format("gantry {}, {:%Y-%m-%d %H:%M:%S} UTC", version(), fmt::gmtime(clock))));
}

}  // namespace gantry::app
