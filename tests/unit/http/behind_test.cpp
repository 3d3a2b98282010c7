// Requests that are sent behind others, before those are answered.
#include "http/client.hpp"

#include "support/catch.hpp"
#include "support/loop.hpp"
#include "support/result.hpp"
#include "support/scripted_server.hpp"

#include <atomic>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gantry::http {
namespace {

using namespace std::chrono_literals;
using test::conversation;
using test::receive_head;
using test::scripted_server;
using test::socket_handle;

std::string answer(const std::string& body, const std::string& fields = {}) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + fields + "\r\n" + body;
}

task<result<std::string>> fetch_small(client& asking, request message, runtime::stop_source& stop) {
  result<exchange> reply = co_await asking.send(std::move(message), stop);
  if (!reply) co_return reply.error();
  co_return co_await reply->read_all(1 << 20);
}

struct line_up {
  explicit line_up(std::vector<conversation> script, exchange_limits limits = {10s, 10s})
      : server(std::move(script)), asking(connections, limits, [](const origin&) { return net::tls_settings(); }) {}

  request get(const std::string& name, placement how = {}) const {
    request message;
    message.target = test::must(url::parse("http://127.0.0.1:" + std::to_string(server.port()) + "/" + name));
    message.how = how;
    return message;
  }
  /// One that may go behind others, once a connection is open.
  request small(const std::string& name) const { return get(name, {5, 100, 1, false, false}); }
  request ahead(const std::string& name) const { return get(name, {5, 100, 1, false, true}); }

  void start(request message, std::optional<result<std::string>>& into) { start(std::move(message), into, stop); }
  void start(request message, std::optional<result<std::string>>& into, runtime::stop_source& whose) {
    loop.spawn(fetch_small(asking, std::move(message), whose), into);
  }
  struct pair {
    result<std::string> first;
    result<std::string> behind;
  };
  /// The answers to two small requests, of which the second goes out behind the first.
  pair fetch_two(const std::string& first, const std::string& behind) {
    std::optional<result<std::string>> one;
    std::optional<result<std::string>> other;
    start(small(first), one);
    start(small(behind), other);
    loop.drain();
    return {std::move(one).value(), std::move(other).value()};
  }
  std::string fetch(request message) { return test::must(loop.run(fetch_small(asking, std::move(message), stop))); }

  scripted_server server;
  test::loop loop;
  runtime::lanes workers;
  net::connector connections{workers, net::connect_limits{10s, 10s}};
  client asking;
  runtime::stop_source stop;
};

/// The first answer, which shows that the server keeps connections.
void greet(socket_handle& connection) {
  receive_head(connection);
  connection.send(answer("hello"));
}

TEST_CASE("small requests go out behind another before that is answered") {
  line_up f({[](socket_handle& connection) {
    greet(connection);
    const std::string second = receive_head(connection);
    const std::string third = receive_head(connection);
    const std::string fourth = receive_head(connection);
    connection.send(answer(second.substr(0, 6)) + answer(third.substr(0, 6)) + answer(fourth.substr(0, 6)));
    test::await_end(connection);
  }});
  f.fetch(f.small("1"));
  std::optional<result<std::string>> second;
  std::optional<result<std::string>> third;
  std::optional<result<std::string>> fourth;
  f.start(f.small("2"), second);
  f.start(f.ahead("3"), third);
  f.start(f.small("4"), fourth);
  f.loop.drain();
  CHECK(test::must(*second) == "GET /2");
  CHECK(test::must(*third) == "GET /3");
  CHECK(test::must(*fourth) == "GET /4");
  CHECK(f.server.connections() == 1);
}

TEST_CASE("nothing is sent behind a request of unknown size or over a connection that has not been kept before") {
  line_up f({test::answers({answer("a"), answer("c")}), test::answers({answer("b")})});
  std::optional<result<std::string>> first;
  std::optional<result<std::string>> second;
  SECTION("not kept before") {
    f.start(f.small("1"), first);
    f.start(f.small("2"), second);
  }
  SECTION("unknown size") {
    f.fetch(f.small("0"));
    f.start(f.get("1"), first);
    f.start(f.small("2"), second);
  }
  f.loop.drain();
  CHECK(test::must(*first).size() == 1);
  CHECK(test::must(*second).size() == 1);
  CHECK(f.server.connections() == 2);
}

TEST_CASE("a request behind one whose connection breaks is made again") {
  line_up f({[](socket_handle& connection) {
               greet(connection);
               receive_head(connection);
               receive_head(connection);
               connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ncut");
             },
             test::answers({answer("again")})});
  f.fetch(f.small("1"));
  const auto [cut, behind] = f.fetch_two("2", "3");
  test::must_fail(cut, errc::connection_lost);
  CHECK(test::must(behind) == "again");
  CHECK(f.server.connections() == 2);
}

TEST_CASE("a server that drops what is sent behind a request gets one at a time from then on") {
  const bool announced = GENERATE(false, true);
  std::atomic<bool> early = false;
  line_up f({[announced](socket_handle& connection) {
               greet(connection);
               receive_head(connection);
               receive_head(connection);
               connection.send(answer("first", announced ? "Connection: close\r\n" : ""));
             },
             [&early](socket_handle& connection) {
               receive_head(connection);
               connection.send(answer("again"));
               receive_head(connection);
               early = !connection.receive(1, 100ms).empty();
               connection.send(answer("x"));
               receive_head(connection);
               connection.send(answer("y"));
               test::await_end(connection);
             }});
  f.fetch(f.small("1"));
  const auto [first, dropped] = f.fetch_two("2", "3");
  CHECK(test::must(first) == "first");
  CHECK(test::must(dropped) == "again");
  CHECK(f.server.connections() == 2);

  const auto [one, other] = f.fetch_two("4", "5");
  CHECK(test::must(one) == "x");
  CHECK(test::must(other) == "y");
  CHECK_FALSE(early);
  CHECK(f.server.connections() == 2);
}

TEST_CASE("a request that is stopped behind another leaves that alone and spoils the connection") {
  std::atomic<bool> received = false;
  std::atomic<bool> go_on = false;
  line_up f({[&](socket_handle& connection) {
               greet(connection);
               receive_head(connection);
               receive_head(connection);
               received = true;
               go_on.wait(false);
               connection.send(answer("first") + answer("stale"));
               test::await_end(connection);
             },
             test::answers({answer("fresh")})});
  f.fetch(f.small("1"));
  std::optional<result<std::string>> first;
  std::optional<result<std::string>> stopped;
  runtime::stop_source end;
  f.start(f.small("2"), first);
  f.start(f.small("3"), stopped, end);
  while (!received) f.loop.run_for(1ms);
  f.loop.run_for(50ms);  // so that this side knows, too, that the request is out: one that is being written takes the connection with it
  end.request_stop();
  f.loop.poll();
  go_on = true;
  go_on.notify_all();
  f.loop.drain();
  CHECK(test::must(*first) == "first");
  test::must_fail(*stopped, errc::cancelled);
  CHECK(f.fetch(f.small("4")) == "fresh");
  CHECK(f.server.connections() == 2);
}

TEST_CASE("a request ahead without room on a connection fails at once and opens none") {
  line_up f({test::answers({answer("one"), answer("two")})});
  std::optional<result<std::string>> long_one;
  std::optional<result<std::string>> none;
  std::optional<result<std::string>> refused;
  f.start(f.ahead("0"), none);
  f.start(f.get("1"), long_one);
  f.start(f.ahead("2"), refused);
  f.loop.drain();
  test::must_fail(*none, errc::cancelled);
  test::must_fail(*refused, errc::cancelled);
  CHECK(test::must(*long_one) == "one");
  CHECK(f.fetch(f.ahead("3")) == "two");  // over the one that is idle now
  CHECK(f.server.connections() == 1);
}

TEST_CASE("a surplus behind an answer costs the request behind it nothing but a connection") {
  line_up f({[](socket_handle& connection) {
               greet(connection);
               receive_head(connection);
               receive_head(connection);
               connection.send(answer("first") + "\r\nsurplus\r\n\r\n");
               test::await_end(connection);
             },
             test::answers({answer("again")})});
  f.fetch(f.small("1"));
  const auto [first, behind] = f.fetch_two("2", "3");
  CHECK(test::must(first) == "first");
  CHECK(test::must(behind) == "again");
  CHECK(f.server.connections() == 2);
}

TEST_CASE("a request that somebody on the way dropped is made again after the idle limit") {
  line_up f({[](socket_handle& connection) {
               greet(connection);
               receive_head(connection);
               receive_head(connection);
               connection.send(answer("first"));
               test::await_end(connection);
             },
             test::answers({answer("again")})},
            exchange_limits{600s, 200ms});
  f.fetch(f.small("1"));
  const auto [first, behind] = f.fetch_two("2", "3");
  CHECK(test::must(first) == "first");
  CHECK(test::must(behind) == "again");
}

}  // namespace
}  // namespace gantry::http
