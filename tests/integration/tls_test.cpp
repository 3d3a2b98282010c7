// Certificates as they are met: nginx in front of a registry.
#include "integration/shelf.hpp"
#include "integration/workplace.hpp"

#include "support/catch.hpp"
#include "support/nginx.hpp"
#include "support/servers.hpp"
#include "support/tls_server.hpp"

using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

struct secured {
  temp_dir directory;
  docker_registry registry{directory / "registry", {shelf()}};
  certificate_authority authority;
  workplace place;

  secured() { spill(directory / "ca.pem", authority.certificate()); }

  std::string ca() const { return (directory / "ca.pem").string(); }
  static std::vector<std::string> pull(const std::string& host, std::vector<std::string> more = {}) {
    std::vector<std::string> words{"pull", host + "/team/classic:1.0", "--store-only", "--retries", "0"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
};

}  // namespace

TEST_CASE("certificates that are not trusted say why and what to do", "[integration]") {
  secured s;
  const certificate_authority stranger;
  struct row {
    tls_identity identity;
    const char* why;
    const char* advice;
  };
  const row rows[] = {
      {s.authority.issue({"DNS:elsewhere.test", -1, 1}), "IP address mismatch", "the name that the certificate was issued for"},
      {s.authority.issue({"IP:127.0.0.1", -10, -5}), "expired", "clock"},
      {certificate_authority::self_signed(), "self-signed", "--ca-cert"},
      {stranger.issue(), "unable to get local issuer", "--ca-cert"},
  };
  int number = 0;
  for (const row& one : rows) {
    const nginx_server front(s.directory / std::to_string(number++), proxy_to(s.registry.host()), one.identity);
    const outcome refused = s.place.run(secured::pull(front.host(), {"--ca-cert", s.ca()}));
    INFO(refused.err);
    CHECK(refused.status == 1);
    CHECK(refused.err.find(one.why) != std::string::npos);
    CHECK(refused.err.find(one.advice) != std::string::npos);
    CHECK(refused.err.find("the certificate of " + front.host() + " is not trusted") != std::string::npos);
    const workplace careless;
    const outcome taken = careless.run(secured::pull(front.host(), {"--insecure"}));
    CHECK(taken.ok());
    CHECK(taken.err.find("is not checked") != std::string::npos);
  }
}

TEST_CASE("authorities come from every variable that other tools read", "[integration]") {
  secured s;
  const nginx_server front(s.directory / "front", proxy_to(s.registry.host()), s.authority.issue());
  fs::create_directory(s.directory / "hashed");
  spill(s.directory / "hashed/ca.pem", s.authority.certificate());
  run_or_throw({{"openssl", "rehash", (s.directory / "hashed").string()}});
  const std::pair<const char*, std::string> variables[] = {{"SSL_CERT_FILE", s.ca()},
                                                           {"SSL_CERT_DIR", (s.directory / "hashed").string()},
                                                           {"REQUESTS_CA_BUNDLE", s.ca()},
                                                           {"REQUESTS_CA_BUNDLE", (s.directory / "hashed").string()},
                                                           {"CURL_CA_BUNDLE", s.ca()}};
  for (const auto& [name, value] : variables) {
    INFO(name << "=" << value);
    const workplace place;
    CHECK(place.run(secured::pull(front.host()), {{name, value}}).ok());
  }
  const outcome missing = s.place.run(secured::pull(front.host()), {{"CURL_CA_BUNDLE", "/nonexistent.pem"}});
  CHECK(missing.status == 4);
  CHECK(missing.err.find("CURL_CA_BUNDLE") != std::string::npos);
}

TEST_CASE("authorities that a variable names and that are of no use are told with variable and file", "[integration]") {
  secured s;
  const nginx_server front(s.directory / "front", proxy_to(s.registry.host()), s.authority.issue());
  spill(s.directory / "garbage.pem", "-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n");
  const std::string garbage = (s.directory / "garbage.pem").string();
  // What is no certificate although it looks like one shows when it is needed.
  const outcome refused = s.place.run(secured::pull(front.host()), {{"SSL_CERT_FILE", garbage}});
  INFO(refused.err);
  CHECK(refused.status == 1);
  CHECK(refused.err.find("SSL_CERT_FILE names " + garbage + ", which holds no certificate that can be read") != std::string::npos);
  for (const char* name : {"SSL_CERT_FILE", "SSL_CERT_DIR"}) {
    const outcome missing = s.place.run(secured::pull(front.host()), {{name, "/nonexistent"}});
    INFO(missing.err);
    CHECK(missing.status == 1);
    CHECK(missing.err.find(std::string("warning: ") + name + ": /nonexistent cannot be read") != std::string::npos);
  }
  // Each takes the place of its own kind alone, and an empty one is none.
  const outcome taken = s.place.run(secured::pull(front.host()), {{"SSL_CERT_FILE", s.ca()}, {"SSL_CERT_DIR", ""}});
  INFO(taken.err);
  CHECK(taken.ok());
  CHECK(taken.err.find("SSL_CERT_") == std::string::npos);
}

TEST_CASE("certs.d gives authority and client certificate, and a server that wants one says so", "[integration]") {
  secured s;
  const nginx_server front(s.directory / "front",
                           "ssl_verify_client on; ssl_client_certificate " + s.ca() + ";\n" + proxy_to(s.registry.host()),
                           s.authority.issue());
  const outcome without = s.place.run(secured::pull(front.host(), {"--ca-cert", s.ca()}));
  INFO(without.err);
  CHECK(without.status == 1);
  CHECK(without.err.find("certs.d/" + front.host()) != std::string::npos);

  const fs::path certs = s.place / "home/.config/containers/certs.d" / front.host();
  fs::create_directories(certs);
  const tls_identity mine = s.authority.issue({"DNS:client.test", -1, 1});
  spill(certs / "ca.crt", s.authority.certificate());
  spill(certs / "client.cert", mine.certificate);
  const outcome half = s.place.run(secured::pull(front.host()));
  CHECK(half.status == 2);
  CHECK(half.err.find("client.key") != std::string::npos);
  spill(certs / "client.key", mine.key);
  const outcome pulled = s.place.run(secured::pull(front.host()));
  INFO(pulled.err);
  CHECK(pulled.ok());
  const outcome without_host_config = s.place.run(secured::pull(front.host(), {"--no-host-config"}));
  CHECK(without_host_config.status == 1);
}

TEST_CASE("insecure is for one registry: where it keeps its blobs is checked all the same", "[integration]") {
  secured s;
  const nginx_server storage(s.directory / "storage", proxy_to(s.registry.host()), certificate_authority::self_signed());
  const nginx_server front(
      s.directory / "front",
      "location ~ ^/v2/.*/blobs/ { return 307 https://" + storage.host() + "$request_uri; }\n" + proxy_to(s.registry.host()),
      certificate_authority::self_signed());
  const outcome refused = s.place.run(secured::pull(front.host(), {"--insecure"}));
  INFO(refused.err);
  CHECK(refused.status == 1);
  CHECK(refused.err.find("not trusted") != std::string::npos);
  CHECK(storage.log().empty());
  CHECK(s.place.run(secured::pull(front.host(), {"--insecure", "--insecure=" + storage.host()})).ok());
}

TEST_CASE("credentials stay with the registry when nginx redirects to a host for blobs", "[integration]") {
  secured s;
  registry_options closed{shelf()};
  closed.username = "alice";
  closed.password = "wonder";
  const docker_registry guarded(s.directory / "guarded", closed);
  const nginx_server storage(s.directory / "storage", proxy_to(s.registry.host()), s.authority.issue());
  const nginx_server front(
      s.directory / "front",
      "location ~ ^/v2/.*/blobs/ { return 307 https://" + storage.host() + "$request_uri; }\n" + proxy_to(guarded.host()),
      s.authority.issue());
  const outcome pulled = s.place.run(secured::pull(front.host(), {"--ca-cert", s.ca(), "-u", "alice", "-p", "wonder"}));
  INFO(pulled.err);
  CHECK(pulled.ok());
  CHECK(front.log().find("\"Basic ") != std::string::npos);
  CHECK(storage.log().find("/blobs/") != std::string::npos);
  CHECK(storage.log().find("Basic") == std::string::npos);
}
