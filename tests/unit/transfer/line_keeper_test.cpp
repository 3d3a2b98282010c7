#include "transfer/line_keeper.hpp"

#include "support/catch.hpp"

namespace gantry::transfer {
namespace {

TEST_CASE("lines are counted while they live") {
  line_keeper keeper;
  runtime::stop_source operation;
  line_keeper::line first(keeper, operation);
  CHECK(first.active() == 1);
  {
    const line_keeper::line second(keeper, operation);
    CHECK(first.active() == 2);
  }
  CHECK(first.active() == 1);
}

TEST_CASE("a stop of the operation stops every line, and is told apart from a drop") {
  line_keeper keeper;
  runtime::stop_source operation;
  line_keeper::line line(keeper, operation);
  operation.request_stop();
  CHECK(line.stop().stop_requested());
  CHECK_FALSE(line.dropped());
}

TEST_CASE("a line tells what its connection holds while somebody can tell") {
  line_keeper keeper;
  runtime::stop_source operation;
  line_keeper::line line(keeper, operation);
  CHECK(line.unread() == 0);
  std::uint64_t held = 7;
  line.measure([&held] { return held; });
  CHECK(line.unread() == 7);
  held = 3;
  CHECK(line.unread() == 3);
  line.measure({});
  CHECK(line.unread() == 0);
}

TEST_CASE("nothing is dropped before a window is over") {
  line_keeper keeper;
  runtime::stop_source operation;
  line_keeper::line crawling(keeper, operation);
  line_keeper::line running(keeper, operation);
  running.received(std::uint64_t{1} << 30);
  keeper.drop_slow();
  CHECK_FALSE(crawling.dropped());
  CHECK_FALSE(crawling.stop().stop_requested());
}

}  // namespace
}  // namespace gantry::transfer
