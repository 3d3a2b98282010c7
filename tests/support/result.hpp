#pragma once

#include "base/failure.hpp"
#include "support/catch.hpp"

#include <type_traits>
#include <utility>

namespace gantry::test {

/// The value of a result, or a failed test that shows the sentence.
template <class T>
T must(result<T> outcome) {
  if (!outcome) FAIL(outcome.error().text.message());
  if constexpr (!std::is_void_v<T>) return std::move(*outcome);
}

/// The failure of a result that must be one of \p code.
template <class T>
failure must_fail(const result<T>& outcome, errc code) {
  if (outcome) FAIL("succeeded, but should have failed with: " << make_error_code(code).message());
  INFO(outcome.error().text.message());
  CHECK(outcome.error().code == code);
  return outcome.error();
}

}  // namespace gantry::test
