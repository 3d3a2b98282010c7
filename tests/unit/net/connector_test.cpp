#include "net/connector.hpp"

#include "support/loop.hpp"
#include "support/no_descriptors.hpp"
#include "support/result.hpp"
#include "support/scripted_server.hpp"
#include "unit/net/stream_words.hpp"

#include <sys/socket.h>

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace gantry::net {
namespace {

using namespace std::chrono_literals;
using stream = std::unique_ptr<byte_stream>;

boost::asio::ip::address address(const char* text) { return boost::asio::ip::make_address(text); }

endpoint plain(std::string host, std::uint16_t port) {
  endpoint where;
  where.host = std::move(host);
  where.port = port;
  where.secure = false;
  return where;
}

struct fixture {
  explicit fixture(std::chrono::milliseconds limit = 15s) : fixture(connect_limits{limit, 10s}) {}
  explicit fixture(connect_limits limits) : connections(workers, limits) {}

  test::loop loop;  // outlives the workers
  runtime::lanes workers;
  connector connections;
  runtime::stop_source stop;

  result<stream> connect(endpoint where) { return loop.run(connections.connect(std::move(where), stop)); }
  result<stream> connect_to(std::vector<boost::asio::ip::address> addresses, endpoint where) {
    return loop.run(connections.connect_to(std::move(addresses), std::move(where), stop));
  }
};

void echo(test::socket_handle& connection) {
  const std::string words = connection.receive(64);
  connection.send(words);
  test::await_end(connection);
}

TEST_CASE("a stream carries bytes both ways, and its peer's end is an end") {
  test::scripted_server server({[](test::socket_handle& connection) { connection.send(connection.receive(64)); }});
  fixture f;
  const stream made = test::must(f.connect(plain("127.0.0.1", server.port())));
  CHECK(made->quiet());
  CHECK(f.loop.run(exchange_words(*made)) == "hello");
  const read_result end = f.loop.run(read_once(*made));
  CHECK_FALSE(end.code);
  CHECK(end.bytes == 0);
  CHECK_FALSE(made->quiet());
}

TEST_CASE("a closed stream ends the read under way") {
  test::scripted_server server({test::await_end});
  fixture f;
  const stream made = test::must(f.connect(plain("127.0.0.1", server.port())));
  std::optional<read_result> got;
  f.loop.spawn(read_once(*made), got);
  f.loop.poll();
  CHECK_FALSE(got);
  made->close();
  made->close();
  f.loop.drain();
  REQUIRE(got);
  CHECK(got->code);
  CHECK_FALSE(made->quiet());
}

TEST_CASE("a stream on which bytes wait is not quiet, and tells how much has come that nobody has read") {
  test::scripted_server server({[](test::socket_handle& connection) {
    connection.send("unasked");
    test::await_end(connection);
  }});
  fixture f;
  const stream made = test::must(f.connect(plain("127.0.0.1", server.port())));
  const test::stopwatch watch;
  while (made->unread() < 7 && watch.elapsed() < 10s) f.loop.run_for(5ms);
  CHECK_FALSE(made->quiet());
  CHECK(made->unread() == 7);
  std::array<std::byte, 5> block;
  CHECK(made->read_now(block).bytes == 5);
  CHECK(made->unread() == 2);
  made->close();
  CHECK(made->unread() == 0);
}

// Sends until nothing more is taken for a while. \returns the bytes
std::size_t send_until_full(const test::socket_handle& connection) {
  const int own_buffer = 4 << 10;  // else the sender's would hide the receiver's
  ::setsockopt(connection.fd(), SOL_SOCKET, SO_SNDBUF, &own_buffer, sizeof own_buffer);
  const std::string block(1024, 'x');
  std::size_t taken = 0;
  for (int refusals = 0; refusals < 40;) {
    const ssize_t sent = ::send(connection.fd(), block.data(), block.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
      taken += static_cast<std::size_t>(sent);
      refusals = 0;
    } else {
      ++refusals;
      std::this_thread::sleep_for(5ms);
    }
  }
  return taken;
}

// Bytes that a peer gets rid of while nobody reads.
std::size_t taken_ahead(int receive_buffer) {
  std::atomic<std::size_t> taken = 0;
  std::atomic<bool> full = false;
  test::scripted_server server({[&](test::socket_handle& connection) {
    taken = send_until_full(connection);
    full = true;
    test::await_end(connection);
  }});
  fixture f(connect_limits{15s, 10s, receive_buffer});
  const stream made = test::must(f.connect(plain("127.0.0.1", server.port())));
  const test::stopwatch watch;
  while (!full && watch.elapsed() < 20s) f.loop.run_for(5ms);
  made->close();
  return taken;
}

TEST_CASE("a connection takes no more ahead than it was told to") {
  const std::size_t limited = taken_ahead(8 << 10);
  const std::size_t free = taken_ahead(0);
  INFO(limited << " and " << free << " bytes");
  CHECK(limited > 0);
  CHECK(free > limited + (32 << 10));
}

TEST_CASE("a refused connection says so and names the endpoint") {
  fixture f;
  const std::uint16_t port = test::unused_port();
  const failure said = test::must_fail(f.connect(plain("127.0.0.1", port)), errc::connection_refused);
  CHECK(said.text.message().find("127.0.0.1:" + std::to_string(port)) != std::string::npos);
}

TEST_CASE("where this machine has no descriptor for a connection it says so, and that is no trouble of the network") {
  if (!test::descriptors_may_run_out()) return;
  test::scripted_server server({test::await_end, test::await_end});
  fixture f;
  {
    // What the loop needs for itself is opened with the first one.
    const stream first = test::must(f.connect(plain("127.0.0.1", server.port())));
    const test::stopwatch watch;
    while (server.connections() == 0 && watch.elapsed() < 10s) f.loop.run_for(5ms);
  }
  {
    const test::no_descriptors none;
    const auto outcome = f.connect_to({address("127.0.0.1"), address("127.0.0.2")}, plain("two.test", server.port()));
    const failure said = test::must_fail(outcome, errc::storage_error);
    CHECK(said.text.message().find("ulimit -n") != std::string::npos);
    CHECK(said.text.message().find("two.test") != std::string::npos);
    CHECK_FALSE(said.code == condition::retryable);
  }
  test::must(f.connect(plain("127.0.0.1", server.port())))->close();
  f.loop.drain();
}

TEST_CASE("an address that refuses makes way for the next at once") {
  test::scripted_server server({echo});
  fixture f;
  const test::stopwatch watch;
  const stream made = test::must(f.connect_to({address("127.0.0.2"), address("127.0.0.1")}, plain("two.test", server.port())));
  CHECK(f.loop.run(exchange_words(*made)) == "hello");
  CHECK(watch.elapsed() < 5s);
}

TEST_CASE("an address that does not answer is raced by the next, and neither waits for the limit of the other") {
  test::scripted_server server({echo});
  const test::silent_port silent(2, server.port());
  fixture f(10min);
  const test::stopwatch watch;
  const stream made = test::must(f.connect_to({address("127.0.0.2"), address("127.0.0.1")}, plain("two.test", server.port())));
  CHECK(f.loop.run(exchange_words(*made)) == "hello");
  CHECK(watch.elapsed() >= 200ms);
  CHECK(watch.elapsed() < 5min);
}

TEST_CASE("where IPv6 refuses or is missing, IPv4 is taken") {
  test::scripted_server server({echo});
  fixture f;
  const stream made = test::must(f.connect_to({address("::1"), address("127.0.0.1")}, plain("two.test", server.port())));
  CHECK(f.loop.run(exchange_words(*made)) == "hello");
}

TEST_CASE("all addresses refused is refused") {
  fixture f;
  const auto outcome = f.connect_to({address("127.0.0.1"), address("127.0.0.2")}, plain("two.test", test::unused_port()));
  test::must_fail(outcome, errc::connection_refused);
}

TEST_CASE("a host that does not answer is given up after the limit") {
  test::silent_port silent;
  fixture f(300ms);
  const test::stopwatch watch;
  const failure said = test::must_fail(f.connect(plain("127.0.0.1", silent.port())), errc::timed_out);
  CHECK(watch.elapsed() >= 290ms);
  CHECK(said.text.message().find("did not answer") != std::string::npos);
}

TEST_CASE("a stop ends a connection attempt") {
  test::silent_port silent;
  fixture f;
  std::optional<result<stream>> outcome;
  f.loop.spawn(f.connections.connect(plain("127.0.0.1", silent.port()), f.stop), outcome);
  f.loop.run_for(60ms);
  CHECK_FALSE(outcome);
  const test::stopwatch watch;
  f.stop.request_stop();
  f.loop.drain();
  REQUIRE(outcome);
  test::must_fail(*outcome, errc::cancelled);
  CHECK(watch.elapsed() < 5s);
}

TEST_CASE("a stop that comes before an attempt has begun ends it too") {
  test::silent_port silent;
  fixture f;
  std::optional<result<stream>> outcome;
  f.loop.spawn(f.connections.connect(plain("127.0.0.1", silent.port()), f.stop), outcome);
  // The attempt is a task of its own, which starts one turn after the race; this call is in between.
  f.loop.post([&] { f.stop.request_stop(); });
  const test::stopwatch watch;
  f.loop.drain();
  REQUIRE(outcome);
  test::must_fail(*outcome, errc::cancelled);
  CHECK(watch.elapsed() < 5s);
}

TEST_CASE("a stop of the past connects nowhere") {
  test::scripted_server server({test::await_end});
  fixture f;
  f.stop.request_stop();
  test::must_fail(f.connect(plain("127.0.0.1", server.port())), errc::cancelled);
}

TEST_CASE("endpoints are written as people write them") {
  CHECK(to_string(plain("example.com", 443)) == "example.com:443");
  CHECK(to_string(plain("::1", 5000)) == "[::1]:5000");
}

}  // namespace
}  // namespace gantry::net
