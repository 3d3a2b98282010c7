#include "registry/status.hpp"

#include "support/catch.hpp"
#include "support/vectors.hpp"

#include <string>

using namespace gantry::registry;
using gantry::errc;

TEST_CASE("vectors: retryable_status", "[vectors]") {
  gantry::test::for_each_row("retryable_status", [](const gantry::test::vector_row& row) {
    registry_error error;
    if (const auto* codes = row.input.as_object().if_contains("codes")) {
      for (const auto& code : codes->as_array()) error.codes.emplace_back(code.as_string());
    }
    const std::string status = row.in("status");
    const unsigned number = status.empty() ? 0 : static_cast<unsigned>(std::stoul(status));
    // Some clients retry under conditions ("once, ..."); how often is not a matter of the status here.
    const bool wanted = row.out_true("retryable") || row.out("retryable").starts_with("once");
    CHECK(is_retryable(number, error) == wanted);
    if (row.expected.as_object().contains("try_next_mirror")) CHECK(try_next_mirror(number) == row.out_true("try_next_mirror"));
  });
}

TEST_CASE("a code does not overrule a status that says more") {
  registry_error error;
  error.codes = {"UNKNOWN"};
  for (const unsigned status : {401U, 403U, 404U, 410U, 416U}) CHECK_FALSE(is_retryable(status, error));
  CHECK(is_retryable(400, error));
}

TEST_CASE("statuses become the errors that callers branch on") {
  CHECK(errc_of_status(401) == errc::unauthorized);
  CHECK(errc_of_status(403) == errc::forbidden);
  CHECK(errc_of_status(404) == errc::not_found);
  CHECK(errc_of_status(416) == errc::range_refused);
  CHECK(errc_of_status(429) == errc::rate_limited);
  CHECK(errc_of_status(400) == errc::unexpected_status);
  CHECK(errc_of_status(501) == errc::unexpected_status);
  for (const unsigned status : {408U, 499U, 500U, 502U, 503U, 504U, 522U, 524U}) CHECK(errc_of_status(status) == errc::server_error);
}

TEST_CASE("every retryable status is a retryable error") {
  for (unsigned status = 400; status < 600; ++status) {
    if (status == 416) continue;  // retried as a range, not as a status
    CAPTURE(status);
    CHECK((make_error_code(errc_of_status(status)) == make_error_condition(gantry::condition::retryable)) == is_retryable_status(status));
  }
}

TEST_CASE("a failure keeps the server's words apart and its wish to be left alone") {
  gantry::http::response_head head;
  head.status = 429;
  head.headers = {{"Retry-After", "7"}};
  const auto failed = status_failure("manifest of a", head, R"({"errors":[{"code":"TOOMANYREQUESTS","message":"later"}]})", {});
  CHECK(failed.code == errc::rate_limited);
  CHECK(failed.text.message() == "manifest of a: the server answered 429 Too Many Requests");
  CHECK(failed.text.server_message() == "TOOMANYREQUESTS: later");
  CHECK(failed.retry_after == std::chrono::seconds(7));
}

TEST_CASE("that a registry is read-only is guessed where it does not say so itself") {
  gantry::http::response_head head;
  head.status = 405;
  const auto silent = refused_writing(status_failure("new", head, {}, {}), 405);
  CHECK(silent.text.message().ends_with(": it takes no uploads; read-only?"));
  const auto plain = refused_writing(
      status_failure("new", head, R"({"errors":[{"code":"UNSUPPORTED","message":"this registry is read-only"}]})", {}), 405);
  CHECK(plain.text.message().ends_with(": it takes no uploads"));
  CHECK(plain.text.server_message().find("read-only") != std::string::npos);
}
