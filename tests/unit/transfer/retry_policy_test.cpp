#include "transfer/retry_policy.hpp"

#include "support/catch.hpp"

#include <chrono>
#include <optional>
#include <vector>

namespace gantry::transfer {
namespace {

using namespace std::chrono_literals;

failure error_of(errc code, std::optional<std::chrono::seconds> retry_after = {}) {
  failure made(code, "it failed");
  made.retry_after = retry_after;
  return made;
}

/// How many attempts are made when every one fails like this, at most \p limit.
unsigned attempts(retry_policy::parameters values, errc code, bool answered, unsigned limit = 50) {
  retry_policy policy(values, 1);
  unsigned made = 1;
  while (made < limit && policy.after(error_of(code), 0, 0ms, answered)) ++made;
  return made;
}

TEST_CASE("attempts by kind of error") {
  struct row {
    errc code;
    bool answered;
    unsigned attempts;  ///< 50: without an end of their own
  };
  const std::vector<row> table{
      {errc::not_found, true, 1},           {errc::unauthorized, true, 1},       {errc::digest_mismatch, true, 1},
      {errc::cancelled, true, 1},           {errc::tls_not_trusted, true, 1},    {errc::no_space, true, 1},
      {errc::server_error, true, 6},        {errc::range_refused, true, 6},      {errc::rate_limited, true, 6},
      {errc::server_error, false, 6},       {errc::connection_lost, true, 50},   {errc::timed_out, true, 50},
      {errc::too_slow, true, 50},           {errc::connection_lost, false, 50},  {errc::timed_out, false, 50},
      {errc::connection_refused, true, 50}, {errc::name_not_resolved, true, 50}, {errc::connection_refused, false, 3},
      {errc::name_not_resolved, false, 3},
  };
  for (const row& one : table) {
    INFO(make_error_code(one.code).message() << (one.answered ? ", answered before" : ", first contact"));
    CHECK(attempts({}, one.code, one.answered) == one.attempts);
  }
}

TEST_CASE("the number of attempts can be chosen, down to one") {
  CHECK(attempts({1, 500ms, 15min}, errc::server_error, true) == 1);
  CHECK(attempts({2, 500ms, 15min}, errc::server_error, true) == 2);
  CHECK(attempts({1, 500ms, 15min}, errc::connection_refused, false) == 1);
  CHECK(attempts({2, 500ms, 15min}, errc::connection_refused, false) == 2);
  CHECK(attempts({6, 500ms, 15min}, errc::connection_refused, false) == 3);
  // More than usual: somebody waits for a registry that starts.
  CHECK(attempts({7, 500ms, 15min}, errc::connection_refused, false) == 7);
  CHECK(attempts({10, 500ms, 15min}, errc::name_not_resolved, false) == 10);
}

TEST_CASE("among others a registry that has never answered is given up soon") {
  retry_policy::parameters values;
  values.among_others = true;
  CHECK(attempts(values, errc::timed_out, false) == 3);
  CHECK(attempts(values, errc::timed_out, true) == 50);
  CHECK(attempts(values, errc::connection_lost, false) == 50);
  values.attempts = 10;
  CHECK(attempts(values, errc::timed_out, false) == 3);
}

TEST_CASE("error answers are counted through transport errors between them") {
  retry_policy policy({3, 500ms, 15min}, 1);
  CHECK(policy.after(error_of(errc::server_error), 0, 0ms, true));
  CHECK(policy.after(error_of(errc::connection_lost), 0, 0ms, true));
  CHECK(policy.after(error_of(errc::server_error), 0, 0ms, true));
  CHECK(policy.after(error_of(errc::connection_lost), 0, 0ms, true));
  CHECK_FALSE(policy.after(error_of(errc::server_error), 0, 0ms, true));
  CHECK(policy.failures() == 5);
}

TEST_CASE("64 KiB of progress make everything anew, a byte less does not") {
  for (const bool enough : {true, false}) {
    const std::uint64_t progress = retry_policy::progress_that_counts - (enough ? 0 : 1);
    retry_policy policy({2, 500ms, 15min}, 1);
    CHECK(policy.after(error_of(errc::server_error), 0, 0ms, true));
    const auto second = policy.after(error_of(errc::server_error), progress, 0ms, true);
    CHECK(second.has_value() == enough);
    if (!enough) continue;
    CHECK(policy.failures() == 1);
    CHECK(*second <= 625ms);
  }
}

TEST_CASE("delays double from the first, vary by a quarter and stay below the cap") {
  retry_policy policy({6, 500ms, 24h}, 7);
  std::chrono::milliseconds expected = 500ms;
  for (int i = 0; i < 12; ++i) {
    const auto delay = policy.after(error_of(errc::connection_lost), 0, 0ms, true);
    REQUIRE(delay);
    CHECK(*delay >= expected * 3 / 4);
    CHECK(*delay <= expected * 5 / 4);
    expected = std::min<std::chrono::milliseconds>(expected * 2, 30s);
  }
}

TEST_CASE("a server that says when is believed, and not counted") {
  retry_policy policy({2, 500ms, 15min}, 1);
  for (int i = 0; i < 20; ++i) CHECK(policy.after(error_of(errc::rate_limited, 60s), 0, 0ms, true) >= 60s);
  CHECK(policy.after(error_of(errc::server_error, 0s), 0, 0ms, true).has_value());
}

TEST_CASE("the budget ends transport errors, and a wait that goes beyond it is not begun") {
  const retry_policy::parameters values{6, 500ms, 10s};
  CHECK(retry_policy(values, 1).after(error_of(errc::timed_out), 0, 9s, true));
  CHECK_FALSE(retry_policy(values, 1).after(error_of(errc::timed_out), 0, 10s, true));
  CHECK(retry_policy(values, 1).after(error_of(errc::rate_limited, 9s), 0, 0ms, true));
  CHECK_FALSE(retry_policy(values, 1).after(error_of(errc::rate_limited, 11s), 0, 0ms, true));
  CHECK_FALSE(retry_policy(values, 1).after(error_of(errc::rate_limited, 5s), 0, 6s, true));
}

}  // namespace
}  // namespace gantry::transfer
