#include "net/tunnel.hpp"

#include "net/connector.hpp"
#include "support/loop.hpp"
#include "support/result.hpp"
#include "support/temp_dir.hpp"
#include "support/tls_server.hpp"
#include "unit/net/stream_words.hpp"

#include <array>
#include <memory>
#include <mutex>
#include <string>

namespace gantry::net {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using stream = std::unique_ptr<byte_stream>;

/// What the proxy's thread saw.
class seen {
 public:
  void add(const std::string& text) {
    const std::lock_guard lock(mutex_);
    text_ += text;
  }
  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

/// A proxy that answers CONNECT with \p answer and is the host behind itself.
test::conversation http_proxy(seen& record, std::string answer, test::conversation behind) {
  return [&record, answer = std::move(answer), behind = std::move(behind)](test::socket_handle& connection) {
    record.add(test::receive_head(connection));
    connection.send(answer);
    behind(connection);
  };
}

void echo(test::socket_handle& connection) {
  const std::string words = connection.receive(64);
  connection.send(words);
  test::await_end(connection);
}

void tls_echo(test::tls_session& session) { session.send(session.receive()); }

struct fixture {
  fixture() { test::spill(directory / "ca.pem", authority.certificate()); }

  test::loop loop;  // outlives the workers
  test::certificate_authority authority;
  test::temp_dir directory;
  runtime::lanes workers;
  connector connections{workers, connect_limits{2s, 2s}};
  runtime::stop_source stop;
  seen record;

  /// A host that only the proxy can find.
  endpoint behind(const test::scripted_server& proxy, config::proxy_kind kind, bool secure) const {
    endpoint where;
    where.host = "registry.test";
    where.port = 5000;
    where.secure = secure;
    where.tls.ca_files = {directory / "ca.pem"};
    where.proxy_tls.ca_files = {directory / "ca.pem"};
    config::proxy via;
    via.kind = kind;
    via.host = "127.0.0.1";
    via.port = proxy.port();
    via.username = "me";
    via.password = "geheim";
    where.via = via;
    return where;
  }
  result<stream> connect(endpoint where) { return loop.run(connections.connect(std::move(where), stop)); }
};

const std::string opened = "HTTP/1.1 200 Connection established\r\n\r\n";

TEST_CASE("TLS goes through a tunnel to a host that only the proxy can find") {
  fixture f;
  const auto behind = test::over_tls(f.authority.issue({"DNS:registry.test", -1, 1}), tls_echo);
  test::scripted_server proxy({http_proxy(f.record, opened, behind)});
  const stream made = test::must(f.connect(f.behind(proxy, config::proxy_kind::http, true)));
  CHECK(f.loop.run(exchange_words(*made, "hello")) == "hello");
  CHECK(f.record.text() ==
        "CONNECT registry.test:5000 HTTP/1.1\r\nHost: registry.test:5000\r\nUser-Agent: gantry\r\n"
        "Proxy-Authorization: Basic bWU6Z2VoZWlt\r\n\r\n");
}

TEST_CASE("the certificate behind a tunnel must be the host's, not the proxy's") {
  fixture f;
  test::scripted_server proxy({http_proxy(f.record, opened, test::over_tls(f.authority.issue(), tls_echo))});
  const failure said = test::must_fail(f.connect(f.behind(proxy, config::proxy_kind::http, true)), errc::tls_not_trusted);
  CHECK(said.text.message().find("registry.test") != std::string::npos);
}

TEST_CASE("a host in clear text is relayed by an http proxy, without a tunnel") {
  fixture f;
  test::scripted_server proxy({echo});
  const stream made = test::must(f.connect(f.behind(proxy, config::proxy_kind::http, false)));
  CHECK(f.loop.run(exchange_words(*made, "hello")) == "hello");
}

TEST_CASE("an https proxy proves who it is before anything is said to it") {
  fixture f;
  const auto relay = [](test::tls_session& session) { session.send(session.receive()); };
  test::scripted_server good({test::over_tls(f.authority.issue(), relay)});
  const stream made = test::must(f.connect(f.behind(good, config::proxy_kind::https, false)));
  CHECK(f.loop.run(exchange_words(*made, "hello")) == "hello");
  test::scripted_server bad({test::over_tls(test::certificate_authority::self_signed(), relay)});
  const failure said = test::must_fail(f.connect(f.behind(bad, config::proxy_kind::https, true)), errc::tls_not_trusted);
  CHECK(said.text.message().find("the proxy https://127.0.0.1") != std::string::npos);
}

TEST_CASE("refusals name the proxy and never its password") {
  fixture f;
  const auto refused = [&](std::string answer, errc code) {
    test::scripted_server proxy({http_proxy(f.record, std::move(answer), test::await_end)});
    std::string text = test::must_fail(f.connect(f.behind(proxy, config::proxy_kind::http, true)), code).text.message();
    INFO(text);
    CHECK(text.find("http://127.0.0.1:") != std::string::npos);
    CHECK(text.find("geheim") == std::string::npos);
    CHECK(text.find("bWU6") == std::string::npos);
    return text;
  };
  CHECK(refused("HTTP/1.1 407 x\r\nProxy-Authenticate: Basic realm=x\r\n\r\n", errc::unexpected_status).find("does not accept") !=
        std::string::npos);
  CHECK(refused("HTTP/1.1 403 Forbidden\r\n\r\n", errc::unexpected_status).find("registry.test:5000") != std::string::npos);
  refused("HTTP/1.1 502 Bad Gateway\r\n\r\n", errc::server_error);
  refused("not http at all\r\n\r\n", errc::protocol_error);
  refused(opened + "early", errc::protocol_error);
}

TEST_CASE("a proxy that closes, that is silent, and that is not there") {
  fixture f;
  test::scripted_server closing({[](test::socket_handle& connection) { test::receive_head(connection); }});
  test::must_fail(f.connect(f.behind(closing, config::proxy_kind::http, true)), errc::connection_lost);
  test::scripted_server silent({test::await_end});
  const failure late = test::must_fail(f.connect(f.behind(silent, config::proxy_kind::socks5, true)), errc::timed_out);
  CHECK(late.text.message().find("registry.test:5000") != std::string::npos);
  endpoint nowhere = f.behind(closing, config::proxy_kind::http, true);
  nowhere.via->port = test::unused_port();
  const failure gone = test::must_fail(f.connect(nowhere), errc::connection_refused);
  CHECK(gone.text.message().find("is the proxy running") != std::string::npos);
}

TEST_CASE("a stop ends a tunnel that is being opened") {
  fixture f;
  test::scripted_server silent({test::await_end});
  connector patient(f.workers, connect_limits{15s, 15s});
  std::optional<result<stream>> outcome;
  f.loop.spawn(patient.connect(f.behind(silent, config::proxy_kind::http, true), f.stop), outcome);
  f.loop.run_for(60ms);
  CHECK_FALSE(outcome);
  f.stop.request_stop();
  f.loop.drain();
  REQUIRE(outcome);
  test::must_fail(*outcome, errc::cancelled);
}

TEST_CASE("SOCKS5 carries clear text and TLS, and its proxy gets the name") {
  fixture f;
  const auto socks = [&](test::conversation behind) {
    return [&record = f.record, behind = std::move(behind)](test::socket_handle& connection) {
      record.add(connection.receive(4));
      connection.send("\x05\x02"s);
      record.add(connection.receive(64));
      connection.send("\x01\x00"s);
      record.add(connection.receive(64));
      connection.send("\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50"s);
      behind(connection);
    };
  };
  test::scripted_server plain({socks(echo)});
  const stream made = test::must(f.connect(f.behind(plain, config::proxy_kind::socks5, false)));
  CHECK(f.loop.run(exchange_words(*made, "hello")) == "hello");
  CHECK(f.record.text() == "\x05\x02\x00\x02"s + "\x01\x02me\x06geheim"s + "\x05\x01\x00\x03\x0dregistry.test\x13\x88"s);
  test::scripted_server secure({socks(test::over_tls(f.authority.issue({"DNS:registry.test", -1, 1}), tls_echo))});
  const stream safe = test::must(f.connect(f.behind(secure, config::proxy_kind::socks5, true)));
  CHECK(f.loop.run(exchange_words(*safe, "hello")) == "hello");
}

TEST_CASE("an address that breaks the handshake makes way for the host's next one") {
  fixture f;
  test::scripted_server server({[](test::socket_handle& connection) { connection.receive(4096); },
                                test::over_tls(f.authority.issue({"DNS:two.test", -1, 1}), tls_echo)});
  endpoint where;
  where.host = "two.test";
  where.port = server.port();
  where.tls.ca_files = {f.directory / "ca.pem"};
  // One server under two addresses: whoever comes first is cut.
  const std::vector<boost::asio::ip::address> addresses{boost::asio::ip::make_address("127.0.0.1"),
                                                        boost::asio::ip::make_address("::ffff:127.0.0.1")};
  const stream made = test::must(f.loop.run(f.connections.connect_to(addresses, where, f.stop)));
  CHECK(f.loop.run(exchange_words(*made, "hello")) == "hello");
  CHECK(server.connections() == 2);
}

}  // namespace
}  // namespace gantry::net
