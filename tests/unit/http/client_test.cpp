#include "http/client.hpp"

#include "support/loop.hpp"
#include "support/result.hpp"
#include "support/scripted_server.hpp"
#include "support/scripted_stream.hpp"
#include "support/temp_dir.hpp"
#include "support/tls_server.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gantry::http {
namespace {

using namespace std::chrono_literals;
using test::scripted_stream;
using script = std::deque<scripted_stream::step>;

/// A client whose next connection plays a script, as one that was kept from an earlier exchange.
struct fixture {
  explicit fixture(exchange_limits limits = {10s, 10s}) : asking(connections, limits, [this](const origin&) { return tls; }) {}

  test::loop loop;  // outlives the connections that are kept
  net::tls_settings tls;
  runtime::lanes workers;
  net::connector connections{workers, net::connect_limits{10s, 10s}};
  client asking;
  runtime::stop_source stop;
  std::uint16_t port = 1;  // nobody listens there

  url target(std::string path = "/v2/", std::string scheme = "http") const {
    return test::must(url::parse(scheme + "://127.0.0.1:" + std::to_string(port) + path));
  }
  std::shared_ptr<test::stream_record> keep(script steps, error_code write_code = {}) {
    net::endpoint where;
    where.host = "127.0.0.1";
    where.port = port;
    where.secure = false;
    auto record = std::make_shared<test::stream_record>();
    auto stream = std::make_unique<scripted_stream>(loop.executor, std::move(steps), record);
    stream->write_code = write_code;
    asking.pool().give_back(std::make_unique<connection>(where, std::move(stream)));
    return record;
  }
  request get(std::string path = "/v2/", std::string scheme = "http") const {
    request message;
    message.target = target(std::move(path), std::move(scheme));
    return message;
  }
  result<exchange> send(request message) { return loop.run(asking.send(std::move(message), stop)); }
  /// Sends a GET and reads the whole answer.
  result<std::string> fetch() {
    result<exchange> reply = send(get());
    if (!reply) return reply.error();
    return loop.run(reply->read_all(1 << 20));
  }
};

std::string head(const std::string& fields, const std::string& status = "200 OK") {
  return "HTTP/1.1 " + status + "\r\n" + fields + "\r\n";
}

task<result<std::string>> read_in_blocks(exchange& reply, std::size_t size) {
  std::vector<std::byte> block(size);
  std::string body;
  for (;;) {
    const result<std::size_t> got = co_await reply.read(block);
    if (!got) co_return got.error();
    if (*got == 0) co_return body;
    body.append(reinterpret_cast<const char*>(block.data()), *got);
  }
}

TEST_CASE("a body with a length is read to its end, and its connection is kept") {
  fixture f;
  const auto first = f.keep(
      {scripted_stream::text(head("Content-Length: 5\r\n") + "hello"), scripted_stream::text(head("Content-Length: 3\r\n") + "two")});
  CHECK(test::must(f.fetch()) == "hello");
  CHECK_FALSE(first->closed);
  CHECK(test::must(f.fetch()) == "two");
  CHECK(first->written.find("GET /v2/ HTTP/1.1\r\n") == 0);
}

TEST_CASE("head and body may come byte by byte") {
  fixture f;
  f.keep({scripted_stream::text(head("Content-Length: 5\r\n") + "hello", 1)});
  CHECK(test::must(f.fetch()) == "hello");
  f.keep({scripted_stream::text(head("Transfer-Encoding: chunked\r\n") + "2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nTrailer: dropped\r\n\r\n", 1)});
  CHECK(test::must(f.fetch()) == "hello");
}

/// A body that ends when it has no more, in two pieces.
class endable final : public body_source {
 public:
  std::uint64_t size() const noexcept override { return size_unknown; }
  runtime::task<result<std::span<const std::byte>>> next() override {
    if (pieces.empty()) co_return std::span<const std::byte>();
    now = pieces.front();
    pieces.pop_front();
    co_return std::as_bytes(std::span(now.data(), now.size()));
  }
  runtime::task<result<void>> rewind() override { co_return result<void>(); }

  std::deque<std::string> pieces{"hello, ", "nine more"};
  std::string now;
};

TEST_CASE("a body whose end nobody knows before is sent in chunks") {
  fixture f;
  const auto record = f.keep({scripted_stream::text(head("Content-Length: 0\r\n", "202 Accepted"))});
  request message = f.get("/upload");
  message.verb = method::patch;
  endable body;
  const result<exchange> reply = f.loop.run(f.asking.send(std::move(message), body, f.stop));
  REQUIRE(reply);
  CHECK(reply->head().status == 202);
  CHECK(record->written.find("Transfer-Encoding: chunked\r\n") != std::string::npos);
  CHECK(record->written.find("Content-Length") == std::string::npos);
  CHECK(record->written.ends_with("\r\n\r\n7\r\nhello, \r\n9\r\nnine more\r\n0\r\n\r\n"));
}

TEST_CASE("an interim answer is skipped") {
  fixture f;
  f.keep({scripted_stream::text(head("", "103 Early Hints") + head("Content-Length: 2\r\n") + "ok")});
  CHECK(test::must(f.fetch()) == "ok");
}

TEST_CASE("answers without a body are complete at once") {
  fixture f;
  const auto record = f.keep({scripted_stream::text(head("Content-Length: 0\r\n")), scripted_stream::text(head("", "204 No Content")),
                              scripted_stream::text(head("Content-Length: 77\r\n"))});
  CHECK(test::must(f.fetch()).empty());
  CHECK(test::must(f.fetch()).empty());
  request only_head = f.get();
  only_head.verb = method::head;
  exchange reply = test::must(f.send(only_head));
  CHECK(reply.head().announced_content_length == 77);
  CHECK(test::must(f.loop.run(reply.read_all(10))).empty());
  CHECK_FALSE(record->closed);
}

TEST_CASE("an end before the end of the body is a lost connection, whatever the framing") {
  for (const char* cut : {"Content-Length: 9\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n9\r\nhello",
                          "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"}) {
    INFO(cut);
    fixture f;
    const auto record = f.keep({scripted_stream::text(std::string("HTTP/1.1 200 OK\r\n") + cut), scripted_stream::end()});
    test::must_fail(f.fetch(), errc::connection_lost);
    CHECK(record->closed);
  }
}

TEST_CASE("a chunked body is decoded in place, in blocks smaller and larger than its chunks") {
  std::string body;
  std::string coded;
  for (int i = 1; i <= 80; ++i) {
    const std::string chunk(static_cast<std::size_t>(i * 7 % 251 + 1), static_cast<char>('a' + i % 26));
    char size[16];
    std::snprintf(size, sizeof size, "%zx\r\n", chunk.size());
    body += chunk;
    coded += size + chunk + "\r\n";
  }
  coded += "0\r\n\r\n";
  for (const std::size_t block : {1U, 3U, 100U, 5000U, 100'000U}) {
    INFO(block);
    fixture f;
    const auto record = f.keep({scripted_stream::text(head("Transfer-Encoding: chunked\r\n") + coded)});
    exchange reply = test::must(f.send(f.get()));
    const std::string got = test::must(f.loop.run(read_in_blocks(reply, block)));
    CHECK(got == body);
    // The coding ended exactly with what was read, so that the connection may go on.
    CHECK_FALSE(record->closed);
  }
}

TEST_CASE("malformed framing ends the connection") {
  fixture f;
  const auto chunks = f.keep({scripted_stream::text(head("Transfer-Encoding: chunked\r\n") + "zz\r\nhello\r\n")});
  test::must_fail(f.fetch(), errc::protocol_error);
  CHECK(chunks->closed);
  const auto both =
      f.keep({scripted_stream::text(head("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") + "5\r\nhello\r\n0\r\n\r\n")});
  test::must_fail(f.fetch(), errc::protocol_error);
  CHECK(both->closed);
  test::scripted_server other({[](test::socket_handle& connection) {
    test::receive_head(connection);
    connection.send("SSH-2.0-OpenSSH\r\n");
  }});
  f.port = other.port();
  const auto noise = f.keep({scripted_stream::text("SSH-2.0-OpenSSH\r\n")});
  test::must_fail(f.fetch(), errc::protocol_error);
  CHECK(noise->closed);
}

TEST_CASE("an exchange that failed stays failed") {
  fixture f;
  f.keep({scripted_stream::text(head("Content-Length: 9\r\n") + "hello"), scripted_stream::end()});
  exchange reply = test::must(f.send(f.get()));
  test::must_fail(f.loop.run(reply.read_all(100)), errc::connection_lost);
  test::must_fail(f.loop.run(reply.read_all(100)), errc::connection_lost);
}

TEST_CASE("a body that ends with its connection is complete only with a proper end") {
  fixture f;
  const auto proper = f.keep({scripted_stream::text(head("") + "hello"), scripted_stream::end()});
  CHECK(test::must(f.fetch()) == "hello");
  CHECK(proper->closed);
  f.keep({scripted_stream::text(head("") + "hello"), scripted_stream::fail(boost::asio::ssl::error::stream_truncated)});
  test::must_fail(f.fetch(), errc::connection_lost);
}

TEST_CASE("a truncated TLS stream does not pass for the end of a body") {
  fixture f;
  const test::certificate_authority authority;
  const test::temp_dir directory;
  test::spill(directory / "ca.pem", authority.certificate());
  f.tls.ca_files = {directory / "ca.pem"};
  const auto talk = [](bool goodbye) {
    return [goodbye](test::tls_session& session) {
      session.receive();
      session.send("HTTP/1.1 200 OK\r\n\r\nhello");
      if (goodbye) session.say_goodbye();
    };
  };
  test::scripted_server server({test::over_tls(authority.issue(), talk(false)), test::over_tls(authority.issue(), talk(true))});
  f.port = server.port();
  exchange cut = test::must(f.send(f.get("/v2/", "https")));
  test::must_fail(f.loop.run(cut.read_all(100)), errc::connection_lost);
  exchange whole = test::must(f.send(f.get("/v2/", "https")));
  CHECK(test::must(f.loop.run(whole.read_all(100))) == "hello");
}

TEST_CASE("bytes behind the end close the connection") {
  for (const char* text : {"Content-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n", "Content-Length: 0\r\n\r\nsurplus",
                           "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nsurplus"}) {
    INFO(text);
    fixture f;
    const auto record = f.keep({scripted_stream::text(std::string("HTTP/1.1 200 OK\r\n") + text)});
    test::must(f.fetch());
    CHECK(record->closed);
  }
}

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

TEST_CASE("a body longer than its cap is refused and its connection closed") {
  fixture f;
  const std::string body(20'000, 'x');
  const auto record = f.keep({scripted_stream::text(head("Content-Length: 20000\r\n") + body)});
  exchange reply = test::must(f.send(f.get()));
  test::must_fail(f.loop.run(reply.read_all(10)), errc::limit_exceeded);
  CHECK(record->closed);
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

TEST_CASE("an http proxy gets requests in absolute-form with its own credentials, the host behind it sees none of them") {
  test::loop loop;
  runtime::lanes workers;
  net::connector connections{workers, net::connect_limits{10s, 10s}};
  runtime::stop_source stop;
  std::string head;
  test::scripted_server proxy({[&head](test::socket_handle& connection) {
    head = test::receive_head(connection);
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    test::await_end(connection);
  }});
  config::proxy via;
  via.host = "127.0.0.1";
  via.port = proxy.port();
  via.username = "me";
  via.password = "geheim";
  client asking(connections, exchange_limits{10s, 10s}, [&via](const origin&) {
    net::endpoint route;
    route.via = via;
    return result<net::endpoint>(std::move(route));
  });
  request message;
  message.target = test::must(url::parse("http://registry.test:5000/v2/?n=1"));
  message.set("Authorization", "Basic cmVnaXN0cnk=");
  exchange reply = test::must(loop.run(asking.send(message, stop)));
  CHECK(test::must(loop.run(reply.read_all(10))) == "ok");
  CHECK(head.starts_with("GET http://registry.test:5000/v2/?n=1 HTTP/1.1\r\nHost: registry.test:5000\r\n"));
  CHECK(head.find("Proxy-Authorization: Basic bWU6Z2VoZWlt\r\n") != std::string::npos);
  // A caller cannot say it by itself: it would reach origins.
  message.set("Proxy-Authorization", "Basic x");
  test::must_fail(loop.run(asking.send(message, stop)), errc::internal_error);
}

TEST_CASE("a proxy that asks for credentials is named, not the host behind it") {
  test::loop loop;
  runtime::lanes workers;
  net::connector connections{workers, net::connect_limits{10s, 10s}};
  runtime::stop_source stop;
  test::scripted_server proxy({test::answers({"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"})});
  client asking(connections, exchange_limits{10s, 10s}, [&proxy](const origin&) {
    net::endpoint route;
    config::proxy via;
    via.host = "127.0.0.1";
    via.port = proxy.port();
    route.via = via;
    return result<net::endpoint>(std::move(route));
  });
  request message;
  message.target = test::must(url::parse("http://registry.test/v2/"));
  const failure said = test::must_fail(loop.run(asking.send(message, stop)), errc::unexpected_status);
  CHECK(said.text.message().find("the proxy http://127.0.0.1") != std::string::npos);
}

TEST_CASE("a loopback address is on this machine unless a proxy elsewhere leads to it") {
  const auto at = [](const std::string& registry) { return test::must(endpoint_of(registry, "http")); };
  fixture direct;
  CHECK(direct.asking.stays_here(at("127.0.0.1:5000")));
  CHECK(direct.asking.stays_here(at("localhost:5000")));
  CHECK_FALSE(direct.asking.stays_here(at("registry.test")));
  for (const auto& [proxy, here] : {std::pair("proxy.test", false), std::pair("10.0.0.1", false), std::pair("127.0.0.1", true)}) {
    INFO(proxy);
    client asking(direct.connections, exchange_limits{10s, 10s}, [host = std::string(proxy)](const origin&) {
      net::endpoint route;
      route.via.emplace();
      route.via->host = host;
      route.via->port = 3128;
      return result<net::endpoint>(route);
    });
    CHECK(asking.stays_here(at("localhost:5000")) == here);
    CHECK_FALSE(asking.stays_here(at("registry.test")));
  }
}

TEST_CASE("a route that cannot be found fails the request before anything is sent") {
  test::loop loop;
  runtime::lanes workers;
  net::connector connections{workers, net::connect_limits{10s, 10s}};
  runtime::stop_source stop;
  client asking(connections, exchange_limits{10s, 10s},
                [](const origin&) { return result<net::endpoint>(failure(errc::invalid_option, "no such proxy")); });
  request message;
  message.target = test::must(url::parse("http://registry.test/v2/"));
  test::must_fail(loop.run(asking.send(message, stop)), errc::invalid_option);
}

}  // namespace
}  // namespace gantry::http
