#include "config/host_configuration.hpp"

#include "config/daemon_proxies.hpp"

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <filesystem>
#include <map>
#include <string>

using namespace gantry;
using namespace gantry::config;
namespace fs = std::filesystem;

namespace {

struct machine {
  test::temp_dir directory;
  host_config places;
  machine() {
    places.etc = directory / "etc";
    places.user_config = directory / "config";
  }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((directory / name).parent_path());
    test::spill(directory / name, text);
  }
  host_configuration read() const { return read_host_configuration(places).value(); }
};

std::string registry(const std::string& location, const std::string& more = "") {
  return "[[registry]]\nlocation = \"" + location + "\"\n" + more;
}

}  // namespace

TEST_CASE("a machine without configuration says nothing") {
  const auto read = machine().read();
  CHECK(read.certificates.empty());
  CHECK(read.containers.registries.empty());
  CHECK(read.containerd.empty());
  CHECK(read.docker.mirrors.empty());
}

TEST_CASE("the user's registries.conf stands for the system's, and drop-ins of both follow") {
  machine m;
  m.write("etc/containers/registries.conf", registry("system.test"));
  m.write("etc/containers/registries.conf.d/10-a.conf", registry("dropin.test"));
  m.write("etc/containers/registries.conf.d/ignored.txt", "[[");
  CHECK(m.read().containers.registries.size() == 2);
  m.write("config/containers/registries.conf", registry("user.test"));
  m.write("config/containers/registries.conf.d/20-b.conf", registry("dropin.test", "blocked = true\n"));
  const auto read = m.read();
  CHECK(read.containers.find("system.test/x") == nullptr);
  CHECK(read.containers.find("user.test/x") != nullptr);
  CHECK(read.containers.find("dropin.test/x")->blocked);
  m.write("only.conf", registry("named.test"));
  m.places.registries_conf = m.directory / "only.conf";
  CHECK(m.read().containers.registries.size() == 1);
}

TEST_CASE("containerd's and docker's files are found, the user's daemon.json first") {
  machine m;
  m.write("etc/containerd/certs.d/a.test_5000_/hosts.toml", "[host.\"https://m.test\".header]\nx = \"y\"\n");
  m.write("etc/docker/daemon.json", R"({"registry-mirrors": ["https://system.test"]})");
  m.write("etc/docker/certs.d/a.test/ca.crt", "");
  auto read = m.read();
  REQUIRE(read.containerd.size() == 1);
  CHECK(read.containerd[0].first == "a.test_5000_");
  using fields = std::vector<std::pair<std::string, std::string>>;
  CHECK(read.containerd[0].second.hosts.front().headers == fields{{"x", "y"}});
  CHECK(read.docker.mirrors.front() == "https://system.test");
  CHECK(read.certificates.size() == 1);
  m.write("config/docker/daemon.json", R"({"registry-mirrors": ["https://user.test"]})");
  CHECK(m.read().docker.mirrors.front() == "https://user.test");
}

TEST_CASE("proxies of daemon.json stand in for what nobody else says") {
  machine m;
  CHECK(m.read().docker_proxies.https.empty());
  m.write("etc/docker/daemon.json",
          "\xEF\xBB\xBF{\"proxies\": {\"http-proxy\": \"http://d.test:1\", \"https-proxy\": \"http://d.test:2\", \"no-proxy\": "
          "\".near.test\"}}");
  const auto docker = m.read().docker_proxies;
  gantry::proxy_settings said;
  said.http = "http://v.test:1";
  const auto all = completed(said, docker);
  CHECK(all.http == "http://v.test:1");
  CHECK(all.https == "http://d.test:2");
  CHECK(all.no_proxy == ".near.test");
  m.write("etc/docker/daemon.json", "{\n\"proxies\": {\"http-proxy\": 1}}");
  const auto refused = read_host_configuration(m.places);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().text.message().find("daemon.json") != std::string::npos);
  CHECK(refused.error().text.message().find("line 2") != std::string::npos);
}

TEST_CASE("header fields of hosts.toml are read for mirrors and for the registry itself") {
  using fields = std::vector<std::pair<std::string, std::string>>;
  machine m;
  const std::string name = "etc/containerd/certs.d/a.test/hosts.toml";
  m.write(name, "server = \"https://a.test\"\n[header]\nx-own = \"1\"\n[host.\"https://m.test\".header]\nx-many = [\"a\", \"b\"]\n");
  const hosts_toml read = m.read().containerd.front().second;
  REQUIRE(read.server);
  CHECK(read.server->headers == fields{{"x-own", "1"}});
  CHECK(read.hosts.front().headers == fields{{"x-many", "a"}, {"x-many", "b"}});
  for (const std::string bad : {"x = 1", "Host = \"y\"", "\"x y\" = \"z\"", "x = \"a\\r\\nb: c\""}) {
    INFO(bad);
    m.write(name, "[host.\"https://m.test\".header]\n" + bad + "\n");
    CHECK(m.read().containerd.front().second.unusable);
  }
}

TEST_CASE("a file that cannot be understood is an error, since it may have blocked something") {
  machine m;
  m.write("etc/containers/registries.conf", "[[registry");
  const auto refused = read_host_configuration(m.places);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::invalid_option);
}

TEST_CASE("the places of this machine come from its variables") {
  std::map<std::string, std::string> set{{"HOME", "/home/me"}};
  const auto read = [&] {
    return host_config::of_this_machine([&](const char* name) { return set.contains(name) ? set.at(name) : std::string(); });
  };
  CHECK(read().user_config == "/home/me/.config");
  CHECK(read().etc == "/etc");
  set["XDG_CONFIG_HOME"] = "/elsewhere";
  set["CONTAINERS_REGISTRIES_CONF"] = "/r.conf";
  CHECK(read().user_config == "/elsewhere");
  CHECK(read().registries_conf == "/r.conf");
}

TEST_CASE("a hosts.toml that cannot be used stops those alone who ask its registry") {
  machine m;
  const std::string bad = GENERATE(std::string("text"), std::string("loop"), std::string("directory"));
  const std::string name = "etc/containerd/certs.d/a.test/hosts.toml";
  if (bad == "text") m.write(name, "[host");
  if (bad != "text") fs::create_directories((m.directory / name).parent_path());
  if (bad == "loop") fs::create_symlink("hosts.toml", m.directory / name);
  if (bad == "directory") fs::create_directory(m.directory / name);
  m.write("etc/containerd/certs.d/b.test/hosts.toml", "[host.\"https://m.test\"]\n");
  host_configuration read = m.read();
  mirror_rules rules;
  rules.containerd = std::move(read.containerd);
  CHECK(rules.endpoints("b.test", "x").value().size() == 2);
  CHECK(rules.endpoints("c.test", "x").value().size() == 1);
  const auto refused = rules.endpoints("a.test", "x");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == (bad == "loop" ? make_error_condition(condition::storage) : make_error_condition(condition::usage)));
  CHECK(refused.error().text.message().find("a.test/hosts.toml") != std::string::npos);
  CHECK(refused.error().text.message().find("--no-host-config") != std::string::npos);
}

TEST_CASE("a registries.conf that cannot be read is an error, a daemon.json that only its daemon may read is noted") {
  machine m;
  fs::create_directories(m.directory / "etc/docker");
  fs::create_symlink("daemon.json", m.directory / "etc/docker/daemon.json");
  const host_configuration read = m.read();
  REQUIRE(read.notes.size() == 1);
  CHECK(read.notes.front().find("daemon.json cannot be read: ") != std::string::npos);

  fs::create_directories(m.directory / "etc/containers");
  fs::create_symlink("/dev/null", m.directory / "etc/containers/registries.conf");
  CHECK(read_host_configuration(m.places));
  fs::remove(m.directory / "etc/containers/registries.conf");
  fs::create_symlink("registries.conf", m.directory / "etc/containers/registries.conf");
  const auto refused = read_host_configuration(m.places);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == condition::storage);
  CHECK(refused.error().text.message().find("registries.conf cannot be read: ") != std::string::npos);
  CHECK(refused.error().text.message().find("--no-host-config") != std::string::npos);
}
