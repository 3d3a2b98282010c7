#include "http/routes.hpp"

#include "support/catch.hpp"

#include <string>

using namespace gantry;
using namespace gantry::http;

namespace {

origin at(const std::string& registry, const std::string& scheme = "https") { return endpoint_of(registry, scheme).value(); }

}  // namespace

TEST_CASE("a certificate is left unchecked for the host and port that was named, and for no other") {
  routes table;
  table.unverified = {"a.test:5000"};
  CHECK_FALSE(table.find(at("a.test:5000")).value().tls.verify);
  CHECK(table.find(at("a.test")).value().tls.verify);
  CHECK(table.find(at("b.test:5000")).value().tls.verify);
  table.unverified = {"*"};
  CHECK_FALSE(table.find(at("b.test")).value().tls.verify);
}

TEST_CASE("certs.d adds authorities and a client certificate to its host alone") {
  routes table;
  table.ca_files = {"/ca.pem"};
  config::host_certificates named;
  named.authorities = {"/certs.d/a.crt"};
  named.client.emplace("/certs.d/c.cert", "/certs.d/c.key");
  table.certificates.emplace("a.test:5000", named);
  const auto route = table.find(at("a.test:5000")).value();
  CHECK(route.tls.ca_files == std::vector<std::filesystem::path>{"/ca.pem", "/certs.d/a.crt"});
  REQUIRE(route.tls.shown);
  CHECK(route.tls.shown->key == "/certs.d/c.key");
  CHECK_FALSE(table.find(at("b.test:5000")).value().tls.shown);
  CHECK(table.find(at("b.test:5000")).value().tls.ca_files.size() == 1);
  // In clear text nothing of it matters, so that connections are not kept apart for nothing.
  CHECK(table.find(at("a.test:5000", "http")).value().tls == net::tls_settings());
}

TEST_CASE("the API of a registry has the certificates of the registry's name") {
  routes table;
  table.aliases.emplace("registry-1.docker.io:443", "docker.io");
  table.certificates.emplace("docker.io", config::host_certificates{{"/certs.d/hub.crt"}, {}, {}});
  CHECK(table.find(at("registry-1.docker.io")).value().tls.ca_files.size() == 1);
  CHECK(table.find(at("auth.docker.io")).value().tls.ca_files.empty());
}

TEST_CASE("half a pair of client certificate and key fails the host that it is for") {
  routes table;
  table.certificates.emplace("a.test", config::sort_certificates("/certs.d/a.test", {"x.cert"}));
  const auto route = table.find(at("a.test"));
  REQUIRE_FALSE(route);
  CHECK(route.error().code == errc::invalid_option);
  CHECK(table.find(at("b.test")));
}

TEST_CASE("proxies are chosen by scheme and host, with the given authorities for https proxies") {
  routes table;
  proxy_settings settings;
  settings.http = "http://p.test:3128";
  settings.https = "https://u:p@q.test";
  settings.no_proxy = "direct.test";
  table.ca_files = {"/ca.pem"};
  table.proxies = config::proxy_rules(settings);
  const auto secure = table.find(at("a.test")).value();
  REQUIRE(secure.via);
  CHECK(secure.via->string() == "https://q.test");
  CHECK(secure.proxy_tls.ca_files.size() == 1);
  CHECK_FALSE(secure.is_relayed());
  auto clear = table.find(at("a.test", "http")).value();
  clear.secure = false;
  CHECK(clear.via->string() == "http://p.test:3128");
  CHECK(clear.is_relayed());
  CHECK_FALSE(table.find(at("direct.test")).value().via);
}
