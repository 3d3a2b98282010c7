// Real proxies between the program and real registries.
#include "integration/guarded.hpp"
#include "integration/shelf.hpp"
#include "integration/workplace.hpp"

#include "support/base64.hpp"
#include "support/catch.hpp"
#include "support/nginx.hpp"
#include "support/proxies.hpp"
#include "support/servers.hpp"
#include "support/socket.hpp"
#include "support/tls_server.hpp"

#include <unistd.h>

using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

/// A registry that is found only through the proxy, under the name registry.test.
struct behind_squid {
  explicit behind_squid(registry_options options = {shelf()})
      : registry(directory / "registry", std::move(options)), squid(directory / "squid") {}

  temp_dir directory;
  docker_registry registry;
  squid_proxy squid;
  workplace place;

  std::string image() const { return "registry.test:" + std::to_string(registry.port()) + "/team/classic:1.0"; }
  std::vector<std::string> pull(std::vector<std::string> more = {}) const {
    std::vector<std::string> words{"pull", image(), "--store-only", "--plain-http"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
};

void check_no_secret(const outcome& result) {
  CHECK(result.err.find(squid_proxy::password) == std::string::npos);
  CHECK(result.out.find(squid_proxy::password) == std::string::npos);
}

}  // namespace

TEST_CASE("squid relays a registry in clear text, by variable and by option", "[integration]") {
  behind_squid s;
  const outcome by_variable = s.place.run(s.pull({"--debug"}), {{"http_proxy", s.squid.url()}});
  INFO(by_variable.err);
  CHECK(by_variable.ok());
  check_no_secret(by_variable);
  CHECK(s.squid.log("/blobs/").find("GET http://registry.test:") != std::string::npos);
  const workplace other;
  const outcome by_option = other.run(s.pull({"--proxy", s.squid.url()}));
  INFO(by_option.err);
  CHECK(by_option.ok());
  CHECK(store_problems(other.store()) == "");
}

TEST_CASE("squid without or with wrong credentials is named, with what to write", "[integration]") {
  behind_squid s;
  const outcome none = s.place.run(s.pull({"--proxy", s.squid.url_without_credentials()}));
  INFO(none.err);
  CHECK(none.status == 1);
  CHECK(none.err.find("the proxy " + s.squid.url_without_credentials()) != std::string::npos);
  CHECK(none.err.find("USER:PASSWORD") != std::string::npos);
  std::string wrong = s.squid.url();
  wrong.replace(wrong.find(squid_proxy::password), std::string(squid_proxy::password).size(), "wrong-geheim");
  const outcome refused = s.place.run(s.pull({"--proxy", wrong, "--debug"}));
  CHECK(refused.status == 1);
  CHECK(refused.err.find("does not accept the user name and password") != std::string::npos);
  CHECK(refused.err.find("wrong-geheim") == std::string::npos);
}

TEST_CASE("TLS goes through squid in a tunnel, and through TLS to squid", "[integration]") {
  registry_options options{shelf()};
  options.tls = true;
  options.username = "alice";
  options.password = "wonder";
  const temp_dir directory;
  const docker_registry registry(directory / "registry", options);
  const squid_proxy squid(directory / "squid");
  // 127.0.0.1 is what the certificate names; a proxy that was named by hand is used for this machine too.
  const std::string image = registry.host() + "/team/classic:1.0";
  const auto pull = [&](const workplace& place, const std::string& proxy, const fs::path& proxy_ca) {
    return place.run({"pull", image, "--store-only", "--ca-cert", registry.certificates().authority.string(), "--proxy", proxy, "-u",
                      "alice", "-p", "wonder"},
                     {{"SSL_CERT_FILE", proxy_ca.string()}});
  };
  const workplace place;
  const outcome tunnelled = pull(place, squid.url(), squid.authority());
  INFO(tunnelled.err);
  CHECK(tunnelled.ok());
  CHECK(squid.log("CONNECT").find("CONNECT " + registry.host() + " " + squid_proxy::username) != std::string::npos);
  const workplace other;
  const outcome twice = pull(other, squid.https_url(), squid.authority());
  INFO(twice.err);
  CHECK(twice.ok());
  const workplace third;
  const outcome stranger = pull(third, squid.https_url(), directory / "none.pem");
  CHECK(stranger.status == 1);
  CHECK(stranger.err.find("the proxy https://127.0.0.1") != std::string::npos);
}

TEST_CASE("NO_PROXY and this machine's own addresses go directly", "[integration]") {
  behind_squid s;
  const std::string dead = "http://127.0.0.1:" + std::to_string(unused_port());
  const std::string local = s.registry.host() + "/team/classic:1.0";
  CHECK(s.place.run({"pull", local, "--store-only"}, {{"HTTP_PROXY", dead}, {"HTTPS_PROXY", dead}}).ok());
  const workplace other;
  CHECK(other.run({"pull", local, "--store-only", "--proxy", dead}, {{"NO_PROXY", "127.0.0.0/8"}}).ok());
  const workplace third;
  const outcome refused = third.run({"pull", local, "--store-only", "--proxy", dead, "--retries", "0"});
  CHECK(refused.status == 1);
  CHECK(refused.err.find("the proxy " + dead) != std::string::npos);
}

TEST_CASE("danted carries a registry whose name only it resolves", "[integration]") {
  const temp_dir directory;
  const docker_registry registry(directory / "registry", {shelf()});
  const socks_server socks(directory / "socks");
  const workplace place;
  const std::string image = "localhost:" + std::to_string(registry.port()) + "/team/classic:1.0";
  const outcome pulled = place.run({"pull", image, "--store-only", "--proxy", socks.url()});
  INFO(pulled.err);
  CHECK(pulled.ok());
  const std::string target = "127.0.0.1." + std::to_string(registry.port());
  CHECK(socks.log(target).find(target) != std::string::npos);
  const workplace other;
  const outcome nowhere =
      other.run({"pull", "no-such-host.test:5000/x", "--store-only", "--plain-http", "--proxy", socks.url(), "--retries", "0"});
  INFO(nowhere.err);
  CHECK(nowhere.status == 1);
  CHECK(nowhere.err.find("the proxy " + socks.url()) != std::string::npos);
}

TEST_CASE("danted resolves the names of registries, not this machine", "[integration]") {
  if (::geteuid() != 0) {
    WARN("skipped: only root can give danted a hosts file of its own");
    return;
  }
  const temp_dir directory;
  const docker_registry registry(directory / "registry", {shelf()});
  const socks_server socks(directory / "socks");
  const workplace place;
  const std::string image = "registry.test:" + std::to_string(registry.port()) + "/team/classic:1.0";
  const outcome pulled = place.run({"pull", image, "--store-only", "--plain-http", "--proxy", socks.url()});
  INFO(pulled.err);
  CHECK(pulled.ok());
  const workplace other;
  const outcome direct = other.run({"pull", image, "--store-only", "--plain-http", "--retries", "0"});
  CHECK(direct.err.find("the host registry.test cannot be found") != std::string::npos);
}

TEST_CASE("squid hears in CONNECT who wants to go through it, and not who wants to go to the registry", "[integration]") {
  const temp_dir directory;
  const guarded_registry registry;
  certificate_authority authority;
  spill(directory / "ca.pem", authority.certificate());
  const nginx_server front(directory / "front", proxy_to(registry.host()), authority.issue({"DNS:registry.test"}));
  const squid_proxy squid(directory / "squid");
  const workplace place;
  const std::string image = "registry.test:" + std::to_string(front.port()) + "/team/app:1.0";
  const outcome pulled = place.run({"pull", image, "--store-only", "--proxy", squid.url(), "--ca-cert", (directory / "ca.pem").string(),
                                    "-u", guarded_registry::user, "-p", guarded_registry::password});
  INFO(pulled.err);
  CHECK(pulled.ok());
  const std::string log = squid.log("CONNECT registry.test:" + std::to_string(front.port()));
  CHECK(log.find("CONNECT registry.test:") != std::string::npos);
  // It logs the header fields that it got.
  CHECK(log.find("Host: registry.test") != std::string::npos);
  std::string rest = log;
  for (std::size_t at = rest.find("Proxy-Authorization:"); at != std::string::npos; at = rest.find("Proxy-Authorization:"))
    rest.erase(at, 20);
  CHECK(rest.find("Authorization:") == std::string::npos);
  CHECK(log.find(base64(std::string(guarded_registry::user) + ":" + guarded_registry::password)) == std::string::npos);
}

TEST_CASE("danted that asks for a user name gets it, and refuses a wrong one by name", "[integration]") {
  if (::geteuid() != 0) {
    WARN("skipped: only root can give danted a user");
    return;
  }
  const temp_dir directory;
  const docker_registry registry(directory / "registry", {shelf()});
  const socks_server socks(directory / "socks", true);
  const std::string image = "localhost:" + std::to_string(registry.port()) + "/team/classic:1.0";
  const auto pull = [&](const std::string& proxy) {
    const workplace place;
    return place.run({"pull", image, "--store-only", "--debug", "--retries", "0", "--proxy", proxy});
  };
  const outcome pulled = pull(socks.url_with(socks_server::password));
  INFO(pulled.err);
  CHECK(pulled.ok());
  CHECK(pulled.err.find(socks_server::password) == std::string::npos);
  CHECK(socks.log(socks_server::username).find(socks_server::username) != std::string::npos);
  const outcome wrong = pull(socks.url_with("wrong-word"));
  INFO(wrong.err);
  CHECK(wrong.status == 1);
  CHECK(wrong.err.find("does not accept the user name and password") != std::string::npos);
  CHECK(wrong.err.find("wrong-word") == std::string::npos);
  const outcome none = pull(socks.url());
  CHECK(none.status == 1);
  CHECK(none.err.find("USER:PASSWORD") != std::string::npos);
}

TEST_CASE("a proxy that cannot be used is wrong usage, and its secret stays one", "[integration]") {
  const workplace place;
  for (const char* proxy : {"ftp://me:geheim@host", "http://me:geheim@host:0"}) {
    const outcome refused = place.run({"pull", "registry.test/x", "--proxy", proxy});
    INFO(refused.err);
    CHECK(refused.status == 2);
    CHECK(refused.err.find("geheim") == std::string::npos);
  }
}
