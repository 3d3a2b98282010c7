#include "registry/quota.hpp"

#include "support/catch.hpp"

#include <string>

using namespace gantry;
using namespace gantry::registry;

namespace {

http::response_head answer(std::string remaining, std::string limit = {}) {
  http::response_head head;
  head.headers.push_back({"RateLimit-Remaining", std::move(remaining)});
  if (!limit.empty()) head.headers.push_back({"ratelimit-limit", std::move(limit)});
  return head;
}

}  // namespace

TEST_CASE("Docker Hub's fields are read, with and without window") {
  const auto said = quota_of(answer("8;w=21600", "100;w=21600")).value();
  CHECK(said.remaining == 8);
  CHECK(said.limit == 100);
  CHECK(to_string(said) == "8 of 100 requests left within 6 h");
  CHECK(to_string(quota_of(answer("5", "50, 50;w=60")).value()) == "5 of 50 requests left within 1 min");
  CHECK(to_string(quota_of(answer("3")).value()) == "3 requests left");
}

TEST_CASE("little is a tenth of the limit, or fewer than ten") {
  CHECK(quota_of(answer("10", "100")).value().is_low());
  CHECK_FALSE(quota_of(answer("11", "100")).value().is_low());
  CHECK(quota_of(answer("9")).value().is_low());
  CHECK_FALSE(quota_of(answer("10")).value().is_low());
  CHECK_FALSE(quota_of(answer("1844674407370955162", "100")).value().is_low());
}

TEST_CASE("what is no number says nothing") {
  CHECK_FALSE(quota_of(http::response_head()));
  for (const char* text : {"", "many", "-1", "1.5", "99999999999999999999", "8 left"}) CHECK_FALSE(quota_of(answer(text)));
  CHECK(quota_of(answer("8;w=oops", "x")).value().window.count() == 0);
}
