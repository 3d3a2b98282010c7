#include "http/governor.hpp"

#include "support/catch.hpp"

using gantry::http::governor;
using namespace std::chrono_literals;
using kind = governor::advice::kind;

namespace {

const governor::time_point start = governor::time_point() + 1h;

unsigned let_go(governor& host, governor::time_point now, unsigned wanting) {
  unsigned gone = 0;
  while (gone < wanting && host.ask(now, 15min).what == kind::go) ++gone;
  return gone;
}

}  // namespace

TEST_CASE("a host that never complained gets everything at once") {
  governor host;
  CHECK(let_go(host, start, 1000) == 1000);
}

TEST_CASE("after a refusal nothing goes until the time is over, then one, then twice as many each time") {
  governor host;
  CHECK(let_go(host, start, 50) == 50);
  for (int i = 0; i < 50; ++i) host.answered(start, 429, 2s);
  CHECK(host.ask(start, 15min).what == kind::wait);
  CHECK(host.ask(start, 15min).pause == 2s);
  CHECK(host.ask(start + 1999ms, 15min).what == kind::wait);
  const auto later = start + 2s;
  CHECK(let_go(host, later, 50) == 1);
  CHECK(host.ask(later, 15min).what == kind::wait_turn);
  host.answered(later, 200, {});
  CHECK(let_go(host, later, 50) == 2);
  host.answered(later, 200, {});
  host.answered(later, 404, {});
  CHECK(let_go(host, later, 50) == 8);
}

TEST_CASE("a host that does not say how long is left alone longer each time, once for a burst") {
  governor host;
  let_go(host, start, 3);
  host.answered(start, 429, {});
  host.answered(start, 429, {});
  host.answered(start + 10ms, 429, {});
  CHECK(host.rests_until() == start + 500ms);
  let_go(host, start + 500ms, 1);
  host.answered(start + 500ms, 429, {});
  CHECK(host.rests_until() == start + 1500ms);
  governor::time_point now = start + 1500ms;
  for (int i = 0; i < 20; ++i) {
    let_go(host, now, 1);
    host.answered(now, 429, {});
    CHECK(host.rests_until() - now <= 30s);
    now = host.rests_until();
  }
}

TEST_CASE("503 counts only when it says how long, other errors never") {
  governor host;
  for (const unsigned status : {500U, 502U, 503U, 504U, 404U, 401U}) {
    let_go(host, start, 1);
    host.answered(start, status, {});
    CHECK(host.ask(start, 15min).what == kind::go);
    host.lost();
  }
  let_go(host, start, 1);
  host.answered(start, 503, 5s);
  CHECK(host.ask(start, 15min).what == kind::wait);
}

TEST_CASE("a wait beyond the caller's patience is told at once") {
  governor host;
  let_go(host, start, 1);
  host.answered(start, 429, std::chrono::seconds(86'400));
  const auto advice = host.ask(start, 15min);
  CHECK(advice.what == kind::come_later);
  CHECK(advice.pause == 24h);
}

TEST_CASE("a request that gets no answer makes room") {
  governor host;
  host.rest_until(start);
  CHECK(host.ask(start, 1s).what == kind::go);
  CHECK(host.ask(start, 1s).what == kind::wait_turn);
  host.lost();
  CHECK(host.ask(start, 1s).what == kind::go);
}

TEST_CASE("a wait of an earlier run holds for nobody in particular, one request at a time goes for a user") {
  governor host;
  host.rest_until(start + 1h);
  CHECK(host.is_inherited());
  CHECK(host.ask(start, 15min).what == kind::come_later);
  CHECK(host.ask(start, 15min, true).what == kind::go);
  CHECK(host.ask(start, 15min, true).what == kind::wait_turn);
  host.answered(start, 200, {}, true);
  CHECK(host.ask(start, 15min).what == kind::come_later);
  CHECK(host.ask(start, 15min, true).what == kind::go);
  host.answered(start, 429, 2h, true);
  CHECK_FALSE(host.is_inherited());
  CHECK(host.told_to_user());
  CHECK(host.ask(start, 15min, true).what == kind::come_later);
  CHECK(host.rests_until() == start + 2h);
}
