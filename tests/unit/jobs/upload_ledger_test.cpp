#include "jobs/upload_ledger.hpp"

#include "support/catch.hpp"
#include "support/loop.hpp"

#include <optional>
#include <string>

namespace gantry::jobs {
namespace {

digest named(char letter) {
  error_code ec;
  return digest::parse("sha256:" + std::string(64, letter), ec);
}

const std::string here = "registry.test";

}  // namespace

TEST_CASE("a blob is mounted from a repository that was seen to have it, else from one that may") {
  upload_ledger ledger;
  const digest blob = named('a');
  CHECK(ledger.other_repository(here, blob, "new").empty());
  ledger.add(here, mount_hints{{blob, {"guess", "other"}}});
  CHECK(ledger.other_repository(here, blob, "new") == "guess");
  CHECK_FALSE(ledger.has(here, blob, "guess"));
  CHECK_FALSE(ledger.has_anywhere(here, blob));
  ledger.add(here, blob, "seen", true);
  CHECK(ledger.other_repository(here, blob, "new") == "seen");
  CHECK(ledger.has(here, blob, "seen"));
  CHECK(ledger.has_anywhere(here, blob));
  CHECK_FALSE(ledger.has_anywhere("else.test", blob));
  // Never from itself, from another registry, or another blob.
  CHECK(ledger.other_repository(here, blob, "seen") == "guess");
  CHECK(ledger.other_repository("else.test", blob, "new").empty());
  CHECK(ledger.other_repository(here, named('b'), "new").empty());
  // What was seen is not forgotten for a guess.
  ledger.add(here, blob, "seen", false);
  CHECK(ledger.has(here, blob, "seen"));
}

TEST_CASE("one blob goes into a registry once at a time") {
  test::loop loop;
  upload_ledger ledger;
  runtime::stop_source stop;
  std::optional<upload_ledger::claim> first(loop.run(ledger.enter(here, named('a'), stop)));
  REQUIRE(*first);
  CHECK(loop.run(ledger.enter(here, named('b'), stop)));
  CHECK(loop.run(ledger.enter("else.test", named('a'), stop)));
  std::optional<upload_ledger::claim> second;
  loop.spawn(ledger.enter(here, named('a'), stop), second);
  loop.poll();
  CHECK_FALSE(second);
  first.reset();
  loop.drain();
  REQUIRE(second);
  CHECK(*second);
  std::optional<upload_ledger::claim> third;
  loop.spawn(ledger.enter(here, named('a'), stop), third);
  loop.poll();
  stop.request_stop();
  loop.drain();
  REQUIRE(third);
  CHECK_FALSE(*third);
}

TEST_CASE("what one blob met at a registry is known of that registry") {
  upload_ledger ledger;
  registry::upload_refusals met;
  met.stream = true;
  met.too_large = 100;
  ledger.learn(here, met);
  met = {};
  met.whole = true;
  met.too_large = 200;
  ledger.learn(here, met);
  CHECK(ledger.refusals(here).stream);
  CHECK(ledger.refusals(here).whole);
  CHECK_FALSE(ledger.refusals(here).pieces);
  CHECK(ledger.refusals(here).too_large == 100);
  CHECK(ledger.refusals("else.test") == registry::upload_refusals());
}

}  // namespace gantry::jobs
