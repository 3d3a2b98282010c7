// Where a registry is asked: with TLS or in clear text, at a mirror, through a proxy.
#include "registry/registry_client.hpp"

#include "support/scripted_server.hpp"
#include "unit/registry/client_fixture.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gantry::registry {
namespace {

using fixture = client_fixture;

/// A client of a registry on this machine behind a proxy at \p host.
struct proxied {
  explicit proxied(std::string host) : via(std::move(host)) { settings.credentials = std::make_shared<one_credential>("alice", "wonder"); }
  result<net::endpoint> route() const {
    net::endpoint made;
    made.via.emplace();
    made.via->host = via;
    made.via->port = 3128;
    return made;
  }

  test::loop loop;
  std::string via;
  runtime::lanes workers;
  net::connector connections{workers, net::connect_limits{10s, 10s}};
  http::client http{connections, http::exchange_limits{5s, 5s}, [this](const http::origin&) { return route(); }};
  registry_settings settings;
};

TEST_CASE("a registry that speaks TLS and was asked in clear text is named, in the words of Go and of nginx") {
  for (const std::string words : {"Client sent an HTTP request to an HTTPS server.\n",
                                  "<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>"}) {
    INFO(words);
    test::scripted_server server(
        {test::answers({"HTTP/1.1 400 Bad Request\r\nContent-Length: " + std::to_string(words.size()) + "\r\n\r\n" + words})});
    test::fake_registry unused;
    fixture f(unused);
    f.host = "127.0.0.1:" + std::to_string(server.port());
    registry_client client(f.http, f.workers, f.settings(f.host, nullptr));
    const failure said = test::must_fail(f.loop.run(client.get_manifest(f.name("team/app:1.0"), f.stop)), errc::tls_expected);
    CHECK(said.text.message().find("--plain-http") != std::string::npos);
  }
}

TEST_CASE("a registry on this machine is tried with TLS first and then in clear text, once") {
  test::fake_registry registry;
  registry.hold("team/app", "1.0", small_image());
  fixture f(registry, nullptr, false);
  test::must(f.manifest());
  CHECK(registry.strangers(1) == 1);
  test::must(f.manifest());
  CHECK(registry.strangers(1) == 1);
}

/// The registry itself at its own name.
config::endpoint place_at(const std::string& host, const std::string& repository) {
  config::endpoint made;
  made.registry = host;
  made.repository = repository;
  made.source = "the test";
  return made;
}

TEST_CASE("a registry on this machine is not asked in clear text where https was written") {
  test::fake_registry registry;
  registry.hold("team/app", "1.0", small_image());
  fixture f(registry, nullptr, false);
  registry_settings settings = f.settings("none.test", nullptr);
  settings.endpoints = [](const std::string& host, const std::string& repository) {
    std::vector<config::endpoint> found(1, place_at(host, repository));
    found[0].tls_only = true;
    found[0].insecure = true;
    return result<std::vector<config::endpoint>>(std::move(found));
  };
  registry_client client(f.http, f.workers, std::move(settings));
  const failure said = test::must_fail(f.loop.run(client.get_manifest(f.name("team/app:1.0"), f.stop)), errc::tls_expected);
  CHECK(said.text.message() ==
        registry.host() + " answers without TLS, and the test writes https:// before it; http:// there is for clear text");
  CHECK(registry.requests().empty());
}

TEST_CASE("places of one name with other schemes and rules of TLS share nothing that was learnt") {
  test::fake_registry registry;
  for (const char* name : {"team/app", "team/other", "team/third"}) registry.hold(name, "1.0", small_image());
  fixture f(registry, nullptr, false);
  registry_settings settings = f.settings("none.test", nullptr);
  settings.endpoints = [](const std::string& host, const std::string& repository) {
    std::vector<config::endpoint> found(1, place_at(host, repository));
    found[0].tls_only = repository == "team/other";
    found[0].plain_http = repository == "team/third";
    return result<std::vector<config::endpoint>>(std::move(found));
  };
  registry_client client(f.http, f.workers, std::move(settings));
  test::must(f.loop.run(client.get_manifest(f.name("team/app:1.0"), f.stop)));
  test::must_fail(f.loop.run(client.get_manifest(f.name("team/other:1.0"), f.stop)), errc::tls_expected);
  CHECK(registry.strangers(2) == 2);
  test::must(f.loop.run(client.get_manifest(f.name("team/third:1.0"), f.stop)));
  CHECK(registry.strangers(2) == 2);
}

TEST_CASE("a mirror that wants credentials is logged in to, since flags are for the registry that is named") {
  for (const test::fake_auth kind : {test::fake_auth::basic, test::fake_auth::bearer}) {
    test::fake_registry mirror(with_auth(kind, "alice", "secret"));
    test::fake_registry registry;
    registry.hold("team/app", "1.0", small_image());
    fixture f(registry);
    std::string warned;
    registry_settings settings = f.settings(registry.host(), nullptr);
    settings.plain_http.insert(mirror.host());
    settings.warn = [&warned](const std::string& text) { warned += text; };
    settings.endpoints = [&mirror](const std::string& host, const std::string& repository) {
      std::vector<config::endpoint> found{place_at(mirror.host(), repository), place_at(host, repository)};
      found[0].is_mirror = true;
      return result<std::vector<config::endpoint>>(std::move(found));
    };
    registry_client client(f.http, f.workers, std::move(settings));
    test::must(f.loop.run(client.get_manifest(f.name("team/app:1.0"), f.stop)));
    INFO(warned);
    CHECK(warned.find("'gantry login " + mirror.host() + "'") != std::string::npos);
    CHECK(warned.find("--username") == std::string::npos);
  }
}

TEST_CASE("localhost behind a proxy elsewhere is asked in clear text by nobody, and gets no secrets so") {
  error_code ec;
  const reference image = reference::parse("localhost:5000/team/app:1.0", ec);
  runtime::stop_source stop;
  for (const auto& [proxy, here] : {std::pair("proxy.test", false), std::pair("127.0.0.1", true)}) {
    INFO(proxy);
    proxied p(proxy);
    registry_client client(p.http, p.workers, p.settings);
    const auto seen = test::must(p.loop.run(client.view(image, stop)));
    REQUIRE(seen.size() == 1);
    CHECK(seen.front().may_fall_back == here);
    const authenticator who(p.http, p.workers, {"localhost:5000", p.settings.credentials});
    CHECK(who.may_carry_secrets(test::must(http::endpoint_of("localhost:5000", "http"))) == here);
    CHECK(who.may_carry_secrets(test::must(http::endpoint_of("localhost:5000", "https"))));
  }
  // Whoever says so may.
  proxied p("proxy.test");
  p.settings.plain_http = {"localhost:5000"};
  registry_client client(p.http, p.workers, p.settings);
  CHECK(test::must(p.loop.run(client.view(image, stop))).front().origin.scheme == "http");
}

}  // namespace
}  // namespace gantry::registry
