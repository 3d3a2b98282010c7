#include "net/tls.hpp"

#include "net/connector.hpp"
#include "net/tcp_stream.hpp"
#include "net/tls_error.hpp"
#include "net/tls_stream.hpp"
#include "support/environment.hpp"
#include "support/loop.hpp"
#include "support/process.hpp"
#include "support/result.hpp"
#include "support/servers.hpp"
#include "support/temp_dir.hpp"
#include "support/tls_server.hpp"
#include "unit/net/stream_words.hpp"

#include <openssl/ssl.h>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>

#include <array>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gantry::net {
namespace {

using namespace std::chrono_literals;
using stream = std::unique_ptr<byte_stream>;

void echo(test::tls_session& session) {
  for (;;) {
    const std::string words = session.receive();
    if (words.empty()) return;
    session.send(words);
  }
}

struct fixture {
  fixture() { test::spill(directory / "ca.pem", authority.certificate()); }

  test::loop loop;  // outlives the workers
  test::certificate_authority authority;
  test::temp_dir directory;
  runtime::lanes workers;
  connector connections{workers, connect_limits{15s, 2s}};
  runtime::stop_source stop;

  endpoint at(const test::scripted_server& server, std::string host = "127.0.0.1") const {
    endpoint where;
    where.host = std::move(host);
    where.port = server.port();
    where.tls.ca_files = {directory / "ca.pem"};
    return where;
  }
  result<stream> connect(endpoint where) {
    // The host is what the certificate must name; where it is found does not matter to it.
    const std::vector<boost::asio::ip::address> here(1, boost::asio::ip::make_address("127.0.0.1"));
    return loop.run(connections.connect_to(here, std::move(where), stop));
  }
};

task<std::string> read_bytes(byte_stream& with, std::size_t count, std::size_t block_size) {
  std::string all;
  std::vector<std::byte> block(block_size);
  while (all.size() < count) {
    const read_result got = co_await with.read_some(block);
    if (got.code || got.bytes == 0) co_return all + " and then nothing";
    all.append(reinterpret_cast<const char*>(block.data()), got.bytes);
  }
  co_return all;
}

TEST_CASE("a certificate of a known authority for the right host is trusted") {
  fixture f;
  test::scripted_server server({test::over_tls(f.authority.issue(), echo)});
  for (const char* host : {"127.0.0.1", "localhost"}) {
    INFO(host);
    const stream made = test::must(f.connect(f.at(server, host)));
    CHECK(f.loop.run(exchange_words(*made, "hello")) == "hello");
  }
}

TEST_CASE("a certificate for another host is not trusted, and the reason is told") {
  fixture f;
  test::scripted_server server({test::over_tls(f.authority.issue({"DNS:elsewhere.test", -1, 1}), echo)});
  const failure name = test::must_fail(f.connect(f.at(server, "registry.test")), errc::tls_not_trusted);
  CHECK(name.text.message().find("the certificate of registry.test:" + std::to_string(server.port())) != std::string::npos);
  CHECK(name.text.message().find("hostname mismatch") != std::string::npos);
  const failure literal = test::must_fail(f.connect(f.at(server)), errc::tls_not_trusted);
  CHECK(literal.text.message().find("IP address mismatch") != std::string::npos);
  CHECK(literal.text.message().find("issued for elsewhere.test") != std::string::npos);
}

TEST_CASE("an expired certificate, and one of the future, are not trusted") {
  fixture f;
  test::scripted_server expired({test::over_tls(f.authority.issue({"IP:127.0.0.1", -10, -5}), echo)});
  const std::string late = test::must_fail(f.connect(f.at(expired)), errc::tls_not_trusted).text.message();
  CHECK(late.find("expired (on 2") != std::string::npos);
  CHECK(late.find(" UTC)") != std::string::npos);
  test::scripted_server early({test::over_tls(f.authority.issue({"IP:127.0.0.1", 5, 10}), echo)});
  const std::string soon = test::must_fail(f.connect(f.at(early)), errc::tls_not_trusted).text.message();
  CHECK(soon.find("clock") != std::string::npos);
  CHECK(soon.find("(before 2") != std::string::npos);
}

TEST_CASE("a self-signed certificate and an unknown authority are not trusted") {
  fixture f;
  test::scripted_server alone({test::over_tls(test::certificate_authority::self_signed(), echo)});
  const std::string said = test::must_fail(f.connect(f.at(alone)), errc::tls_not_trusted).text.message();
  CHECK(said.find("--ca-cert") != std::string::npos);
  CHECK(said.find("--insecure=127.0.0.1:" + std::to_string(alone.port())) != std::string::npos);
  const test::certificate_authority stranger;
  test::scripted_server unknown({test::over_tls(stranger.issue(), echo)});
  test::must_fail(f.connect(f.at(unknown)), errc::tls_not_trusted);
}

TEST_CASE("the system's authorities do not include the test's") {
  fixture f;
  test::scripted_server server({test::over_tls(f.authority.issue(), echo)});
  endpoint where = f.at(server);
  where.tls.ca_files.clear();
  test::must_fail(f.connect(where), errc::tls_not_trusted);
}

TEST_CASE("the system's bundle is parsed when the hashed directory does not do and not before") {
  fixture f;
  const std::filesystem::path hashed = f.directory / "hashed";
  const std::filesystem::path bundle = f.directory / "bundle.pem";
  std::filesystem::create_directory(hashed);
  test::spill(hashed / "ca.pem", f.authority.certificate());
  test::run_or_throw({{"openssl", "rehash", hashed.string()}});
  const test::environment directory("SSL_CERT_DIR", hashed.string());
  const test::environment file("SSL_CERT_FILE", bundle.string());
  endpoint where;
  where.host = "127.0.0.1";
  const auto connects = [&](const test::scripted_server& server) {
    where.port = server.port();
    return f.connect(where).has_value();
  };
  test::scripted_server found_by_hash({test::over_tls(f.authority.issue(), echo)});
  CHECK(connects(found_by_hash));
  // Were it parsed by now, it would be of no use that it comes into being.
  const test::test_certificates bundled = test::make_certificates(f.directory.path());
  std::filesystem::copy_file(bundled.authority, bundle);
  test::scripted_server found_in_bundle({test::over_tls({test::slurp(bundled.certificate), test::slurp(bundled.key)}, echo)});
  CHECK(connects(found_in_bundle));
  CHECK(connects(found_by_hash));
  const test::certificate_authority stranger;
  test::scripted_server unknown({test::over_tls(stranger.issue(), echo)});
  CHECK_FALSE(connects(unknown));
}

TEST_CASE("insecure accepts any certificate, and only where it was asked for") {
  fixture f;
  test::scripted_server server({test::over_tls(test::certificate_authority::self_signed({"DNS:other.test", -10, -5}), echo)});
  endpoint careless = f.at(server);
  careless.tls.verify = false;
  const stream made = test::must(f.connect(careless));
  CHECK(f.loop.run(exchange_words(*made, "hello")) == "hello");
  test::must_fail(f.connect(f.at(server)), errc::tls_not_trusted);
}

TEST_CASE("a certificate file that is none is a wrong option") {
  fixture f;
  test::spill(f.directory / "ca.pem", "no certificate at all");
  test::scripted_server server({test::over_tls(f.authority.issue(), echo)});
  const failure said = test::must_fail(f.connect(f.at(server)), errc::invalid_option);
  CHECK(said.text.message().find("ca.pem") != std::string::npos);
}

TEST_CASE("authorities may come from several bundles and from a directory") {
  fixture f;
  test::scripted_server server({test::over_tls(f.authority.issue(), echo)});
  // Under a name of its own: of two authorities with one name OpenSSL looks at the first alone.
  const std::filesystem::path other = test::make_certificates(f.directory.path()).authority;
  test::spill(f.directory / "mine.pem", f.authority.certificate());
  endpoint where = f.at(server);
  where.tls.ca_files = {other, f.directory / "mine.pem"};
  test::must(f.connect(where));
  std::filesystem::create_directory(f.directory / "hashed");
  where.tls.ca_files = {f.directory / "hashed"};
  test::must_fail(f.connect(where), errc::tls_not_trusted);
  test::spill(f.directory / "hashed/ca.pem", f.authority.certificate());
  test::run_or_throw({{"openssl", "rehash", (f.directory / "hashed").string()}});
  connector anew(f.workers, connect_limits{15s, 2s});
  test::must(f.loop.run(anew.connect(where, f.stop)));
}

TEST_CASE("a server that wants a certificate gets it, and one without is told where to put it") {
  fixture f;
  const test::tls_identity mine = f.authority.issue({"DNS:client.test", -1, 1});
  test::spill(f.directory / "client.cert", mine.certificate);
  test::spill(f.directory / "client.key", mine.key);
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  test::scripted_server server({test::over_tls(f.authority.issue(), echo, version, f.authority.certificate())});
  endpoint where = f.at(server);
  const auto outcome = f.connect(where);
  // TLS 1.3 tells only with the first read.
  if (outcome) {
    const read_result got = f.loop.run(read_once(**outcome));
    const auto said = client_certificate_failure("registry.test:5000", got.code);
    REQUIRE(said);
    CHECK(said->text.message().find("certs.d/registry.test:5000") != std::string::npos);
  } else {
    CHECK(outcome.error().code == errc::tls_failed);
  }
  where.tls.shown = client_certificate{f.directory / "client.cert", f.directory / "client.key"};
  const stream made = test::must(f.connect(where));
  CHECK(f.loop.run(exchange_words(*made, "hello")) == "hello");
}

TEST_CASE("a client certificate that cannot be read, or whose key is another's, is a wrong option") {
  fixture f;
  test::scripted_server server({test::over_tls(f.authority.issue(), echo)});
  const test::tls_identity one = f.authority.issue();
  test::spill(f.directory / "client.cert", one.certificate);
  test::spill(f.directory / "client.key", f.authority.issue().key);
  endpoint where = f.at(server);
  where.tls.shown = client_certificate{f.directory / "none.cert", f.directory / "client.key"};
  CHECK(test::must_fail(f.connect(where), errc::invalid_option).text.message().find("none.cert") != std::string::npos);
  where.tls.shown = client_certificate{f.directory / "client.cert", f.directory / "client.key"};
  CHECK(test::must_fail(f.connect(where), errc::invalid_option).text.message().find("client.key") != std::string::npos);
}

TEST_CASE("a port that answers in clear text is told apart") {
  fixture f;
  test::scripted_server server({[](test::socket_handle& connection) {
    connection.receive(4096);
    connection.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    test::await_end(connection);
  }});
  CHECK(test::must_fail(f.connect(f.at(server)), errc::tls_expected).text.message().find("--plain-http") != std::string::npos);
}

TEST_CASE("a connection closed in the handshake, and a silent one, are told apart") {
  fixture f;
  test::scripted_server closing({[](test::socket_handle& connection) { connection.receive(4096); }});
  test::must_fail(f.connect(f.at(closing)), errc::tls_failed);
  test::scripted_server silent({test::await_end});
  connector hasty(f.workers, connect_limits{15s, 200ms});
  test::must_fail(f.loop.run(hasty.connect(f.at(silent), f.stop)), errc::timed_out);
}

TEST_CASE("TLS 1.1 is refused") {
  fixture f;
  test::scripted_server server({test::over_tls(f.authority.issue(), echo, TLS1_1_VERSION)});
  test::must_fail(f.connect(f.at(server)), errc::tls_failed);
  test::scripted_server newer({test::over_tls(f.authority.issue(), echo, TLS1_2_VERSION)});
  test::must(f.connect(f.at(newer)));
}

TEST_CASE("a stop ends a handshake, and one of the past begins none") {
  fixture f;
  test::scripted_server silent({test::await_end});
  connector patient(f.workers, connect_limits{15s, 15s});
  std::optional<result<stream>> outcome;
  f.loop.spawn(patient.connect(f.at(silent), f.stop), outcome);
  f.loop.run_for(60ms);
  CHECK_FALSE(outcome);
  const test::stopwatch watch;
  f.stop.request_stop();
  f.loop.drain();
  REQUIRE(outcome);
  test::must_fail(*outcome, errc::cancelled);
  tls_connector alone;
  boost::asio::ip::tcp::socket socket(f.loop.executor);
  socket.connect({boost::asio::ip::make_address("127.0.0.1"), silent.port()});
  tls_settings settings;
  test::must_fail(f.loop.run(alone.handshake(make_tcp_stream(std::move(socket)), tls_peer{"127.0.0.1", 443}, settings, 15s, f.stop)),
                  errc::cancelled);
  CHECK(watch.elapsed() < 10s);
}

TEST_CASE("an end without close_notify is a truncation, one with it an end") {
  fixture f;
  test::scripted_server cutting({test::over_tls(f.authority.issue(), [](test::tls_session& session) { session.send(session.receive()); })});
  const stream cut = test::must(f.connect(f.at(cutting)));
  CHECK(f.loop.run(exchange_words(*cut, "hello")) == "hello");
  CHECK(f.loop.run(read_once(*cut)).code == boost::asio::ssl::error::stream_truncated);

  test::scripted_server polite({test::over_tls(f.authority.issue(), [](test::tls_session& session) {
    session.send(session.receive());
    session.say_goodbye();
  })});
  const stream ended = test::must(f.connect(f.at(polite)));
  CHECK(f.loop.run(exchange_words(*ended, "hello")) == "hello");
  const read_result end = f.loop.run(read_once(*ended));
  CHECK_FALSE(end.code);
  CHECK(end.bytes == 0);
}

TEST_CASE("a stream is quiet between messages, and not when records followed the last one in its segment") {
  fixture f;
  test::scripted_server server({test::over_tls(f.authority.issue(), [](test::tls_session& session) {
    session.send(session.receive());
    session.receive();
    session.send_together({"answer", "and something unasked"});
    session.receive();
  })});
  const stream made = test::must(f.connect(f.at(server)));
  CHECK(f.loop.run(exchange_words(*made, "hello")) == "hello");
  CHECK(made->quiet());
  CHECK_FALSE(f.loop.run(made->write_all(std::as_bytes(std::span("more", 4)))));
  CHECK(f.loop.run(read_bytes(*made, 6, 6)) == "answer");
  CHECK_FALSE(made->quiet());
}

TEST_CASE("a stream over TLS tells how much has come that nobody has read, decrypted or not") {
  constexpr std::size_t size = 40'000;
  // Three records, and the tickets of TLS 1.3.
  constexpr std::size_t overhead = 2048;
  fixture f;
  test::scripted_server server({test::over_tls(f.authority.issue(), [](test::tls_session& session) {
    session.receive();
    session.send(std::string(size, 'x'));
    session.receive();
  })});
  const stream made = test::must(f.connect(f.at(server)));
  CHECK(made->unread() <= overhead);
  CHECK_FALSE(f.loop.run(made->write_all(std::as_bytes(std::span("more", 4)))));
  const test::stopwatch watch;
  while (made->unread() < size && watch.elapsed() < 10s) f.loop.run_for(5ms);
  CHECK(made->unread() >= size);
  CHECK(made->unread() <= size + overhead);
  // A record has been decrypted for that, and of the next a part may have been received.
  CHECK(f.loop.run(read_bytes(*made, 10, 10)).size() == 10);
  CHECK(made->unread() >= size - 10);
  CHECK(made->unread() <= size - 10 + overhead);
  CHECK(f.loop.run(read_bytes(*made, size - 10, 1000)).size() == size - 10);
  CHECK(made->unread() == 0);
}

TEST_CASE("a session of an earlier connection is taken up, for the same host and the same rules only") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    INFO(version);
    fixture f;
    const auto tell = test::over_tls(
        f.authority.issue(),
        [](test::tls_session& session) {
          session.receive();
          session.send(session.resumed() ? "resumed" : "new");
        },
        version);
    test::scripted_server server({tell, tell, tell, tell});
    CHECK(f.loop.run(exchange_words(*test::must(f.connect(f.at(server))), "hello")) == "new");
    CHECK(f.loop.run(exchange_words(*test::must(f.connect(f.at(server))), "hello")) == "resumed");
    CHECK(f.loop.run(exchange_words(*test::must(f.connect(f.at(server, "localhost"))), "hello")) == "new");
    endpoint careless = f.at(server);
    careless.tls.verify = false;
    CHECK(f.loop.run(exchange_words(*test::must(f.connect(careless)), "hello")) == "new");
  }
}

TEST_CASE("a session that began unchecked is not taken up where certificates count") {
  fixture f;
  const auto tell = test::over_tls(test::certificate_authority::self_signed(), [](test::tls_session& session) {
    session.receive();
    session.send(session.resumed() ? "resumed" : "new");
  });
  test::scripted_server server({tell, tell, tell});
  endpoint careless = f.at(server);
  careless.tls.verify = false;
  CHECK(f.loop.run(exchange_words(*test::must(f.connect(careless)), "hello")) == "new");
  CHECK(f.loop.run(exchange_words(*test::must(f.connect(careless)), "hello")) == "resumed");
  test::must_fail(f.connect(f.at(server)), errc::tls_not_trusted);
}

TEST_CASE("a session is not taken up outside of the time of the certificate that it began with") {
  const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const int days = GENERATE(-2, 2);
  fixture f;
  test::scripted_server server({test::over_tls(f.authority.issue({"DNS:localhost", -1, 1}), echo, version)});
  boost::asio::ssl::context rules(boost::asio::ssl::context::tls_client);
  tls_sessions::attach(rules.native_handle());
  const auto sessions = std::make_shared<tls_sessions>();
  boost::asio::ip::tcp::socket socket(f.loop.executor);
  socket.connect({boost::asio::ip::make_address("127.0.0.1"), server.port()});
  tls_stream made(make_tcp_stream(std::move(socket)), ssl_ptr(SSL_new(rules.native_handle())), sessions, "localhost:443");
  CHECK_FALSE(f.loop.run(made.handshake()));
  CHECK(f.loop.run(exchange_words(made, "hello")) == "hello");
  const std::time_t now = std::time(nullptr);
  CHECK(sessions->find("localhost:443", now) != nullptr);
  CHECK(sessions->find("localhost:444", now) == nullptr);
  CHECK(sessions->find("localhost:443", now + days * 86'400) == nullptr);
  CHECK(sessions->size() == 0);
}

TEST_CASE("sessions are kept of so many hosts at most, whatever redirects lead to") {
  tls_sessions sessions;
  for (std::size_t i = 0; i < tls_sessions::most_hosts + 10; ++i) sessions.remember(std::to_string(i), SSL_SESSION_new());
  CHECK(sessions.size() <= tls_sessions::most_hosts);
  CHECK(sessions.size() >= tls_sessions::most_hosts / 2);
}

TEST_CASE("a session that the server no longer knows costs a whole handshake and nothing else") {
  fixture f;
  test::scripted_server server({test::over_tls(f.authority.issue(), echo), test::over_tls(f.authority.issue(), echo)});
  for (int i = 0; i < 2; ++i) CHECK(f.loop.run(exchange_words(*test::must(f.connect(f.at(server))), "hello")) == "hello");
}

TEST_CASE("tickets that come to an idle connection do not spoil it, and its end does") {
  fixture f;
  test::scripted_server server({test::over_tls(f.authority.issue(), [](test::tls_session& session) {
    session.receive();
    session.send("answer");
    session.receive();
  })});
  const stream made = test::must(f.connect(f.at(server)));
  f.loop.run_for(50ms);  // the tickets follow the handshake
  CHECK(made->quiet());
  CHECK(f.loop.run(exchange_words(*made, "hello")) == "answer");
  CHECK(made->quiet());
  CHECK_FALSE(f.loop.run(made->write_all(std::as_bytes(std::span("x", 1)))));
  CHECK(f.loop.run(read_once(*made)).code == boost::asio::ssl::error::stream_truncated);
  CHECK_FALSE(made->quiet());
}

TEST_CASE("long messages go both ways unchanged, whatever the reader's block, with new keys in between") {
  std::string message;
  for (int i = 0; message.size() < 700'000; ++i) message += std::to_string(i);
  for (const std::size_t block : {std::size_t{1000}, std::size_t{16 * 1024}, std::size_t{256 * 1024}, std::size_t{1} << 20}) {
    INFO(block);
    fixture f;
    test::scripted_server server({test::over_tls(f.authority.issue(), [&message](test::tls_session& session) {
      std::string got;
      while (got.size() < message.size()) {
        const std::string more = session.receive();
        if (more.empty()) return;
        got += more;
      }
      session.send(got.substr(0, 300'000));
      session.update_keys();
      session.send(got.substr(300'000));
      session.send(session.receive());
    })});
    const stream made = test::must(f.connect(f.at(server)));
    CHECK_FALSE(f.loop.run(made->write_all(std::as_bytes(std::span(message.data(), message.size())))));
    CHECK(f.loop.run(read_bytes(*made, message.size(), block)) == message);
    CHECK(f.loop.run(exchange_words(*made, "under new keys")) == "under new keys");
  }
}

TEST_CASE("a read that does not wait says so") {
  fixture f;
  test::scripted_server server({test::over_tls(f.authority.issue(), echo)});
  const stream made = test::must(f.connect(f.at(server)));
  std::array<std::byte, 64> block;
  CHECK(made->read_now(block).code == boost::asio::error::would_block);
  CHECK(f.loop.run(exchange_words(*made, "hello")) == "hello");
  made->close();
  CHECK(made->read_now(block).code);
}

}  // namespace
}  // namespace gantry::net
