#include "support/process.hpp"

#include "support/catch.hpp"

#include <fstream>

using namespace gantry::test;
using namespace std::chrono_literals;

TEST_CASE("a program's output, errors and status are kept apart", "[process]") {
  const outcome result = run({{"sh", "-c", "cat; echo bad >&2; exit 3"}, {}, {}, "in\n"});
  CHECK(result.out == "in\n");
  CHECK(result.err == "bad\n");
  CHECK(result.status == 3);
  CHECK(result.signal == 0);
  CHECK(result.max_rss_kib > 0);
}

TEST_CASE("variables are set and removed and the directory is changed", "[process]") {
  const outcome result = run({{"sh", "-c", "echo $GREETING-$HOME; pwd"}, {{"GREETING", "hello"}, {"HOME", std::nullopt}}, "/usr"});
  CHECK(result.out == "hello-\n/usr\n");
}

TEST_CASE("a program that takes too long is killed", "[process]") {
  const outcome result = run({{"sleep", "60"}}, 100ms);
  CHECK(result.timed_out);
  CHECK(result.signal == SIGKILL);
}

TEST_CASE("input that nobody reads does no harm", "[process]") { CHECK(run({{"true"}, {}, {}, std::string(1'000'000, 'x')}).ok()); }

TEST_CASE("a program that is not there is reported", "[process]") {
  CHECK_THROWS(run({{"/no/such/program"}}));
  CHECK_FALSE(has_program("no-such-program-anywhere"));
  CHECK(has_program("sh"));
}

TEST_CASE("a background program runs until it is told to end", "[process]") {
  child sleeper({{"sleep", "60"}}, {});
  CHECK(sleeper.running());
  sleeper.signal(SIGTERM);
  const auto ended = sleeper.wait(5s);
  REQUIRE(ended);
  CHECK(ended->signal == SIGTERM);
  CHECK_FALSE(sleeper.running());
}
