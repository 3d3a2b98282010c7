#pragma once

#include "support/catch.hpp"

#include <gantry/engine.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <utility>

namespace gantry::test {

/// Runs one operation by an engine of its own to its end. \p start gets the engine and the handler, `void(error_code, Result)`, that the
/// operation is to complete with. \returns how it ended; what it came to is in \p made
template <class Result, class Start>
error_code run_alone(const engine_options& settings, Result& made, Start start) {
  boost::asio::io_context context;
  error_code ec;
  bool completed = false;
  {
    engine one(context.get_executor(), settings);
    start(one, [&](error_code failed, Result result) {
      ec = failed;
      made = std::move(result);
      completed = true;
      one.async_shutdown([](error_code) {});
    });
    context.run_for(std::chrono::minutes(5));
  }
  REQUIRE(completed);
  return ec;
}

/// The same where nobody asks what it came to.
template <class Result, class Start>
error_code run_alone(const engine_options& settings, Start start) {
  Result ignored;
  return run_alone(settings, ignored, std::move(start));
}

}  // namespace gantry::test
