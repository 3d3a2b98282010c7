#pragma once

#include "session.hpp"

#include <gantry/engine.hpp>

#include <string>

namespace gantry::app {

/// Settings of an engine that works on the layer store alone: no credentials are read, nothing is connected to.
engine_options store_engine_options(const common_options& common, session& work);

/// Whether what is odd about the store is said on the way.
enum class store_warnings {
  shown,
  silent,  ///< for those to whom the list is a means
};

/// Asks what is in the store.
answer<list_result> list_store(engine& keeper, session& work, store_warnings warnings);

/// Prints how an operation failed. \returns the exit status
template <class Result>
int fail(const answer<Result>& failed, const session& work, console& output, const std::string& object) {
  const error_report report = report_failure(failed.ec, failed.text, work.cause(), object);
  output.error(report);
  return report.exit_code;
}

}  // namespace gantry::app
