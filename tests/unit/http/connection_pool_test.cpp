#include "http/connection_pool.hpp"

#include "support/loop.hpp"
#include "support/no_descriptors.hpp"
#include "support/result.hpp"
#include "support/scripted_server.hpp"
#include "support/scripted_stream.hpp"

#include <memory>
#include <optional>
#include <string>

namespace gantry::http {
namespace {

using namespace std::chrono_literals;
using kept = std::unique_ptr<connection>;

struct fixture {
  test::loop loop;  // outlives the connections that are kept
  runtime::lanes workers;
  net::connector connections{workers, net::connect_limits{10s, 10s}};
  connection_pool pool{connections};
  runtime::stop_source stop;
  test::scripted_server server{{test::await_end}};

  net::endpoint place(std::string host = "127.0.0.1") const {
    net::endpoint where;
    where.host = std::move(host);
    where.port = server.port();
    where.secure = false;
    return where;
  }
  std::shared_ptr<test::stream_record> keep(const net::endpoint& where, bool quiet = true) {
    auto record = std::make_shared<test::stream_record>();
    auto stream = std::make_unique<test::scripted_stream>(loop.executor, std::deque<test::scripted_stream::step>(), record);
    stream->is_quiet = quiet;
    pool.give_back(std::make_unique<connection>(where, std::move(stream)));
    return record;
  }
  kept acquire(const net::endpoint& where, bool fresh = false, std::uint64_t user = 0) {
    return test::must(loop.run(pool.acquire(where, fresh, stop, user)));
  }
  /// Writes through \p one, so that the record of a scripted stream shows which it is.
  void mark(connection& one) {
    const std::byte byte{'x'};
    loop.run(write(one, std::span(&byte, 1)));
  }
  static task<> write(connection& one, std::span<const std::byte> bytes) { co_await one.stream->write_all(bytes); }
};

TEST_CASE("the youngest idle connection of an equal endpoint is used first") {
  fixture f;
  const auto old = f.keep(f.place());
  const auto young = f.keep(f.place());
  const kept first = f.acquire(f.place());
  CHECK(first->reused);
  f.mark(*first);
  CHECK(young->written == "x");
  const kept second = f.acquire(f.place());
  f.mark(*second);
  CHECK(old->written == "x");
  CHECK(f.server.connections() == 0);
}

TEST_CASE("so many endpoints are known at most, and those with connections are among them") {
  fixture f;
  const auto idle = f.keep(f.place("idle.test"));
  const kept lent = f.acquire(f.place());
  for (std::size_t i = 0; i < connection_pool::most_places + 10; ++i) f.pool.one_at_a_time(f.place(std::to_string(i) + ".test"));
  CHECK(f.pool.open_to(f.place()) == 1);
  CHECK(f.pool.open_to(f.place("idle.test")) == 1);
  CHECK(f.pool.known_places() == 2);
}

TEST_CASE("a connection that has carried something goes before one that was only opened") {
  fixture f;
  const auto used = f.keep(f.place());
  auto record = std::make_shared<test::stream_record>();
  auto stream = std::make_unique<test::scripted_stream>(f.loop.executor, std::deque<test::scripted_stream::step>(), record);
  stream->is_quiet = true;
  f.pool.keep(std::make_unique<connection>(f.place(), std::move(stream)));
  const kept first = f.acquire(f.place());
  f.mark(*first);
  CHECK(used->written == "x");
  const kept second = f.acquire(f.place());
  f.mark(*second);
  CHECK(record->written == "x");
}

TEST_CASE("connections to an endpoint are counted, idle or lent, whosever they are") {
  fixture f;
  CHECK(f.pool.open_to(f.place()) == 0);
  f.keep(f.place());
  f.keep(f.place("127.0.0.2"));
  kept lent = f.acquire(f.place(), true, 7);
  CHECK(f.pool.open_to(f.place()) == 2);
  lent.reset();
  CHECK(f.pool.open_to(f.place()) == 1);
}

TEST_CASE("endpoints that differ in anything share no connection") {
  fixture f;
  f.keep(f.place("127.0.0.2"));
  net::endpoint trusting = f.place();
  trusting.tls.verify = false;
  f.keep(trusting);
  const kept made = f.acquire(f.place());
  CHECK_FALSE(made->reused);
}

TEST_CASE("connections of different users are apart, and one of nobody goes to the first who comes") {
  fixture f;
  constexpr std::uint64_t alice = 7;
  constexpr std::uint64_t bob = 8;
  const auto plain = f.keep(f.place());
  kept line = f.acquire(f.place(), false, alice);
  f.mark(*line);
  CHECK(plain->written == "x");
  f.pool.give_back(std::move(line));
  // Neither bob nor somebody without a name gets what was alice's.
  const kept of_bob = f.acquire(f.place(), false, bob);
  CHECK_FALSE(of_bob->reused);
  CHECK(of_bob->user == bob);
  CHECK_FALSE(f.acquire(f.place())->reused);
  const kept again = f.acquire(f.place(), false, alice);
  CHECK(again->reused);
  f.mark(*again);
  CHECK(plain->written == "xx");
}

TEST_CASE("a connection on which something waits is closed, not used") {
  fixture f;
  const auto noisy = f.keep(f.place(), false);
  const kept made = f.acquire(f.place());
  CHECK_FALSE(made->reused);
  CHECK(noisy->closed);
}

TEST_CASE("a fresh connection leaves the idle ones alone") {
  fixture f;
  const auto idle = f.keep(f.place());
  const kept made = f.acquire(f.place(), true);
  CHECK_FALSE(made->reused);
  CHECK_FALSE(idle->closed);
  CHECK(f.acquire(f.place())->reused);
}

TEST_CASE("where no descriptor is left, the next connection waits for one that is lent") {
  if (!test::descriptors_may_run_out()) return;
  fixture f;
  test::scripted_server other({test::await_end, test::await_end});
  net::endpoint elsewhere = f.place();
  elsewhere.port = other.port();
  kept lent = f.acquire(f.place());
  const test::stopwatch watch;
  while (f.server.connections() == 0 && watch.elapsed() < 10s) f.loop.run_for(5ms);
  std::optional<result<kept>> outcome;
  {
    const test::no_descriptors none;
    f.loop.spawn(f.pool.acquire(elsewhere, false, f.stop), outcome);
    f.loop.run_for(100ms);
    CHECK_FALSE(outcome);
    lent.reset();
    f.loop.drain();
  }
  REQUIRE(outcome);
  CHECK(test::must(std::move(*outcome))->where == elsewhere);
}

TEST_CASE("where no descriptor is left, what is idle makes room") {
  if (!test::descriptors_may_run_out()) return;
  fixture f;
  test::scripted_server other({test::await_end});
  net::endpoint elsewhere = f.place();
  elsewhere.port = other.port();
  f.pool.give_back(f.acquire(f.place()));
  const test::stopwatch watch;
  while (f.server.connections() == 0 && watch.elapsed() < 10s) f.loop.run_for(5ms);
  const test::no_descriptors none;
  CHECK(f.acquire(elsewhere)->where == elsewhere);
}

TEST_CASE("where no descriptor is left and no connection is lent or idle, there is none to wait for") {
  if (!test::descriptors_may_run_out()) return;
  fixture f;
  {
    const kept first = f.acquire(f.place());  // opens what the loop needs for itself
    const test::stopwatch watch;
    while (f.server.connections() == 0 && watch.elapsed() < 10s) f.loop.run_for(5ms);
  }
  const test::no_descriptors none;
  test::must_fail(f.loop.run(f.pool.acquire(f.place("127.0.0.2"), false, f.stop)), errc::storage_error);
}

TEST_CASE("clearing the pool closes what is idle") {
  fixture f;
  const auto idle = f.keep(f.place());
  f.pool.clear();
  CHECK(idle->closed);
  CHECK_FALSE(f.acquire(f.place())->reused);
}

TEST_CASE("after a refusal nothing idle is kept, nor the connection that brought it") {
  fixture f;
  const auto first = f.keep(f.place());
  const auto other = f.keep(f.place("127.0.0.2"));
  f.keep(f.place());
  {
    kept used = f.acquire(f.place());
    f.pool.refused(*used);
    CHECK(first->closed);
    CHECK_FALSE(other->closed);
    f.pool.give_back(std::move(used));
  }
  CHECK(f.server.connections() == 0);
  kept fresh = f.acquire(f.place());
  CHECK_FALSE(fresh->reused);
}

TEST_CASE("a kept connection that its server closed meanwhile is not used") {
  test::scripted_server closing({[](test::socket_handle& connection) { connection.receive(1); }});
  fixture f;
  net::endpoint where = f.place();
  where.port = closing.port();
  kept one = f.acquire(where);
  f.mark(*one);  // the server closes after the first byte
  const test::stopwatch watch;
  while (one->stream->quiet() && watch.elapsed() < 10s) f.loop.run_for(5ms);
  f.pool.give_back(std::move(one));
  CHECK_FALSE(f.acquire(where)->reused);
}

}  // namespace
}  // namespace gantry::http
