#include "jobs/run_order.hpp"

#include "support/catch.hpp"
#include "support/loop.hpp"

#include <map>
#include <string>
#include <vector>

namespace gantry::jobs {
namespace {

using std::chrono::milliseconds;
using time_point = run_order::clock::time_point;

struct run {
  explicit run(std::size_t at_once = 2)
      : order([this](const std::string& registry) { return last(registry); }, at_once, std::chrono::minutes(1)) {}

  std::optional<time_point> last(const std::string& registry) const {
    const auto known = answers.find(registry);
    return known == answers.end() ? std::nullopt : std::optional(known->second);
  }
  void answer(const std::string& registry, time_point when = run_order::clock::now()) { answers[registry] = when; }

  /// The number of the image whose turn it is; -1: of none at the moment.
  int take() {
    runtime::stop_source stop;
    std::optional<std::optional<run_order::turn>> mine;
    loop.spawn(order.next(stop), mine);
    loop.run_for(milliseconds(50));
    stop.request_stop();
    loop.drain();
    if (!mine || !*mine) return -1;
    const int index = static_cast<int>((*mine)->index());
    turns.push_back(std::move(**mine));
    return index;
  }

  test::loop loop;
  std::map<std::string, time_point> answers;
  run_order order;
  std::vector<run_order::turn> turns;
};

TEST_CASE("a registry that has not answered is asked by one image, and takes no place from the others") {
  run r;
  r.answer("from");
  r.answer("good");
  for (int i = 0; i < 3; ++i) {
    r.order.add({"from", "dead"});
    r.order.add({"from", "good"});
  }
  CHECK(r.order.workers() == 4);
  CHECK(r.take() == 0);
  CHECK(r.take() == 1);
  CHECK(r.take() == 3);
  CHECK(r.take() == -1);  // two to the good one are enough at once, and the dead one has not answered
  r.answer("dead");
  CHECK(r.take() == 2);
  CHECK(r.take() == -1);
  r.turns.clear();
  CHECK(r.take() == 4);
  CHECK(r.take() == 5);
  CHECK(r.take() == -1);
}

TEST_CASE("a source among several is asked by one image, one alone by an image for each target") {
  run r;
  for (const std::string target : {"a", "b"}) r.order.add({"from", target});
  CHECK(r.take() == 0);
  CHECK(r.take() == 1);
  run several;
  several.answer("to");
  for (const std::string source : {"dead", "good", "dead", "good"}) several.order.add({source, "to"});
  CHECK(several.take() == 0);
  CHECK(several.take() == 1);
  CHECK(several.take() == -1);
  several.answer("good");
  CHECK(several.take() == 3);
}

TEST_CASE("what was given up is not tried again, and says with what it was found") {
  run r(1);
  r.answer("from");
  for (int i = 0; i < 3; ++i) r.order.add({"from", "dead"});
  CHECK(r.take() == 0);
  CHECK_FALSE(r.order.given_up({"from", "dead"}));
  r.order.failed({"from", "dead"}, "dead/app:1", failure(errc::timed_out, "no answer in time"));
  const auto gone = r.order.given_up({"from", "dead"});
  REQUIRE(gone);
  CHECK(gone->code == errc::timed_out);
  CHECK(gone->text.message() == "given up: dead does not answer, as was found with dead/app:1");
  CHECK_FALSE(r.order.given_up({"from", "good"}));
  // The others come at once, to be told.
  CHECK(r.take() == 1);
  CHECK(r.take() == 2);
}

TEST_CASE("only silence gives a registry up, and only the one that is silent") {
  run r;
  r.order.failed({"from", "dead"}, "x", failure(errc::connection_refused, "refused"));
  CHECK(r.order.given_up({"from", "other"}));  // the source has never answered: nothing is known of the target
  CHECK_FALSE(r.order.given_up({"other", "dead"}));
  run s;
  s.answer("from");
  s.answer("to");
  s.order.failed({"from", "to"}, "x", failure(errc::timed_out, "its time was over"));
  s.order.failed({"from", "new"}, "x", failure(errc::not_found, "not there"));
  CHECK_FALSE(s.order.given_up({"from", "to"}));
  CHECK_FALSE(s.order.given_up({"from", "new"}));
}

TEST_CASE("a registry that fell silent is given up after its patience, unless the image had less time") {
  const auto long_ago = [] { return run_order::clock::now() + std::chrono::hours(-1); };
  run r;
  r.answer("from", long_ago());
  r.order.succeeded({"from", "to"});
  r.answer("to", long_ago());
  r.order.failed({"from", "to"}, "x", failure(errc::timed_out, "to/app: no answer in time"), true);
  CHECK_FALSE(r.order.given_up({"", "to"}));
  // Which of them it was about is not told.
  r.order.failed({"from", "to"}, "x", failure(errc::timed_out, "late"));
  CHECK_FALSE(r.order.given_up({"from", "to"}));
  r.order.failed({"from", "to"}, "x", failure(errc::timed_out, "to/app: no answer in time"));
  CHECK(r.order.given_up({"", "to"}));
  CHECK_FALSE(r.order.given_up({"from", ""}));
}

}  // namespace
}  // namespace gantry::jobs
