#include "config/mirror_rules.hpp"

#include "support/catch.hpp"

#include <string>
#include <vector>

using namespace gantry;
using namespace gantry::config;

namespace {

/// `host/api/repository` of each endpoint, as a request would say it.
std::vector<std::string> urls(const mirror_rules& rules, const std::string& registry, const std::string& repository) {
  std::vector<std::string> found;
  for (const endpoint& one : rules.endpoints(registry, repository).value()) {
    found.push_back((one.plain_http ? "http://" : "https://") + one.registry + one.api + "/" + one.repository +
                    (one.name_space.empty() ? "" : "?ns=" + one.name_space));
  }
  return found;
}

using list = std::vector<std::string>;

}  // namespace

TEST_CASE("without rules a registry is had where it is") {
  CHECK(urls({}, "docker.io", "library/nginx") == list{"https://docker.io/v2/library/nginx"});
}

TEST_CASE("mirrors of options come in their order, before the registry, and the longest name decides") {
  mirror_rules rules;
  rules.options = {{"docker.io", "https://one.test"}, {"docker.io", "http://two.test:5000/docker.io/"}, {"docker.io/team", "three.test/t"}};
  CHECK(urls(rules, "docker.io", "library/nginx") ==
        list{"https://one.test/v2/library/nginx", "http://two.test:5000/v2/docker.io/library/nginx", "https://docker.io/v2/library/nginx"});
  CHECK(urls(rules, "docker.io", "team/app") == list{"https://three.test/v2/t/app", "https://docker.io/v2/team/app"});
  CHECK(urls(rules, "quay.io", "team/app").size() == 1);
  rules.options = {{"docker.io/team/app", "https://one.test/t/app"}};
  CHECK(urls(rules, "docker.io", "team/app") == list{"https://one.test/v2/t/app", "https://docker.io/v2/team/app"});
  rules.options = {{"docker.io", "https://me:geheim@one.test"}};
  const auto refused = rules.endpoints("docker.io", "x");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().text.message().find("geheim") == std::string::npos);
}

TEST_CASE("registries.conf gives mirrors, moves, blocks and distrusts") {
  mirror_rules rules;
  rules.containers = registries_conf::parse(R"(
[[registry]]
prefix = "docker.io"
location = "hub.test/mirror"
[[registry.mirror]]
location = "one.test:5000"
insecure = true
pull-from-mirror = "digest-only"
[[registry]]
location = "bad.test"
blocked = true
)",
                                            "r.conf")
                         .value();
  CHECK(urls(rules, "docker.io", "library/nginx") ==
        list{"https://one.test:5000/v2/library/nginx", "https://hub.test/v2/mirror/library/nginx"});
  const auto found = rules.endpoints("docker.io", "library/nginx").value();
  CHECK(found[0].insecure);
  CHECK_FALSE(found[0].tags);
  CHECK(found[0].is_mirror);
  CHECK_FALSE(found[1].is_mirror);
  CHECK(found[1].moved);
  CHECK_FALSE(rules.endpoints("other.test", "x").value().back().moved);
  const auto blocked = rules.endpoints("bad.test", "x");
  REQUIRE_FALSE(blocked);
  CHECK(blocked.error().code == errc::forbidden);
  CHECK(blocked.error().text.message().find("r.conf") != std::string::npos);
  // An option gives the mirrors, and does not lift what is blocked.
  rules.options = {{"docker.io", "https://o.test"}, {"bad.test", "https://o.test"}};
  CHECK(urls(rules, "docker.io", "x") == list{"https://o.test/v2/x", "https://hub.test/v2/mirror/x"});
  CHECK_FALSE(rules.endpoints("bad.test", "x"));
}

TEST_CASE("hosts.toml gives mirrors in the order of the file, told which registry is meant") {
  mirror_rules rules;
  rules.containerd.emplace_back("docker.io", hosts_toml::parse(R"(
server = "https://registry-1.docker.io"
[host."https://z.test"]
capabilities = ["pull", "resolve"]
skip_verify = true
ca = "z.pem"
[host."http://a.test:5000/proxy"]
capabilities = ["pull"]
client = [["/c.cert", "/c.key"]]
[host."https://harbor.test/v2/hub"]
override_path = true
)",
                                                               "/etc/containerd/certs.d/docker.io/hosts.toml")
                                                 .value());
  CHECK(urls(rules, "docker.io", "library/nginx") ==
        list{"https://z.test/v2/library/nginx?ns=docker.io", "http://a.test:5000/proxy/v2/library/nginx?ns=docker.io",
             "https://harbor.test/v2/hub/library/nginx?ns=docker.io", "https://docker.io/v2/library/nginx"});
  const auto found = rules.endpoints("docker.io", "library/nginx").value();
  CHECK(found[0].insecure);
  CHECK(found[0].authorities == std::vector<std::filesystem::path>{"/etc/containerd/certs.d/docker.io/z.pem"});
  CHECK_FALSE(found[1].tags);
  REQUIRE(found[1].client);
  CHECK(found[1].client->second == "/c.key");
  CHECK(urls(rules, "quay.io", "x").size() == 1);
}

TEST_CASE("containerd's directories: with port, and the default for all") {
  CHECK(containerd_directories("a.test:5000") == list{"a.test_5000_", "a.test:5000", "_default"});
  CHECK(containerd_directories("a.test") == list{"a.test", "_default"});
  mirror_rules rules;
  rules.containerd.emplace_back("_default", hosts_toml::parse("[host.\"https://all.test\"]\n", "h").value());
  CHECK(urls(rules, "quay.io", "x") == list{"https://all.test/v2/x?ns=quay.io", "https://quay.io/v2/x"});
}

TEST_CASE("user information in hosts.toml is refused and not repeated") {
  for (const char* text : {"server = \"https://user:geheim@a.test\"\n", "[host.\"https://user:geheim@a.test\"]\n",
                           "[host.\"user:geheim@a.test\"]\nskip_verify = 1\n", "[host.\"ftp://geheim@a.test\"]\n"}) {
    INFO(text);
    const auto refused = hosts_toml::parse(text, "/h/hosts.toml");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text.message().find("geheim") == std::string::npos);
    CHECK(refused.error().text.message().find("'gantry login'") != std::string::npos);
  }
}

TEST_CASE("the scheme of a mirror may be written in capitals") {
  const endpoint daemon = mirror_at("HTTP://mirrorhost", "library/x", "daemon.json").value();
  CHECK(daemon.plain_http);
  CHECK(daemon.registry == "mirrorhost");
  CHECK(mirror_at("HttpS://m.test", "x", "daemon.json").value().tls_only);
  const hosts_toml read = hosts_toml::parse("server = \"HTTPS://a.test\"\n[host.\"Http://m.test\"]\n", "/h/hosts.toml").value();
  CHECK(read.server->tls_only);
  CHECK(read.hosts.front().url == "http://m.test");
}

TEST_CASE("a hosts.toml that cannot be understood is an error") {
  for (const char* text :
       {"server = 1", "host = 1", "[host]\nx = 1", "[host.\"ftp://a\"]\n", "[host.\"https://a\"]\ncapabilities = \"pull\"",
        "[host.\"https://a\"]\nca = 1", "[host.\"https://a\"]\nclient = []", "["}) {
    INFO(text);
    const auto refused = hosts_toml::parse(text, "/h/hosts.toml");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == errc::invalid_option);
  }
}

TEST_CASE("daemon.json has mirrors of docker.io alone, and insecure registries by name and network") {
  mirror_rules rules;
  rules.docker = docker_daemon::parse(R"({"registry-mirrors": ["https://m.test/", "http://n.test:5000"], "debug": true,
    "insecure-registries": ["a.test:5000", "10.0.0.0/8", "n.test:5000"]})",
                                      "daemon.json")
                     .value();
  CHECK(urls(rules, "docker.io", "library/nginx") ==
        list{"https://m.test/v2/library/nginx", "http://n.test:5000/v2/library/nginx", "https://docker.io/v2/library/nginx"});
  CHECK(urls(rules, "quay.io", "x").size() == 1);
  CHECK(rules.endpoints("a.test:5000", "x").value()[0].insecure);
  CHECK(rules.endpoints("10.1.2.3:5000", "x").value()[0].insecure);
  CHECK_FALSE(rules.endpoints("11.1.2.3:5000", "x").value()[0].insecure);
  CHECK_FALSE(rules.endpoints("a.test", "x").value()[0].insecure);
  CHECK(docker_daemon::parse(" \n", "d").value().mirrors.empty());
  CHECK_FALSE(docker_daemon::parse("{", "d"));
  CHECK_FALSE(docker_daemon::parse(R"({"registry-mirrors": "x"})", "d"));
}

TEST_CASE("the first source that knows mirrors gives them alone") {
  mirror_rules rules;
  rules.docker = docker_daemon::parse(R"({"registry-mirrors": ["https://daemon.test"]})", "d").value();
  CHECK(urls(rules, "docker.io", "x").front() == "https://daemon.test/v2/x");
  rules.containerd.emplace_back("docker.io", hosts_toml::parse("[host.\"https://containerd.test\"]\n", "h").value());
  CHECK(urls(rules, "docker.io", "x").front() == "https://containerd.test/v2/x?ns=docker.io");
  rules.containers =
      registries_conf::parse("[[registry]]\nlocation=\"docker.io\"\n[[registry.mirror]]\nlocation=\"containers.test\"\n", "r").value();
  CHECK(urls(rules, "docker.io", "x").front() == "https://containers.test/v2/x");
  rules.options = {{"docker.io", "option.test"}};
  CHECK(urls(rules, "docker.io", "x") == list{"https://option.test/v2/x", "https://docker.io/v2/x"});
}

TEST_CASE("what is written as https is never asked in clear text, whoever wrote it") {
  mirror_rules rules;
  const auto first = [&rules](const std::string& registry) { return rules.endpoints(registry, "x").value().front(); };
  rules.docker =
      docker_daemon::parse(R"({"registry-mirrors": ["https://127.0.0.1:5000"], "insecure-registries": ["127.0.0.1:5000"]})", "d").value();
  CHECK(first("docker.io").tls_only);
  CHECK(first("docker.io").insecure);
  rules.containerd.emplace_back(
      "docker.io",
      hosts_toml::parse("server = \"https://localhost:1\"\n[host.\"https://localhost:2\"]\nskip_verify = true\n", "h").value());
  CHECK(first("docker.io").tls_only);
  CHECK(rules.endpoints("docker.io", "x").value().back().tls_only);
  rules.options = {{"docker.io", "https://localhost:5000"}};
  CHECK(first("docker.io").tls_only);
  // Where nothing is written this machine may be asked in clear text.
  for (const char* url : {"localhost:5000", "http://localhost:5000"}) {
    rules.options = {{"docker.io", url}};
    CHECK_FALSE(first("docker.io").tls_only);
  }
  CHECK_FALSE(hosts_toml::parse("[host.\"localhost:2\"]\n", "h").value().hosts.front().tls_only);
  CHECK_FALSE(first("quay.io").tls_only);
}
