#include "http/client.hpp"

#include "support/scripted_server.hpp"
#include "unit/http/client_fixture.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace gantry::http {
namespace {

using fixture = client_fixture;

TEST_CASE("a connection that the server wants closed is not kept") {
  fixture f;
  const auto record = f.keep({scripted_stream::text(head("Content-Length: 5\r\nConnection: close\r\n") + "hello")});
  CHECK(test::must(f.fetch()) == "hello");
  CHECK(record->closed);
}

TEST_CASE("an exchange dropped in the middle closes its connection") {
  fixture f;
  const auto record = f.keep({scripted_stream::text(head("Content-Length: 9\r\n") + "hello"), scripted_stream::stall()});
  {
    const exchange reply = test::must(f.send(f.get()));
    CHECK_FALSE(record->closed);
  }
  CHECK(record->closed);
}

TEST_CASE("a GET that a kept connection swallowed is sent once more over a fresh one") {
  for (const error_code how :
       {error_code(), error_code(boost::asio::error::connection_reset), error_code(boost::asio::ssl::error::stream_truncated)}) {
    INFO(how.message());
    fixture f;
    test::scripted_server server({test::answers({head("Content-Length: 5\r\n") + "fresh"})});
    f.port = server.port();
    const auto stale = f.keep({scripted_stream::fail(how)});
    CHECK(test::must(f.fetch()) == "fresh");
    CHECK(stale->closed);
    CHECK(server.connections() == 1);
  }
}

TEST_CASE("what a kept connection brings late of the answer before is not taken for the next one") {
  fixture f;
  test::scripted_server server({test::answers({head("Content-Length: 5\r\n") + "fresh"})});
  f.port = server.port();
  const auto late = f.keep({scripted_stream::text("surplus of the body before\r\n\r\n")});
  CHECK(test::must(f.fetch()) == "fresh");
  CHECK(late->closed);
  CHECK(server.connections() == 1);
}

TEST_CASE("a fresh connection is chosen even when other kept ones are there, and is tried once") {
  fixture f;
  test::scripted_server server({[](test::socket_handle& connection) { test::receive_head(connection); }});
  f.port = server.port();
  f.keep({scripted_stream::text(head("Content-Length: 5\r\n") + "other")});
  const auto stale = f.keep({scripted_stream::end()});
  test::must_fail(f.fetch(), errc::connection_lost);
  CHECK(server.connections() == 1);
}

TEST_CASE("a POST that a kept connection swallowed is not repeated") {
  fixture f;
  test::scripted_server server({test::answers({head("Content-Length: 0\r\n")})});
  f.port = server.port();
  f.keep({scripted_stream::end()});
  request message = f.get();
  message.verb = method::post;
  message.body = "once";
  test::must_fail(f.send(message), errc::connection_lost);
  CHECK(server.connections() == 0);
}

TEST_CASE("an answer that began is not asked for again") {
  fixture f;
  test::scripted_server server({test::answers({head("Content-Length: 0\r\n")})});
  f.port = server.port();
  f.keep({scripted_stream::text("HTTP/1.1 20"), scripted_stream::end()});
  test::must_fail(f.fetch(), errc::connection_lost);
  CHECK(server.connections() == 0);
}

TEST_CASE("an answer counts although the request could not be written to its end") {
  fixture f;
  f.keep({scripted_stream::text(head("Content-Length: 2\r\n", "413 Content Too Large") + "no")}, boost::asio::error::broken_pipe);
  const exchange reply = test::must(f.send(f.get()));
  CHECK(reply.head().status == 413);
}

TEST_CASE("a head that does not come is given up after its limit") {
  fixture f({150ms, 10s});
  const auto record = f.keep({scripted_stream::text("HTTP/1.1 200 OK\r\n"), scripted_stream::stall()});
  const test::stopwatch watch;
  test::must_fail(f.fetch(), errc::timed_out);
  CHECK(watch.elapsed() >= 140ms);
  CHECK(record->closed);
}

TEST_CASE("a kept connection that only stays silent is not tried again behind the caller's back") {
  fixture f({150ms, 10s});
  test::scripted_server server({test::answers({head("Content-Length: 0\r\n")})});
  f.port = server.port();
  f.keep({scripted_stream::stall()});
  test::must_fail(f.fetch(), errc::timed_out);
  CHECK(server.connections() == 0);
}

TEST_CASE("a silent body is given up after the idle limit") {
  fixture f({10s, 150ms});
  f.keep({scripted_stream::text(head("Content-Length: 9\r\n") + "hello"), scripted_stream::stall()});
  const test::stopwatch watch;
  test::must_fail(f.fetch(), errc::timed_out);
  CHECK(watch.elapsed() >= 140ms);
}

task<result<std::string>> read_slowly(exchange& reply, std::chrono::milliseconds pause) {
  std::vector<std::byte> block(4);
  const result<std::size_t> first = co_await reply.read(block);
  if (!first) co_return first.error();
  const runtime::executor where = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(where, pause);
  co_await timer.async_wait(runtime::use_task);
  co_return co_await reply.read_all(100);
}

TEST_CASE("the idle limit does not run while the consumer is busy") {
  fixture f({10s, 100ms});
  f.keep({scripted_stream::text(head("Content-Length: 8\r\n")), scripted_stream::text("hell"), scripted_stream::text("o!!!")});
  exchange reply = test::must(f.send(f.get()));
  CHECK(test::must(f.loop.run(read_slowly(reply, 300ms))) == "o!!!");
}

TEST_CASE("a stop ends the wait for the head and for the body") {
  fixture f;
  const auto waiting = f.keep({scripted_stream::stall()});
  std::optional<result<exchange>> head_outcome;
  f.loop.spawn(f.asking.send(f.get(), f.stop), head_outcome);
  f.loop.poll();
  CHECK_FALSE(head_outcome);
  const test::stopwatch watch;
  f.stop.request_stop();
  f.loop.drain();
  REQUIRE(head_outcome);
  test::must_fail(*head_outcome, errc::cancelled);
  CHECK(waiting->closed);

  fixture g;
  g.keep({scripted_stream::text(head("Content-Length: 9\r\n") + "hello"), scripted_stream::stall()});
  exchange reply = test::must(g.send(g.get()));
  std::optional<result<std::string>> body_outcome;
  g.loop.spawn(reply.read_all(100), body_outcome);
  g.loop.poll();
  CHECK_FALSE(body_outcome);
  g.stop.request_stop();
  g.loop.drain();
  REQUIRE(body_outcome);
  test::must_fail(*body_outcome, errc::cancelled);
  CHECK(watch.elapsed() < 5s);
}

TEST_CASE("a stop of the past sends nothing, not even over a kept connection") {
  fixture f({300ms, 300ms});
  const auto record = f.keep({scripted_stream::stall()});
  f.stop.request_stop();
  test::must_fail(f.send(f.get()), errc::cancelled);
  CHECK(record->written.empty());
}

TEST_CASE("failures name the place without the query") {
  fixture f;
  f.keep({scripted_stream::text(head("Content-Length: 9\r\n") + "hello"), scripted_stream::end()});
  exchange reply = test::must(f.send(f.get("/blob?X-Amz-Signature=secret")));
  CHECK(reply.where().find("secret") == std::string::npos);
  const failure said = test::must_fail(f.loop.run(reply.read_all(100)), errc::connection_lost);
  CHECK(said.text.message().find("/blob") != std::string::npos);
  CHECK(said.text.message().find("secret") == std::string::npos);
}

TEST_CASE("a request that cannot be written as HTTP is not sent") {
  fixture f;
  const auto record = f.keep({scripted_stream::stall()});
  request message = f.get();
  message.set("X-Field", "a\r\nInjected: b");
  test::must_fail(f.send(message), errc::internal_error);
  CHECK(record->written.empty());
}

}  // namespace
}  // namespace gantry::http
