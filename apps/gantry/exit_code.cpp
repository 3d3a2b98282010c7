#include "exit_code.hpp"

#include "outcome.hpp"

#include <stdexcept>
#include <utility>

namespace gantry::app {

exit_code exit_code_of(const error_code& ec) noexcept {
  if (!ec) return exit_code::done;
  static constexpr std::pair<condition, exit_code> table[] = {
      {condition::usage, exit_code::usage},
      {condition::not_authorised, exit_code::not_authorised},
      {condition::not_found, exit_code::not_found},
      {condition::integrity, exit_code::integrity},
      {condition::partial, exit_code::partial},
      {condition::storage, exit_code::storage},
      {condition::rate_limited, exit_code::rate_limited},
      {condition::cancelled, exit_code::interrupted},
  };
  for (const auto& [wanted, code] : table) {
    if (ec == make_error_condition(wanted)) return code;
  }
  return exit_code::failed;
}

void throw_exception_from_error(const problem& error, const boost::source_location&) {
  throw std::logic_error("unchecked problem: " + error.message);
}

}  // namespace gantry::app
