#pragma once

#include <gantry/diagnostics.hpp>
#include <gantry/error.hpp>

#include <boost/assert/source_location.hpp>
#include <boost/system/result.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace gantry {

/// An expected failure on its way up: the code that callers branch on and the text that people read.
struct failure {
  error_code code;
  diagnostics text;
  /// How long the server asked to be left alone; set only by answers that carried Retry-After.
  std::optional<std::chrono::seconds> retry_after;
  /// When the registry that was asked last answered; the clock's epoch: never. Empty: it is not known which one that was.
  std::optional<std::chrono::steady_clock::time_point> last_answer;

  failure() = default;  // what boost::system::result needs; never returned
  failure(error_code ec, std::string message, std::string server_message = {})
      : code(ec), text(std::move(message), std::move(server_message)) {}
  failure(errc ec, std::string message, std::string server_message = {})
      : failure(make_error_code(ec), std::move(message), std::move(server_message)) {}
};

/// What every fallible function of the engine returns. `value()` on a failure is a defect of the caller and throws.
template <class T = void>
using result = boost::system::result<T, failure>;

[[noreturn]] void throw_exception_from_error(const failure& error, const boost::source_location& where);

/// A failed system call: maps \p errno_value to no_space, access_denied, file_not_found or storage_error and writes "<what> <object>:
/// <reason>".
failure system_failure(int errno_value, std::string_view what, std::string_view object);

}  // namespace gantry
