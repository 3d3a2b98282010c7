#pragma once

#include <gantry/bench.hpp>

#include <string>

namespace gantry::app {

/// A table for people, a line for each number of connections, and the recommendation.
std::string bench_table(const bench_result& measured);

/// The same as one JSON object.
std::string bench_json(const bench_result& measured);

}  // namespace gantry::app
