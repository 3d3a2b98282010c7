// Requests that go through a proxy, or by a route that cannot be found.
#include "http/client.hpp"

#include "support/scripted_server.hpp"
#include "support/temp_dir.hpp"
#include "support/tls_server.hpp"
#include "unit/http/client_fixture.hpp"

#include <string>
#include <utility>

namespace gantry::http {
namespace {

using fixture = client_fixture;

TEST_CASE("a host in clear text is asked through an http proxy in absolute-form, with the proxy's credentials beside its own") {
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
  CHECK(head.find("\r\nProxy-Authorization: Basic bWU6Z2VoZWlt\r\n") != std::string::npos);
  CHECK(head.find("\r\nAuthorization: Basic cmVnaXN0cnk=\r\n") != std::string::npos);
  // A caller cannot say it by itself: it would reach origins.
  message.set("Proxy-Authorization", "Basic x");
  test::must_fail(loop.run(asking.send(message, stop)), errc::internal_error);
}

TEST_CASE("through a tunnel the proxy gets its own credentials alone, and so does the host behind it") {
  test::loop loop;
  const test::certificate_authority authority;
  const test::temp_dir directory;
  test::spill(directory / "ca.pem", authority.certificate());
  runtime::lanes workers;
  net::connector connections{workers, net::connect_limits{10s, 10s}};
  runtime::stop_source stop;
  std::string to_proxy;
  std::string to_host;
  const auto host = test::over_tls(authority.issue({"DNS:registry.test", -1, 1}), [&to_host](test::tls_session& session) {
    to_host = session.receive();
    session.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
  });
  test::scripted_server proxy({[&to_proxy, &host](test::socket_handle& connection) {
    to_proxy = test::receive_head(connection);
    connection.send("HTTP/1.1 200 OK\r\n\r\n");
    host(connection);
  }});
  net::endpoint route;
  route.tls.ca_files = {directory / "ca.pem"};
  route.via.emplace();
  route.via->host = "127.0.0.1";
  route.via->port = proxy.port();
  route.via->username = "me";
  route.via->password = "geheim";
  client asking(connections, exchange_limits{10s, 10s}, [&route](const origin&) { return result<net::endpoint>(route); });
  request message;
  message.target = test::must(url::parse("https://registry.test:5000/v2/?n=1"));
  message.set("Authorization", "Basic cmVnaXN0cnk=");
  exchange reply = test::must(loop.run(asking.send(message, stop)));
  CHECK(test::must(loop.run(reply.read_all(10))) == "ok");
  CHECK(to_proxy.starts_with("CONNECT registry.test:5000 HTTP/1.1\r\n"));
  CHECK(to_proxy.find("\r\nProxy-Authorization: Basic bWU6Z2VoZWlt\r\n") != std::string::npos);
  CHECK(to_proxy.find("\r\nAuthorization:") == std::string::npos);
  CHECK(to_host.starts_with("GET /v2/?n=1 HTTP/1.1\r\n"));
  CHECK(to_host.find("\r\nAuthorization: Basic cmVnaXN0cnk=\r\n") != std::string::npos);
  CHECK(to_host.find("Proxy-Authorization") == std::string::npos);
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
