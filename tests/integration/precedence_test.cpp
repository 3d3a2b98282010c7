// Who outweighs whom: options, variables and files of the user and of other programs.
#include "integration/gantry_server.hpp"
#include "integration/guarded.hpp"
#include "integration/shelf.hpp"
#include "integration/workplace.hpp"

#include "support/base64.hpp"
#include "support/catch.hpp"
#include "support/nginx.hpp"
#include "support/servers.hpp"
#include "support/tls_server.hpp"

#include <string>
#include <vector>

using namespace gantry::test;

namespace {

std::string file_of(const std::string& host, const std::string& password) {
  return R"({"auths":{")" + host + R"(":{"auth":")" + base64(std::string(guarded_registry::user) + ":" + password) + R"("}}})";
}

}  // namespace

TEST_CASE("credentials of the command line outweigh variables, these the named file, and that the usual ones", "[integration]") {
  const guarded_registry registry;
  const workplace place;
  const std::string right = guarded_registry::password;
  const std::string image = registry.image();
  const auto digest = [&](const std::string& typed, const std::string& named, const std::string& usual) {
    std::vector<std::string> words{"digest", image};
    if (!typed.empty()) words.insert(words.end(), {"-u", guarded_registry::user, "-p", typed});
    if (!named.empty()) {
      spill(place / "named.json", file_of(registry.host(), named));
      words.insert(words.end(), {"--authfile", (place / "named.json").string()});
    }
    spill(place / "home/.docker/config.json", file_of(registry.host(), usual));
    return place.run(words).status;
  };
  CHECK(digest(right, "wrong", "wrong") == 0);
  CHECK(digest("wrong", right, right) == 3);
  CHECK(digest("", right, "wrong") == 0);
  CHECK(digest("", "wrong", right) == 3);
  CHECK(digest("", "", right) == 0);

  const auto by_variables = [&](const std::string& variable, const std::string& named) {
    spill(place / "named.json", file_of(registry.host(), named));
    const workplace fresh;
    return fresh
        .run({}, {{"IMAGE_REF", image},
                  {"REGISTRY_USERNAME", guarded_registry::user},
                  {"REGISTRY_PASSWORD", variable},
                  {"REGISTRY_AUTH_FILE", (place / "named.json").string()}})
        .status;
  };
  CHECK(by_variables(right, "wrong") == 0);
  CHECK(by_variables("wrong", right) == 3);
}

TEST_CASE("within one repository there is one account, and that of the target is used before none", "[integration]") {
  const guarded_registry registry;
  const workplace place;
  const std::string right = std::string(guarded_registry::user) + ":" + guarded_registry::password;
  const std::string wrong = std::string(guarded_registry::user) + ":wrong";
  const std::string target = registry.host() + "/team/app:copied";
  const outcome two = place.run({"copy", registry.image(), target, "--src-creds", right, "--dest-creds", wrong});
  CHECK(two.status == 2);
  CHECK(two.err.find("two accounts") != std::string::npos);
  CHECK(place.run({"copy", registry.image(), target, "--dest-creds", wrong}).status == 3);
  CHECK(place.run({"copy", registry.image(), target, "--dest-creds", right}).ok());
  CHECK(place.run({"copy", registry.image(), target, "--src-creds", right, "--dest-creds", right}).ok());
}

TEST_CASE("the password of one target is not for another target's registry", "[integration]") {
  const workplace place;
  const outcome refused =
      place.run({"copy", "127.0.0.1:1/x:1", "127.0.0.1:2/x:1", "127.0.0.1:3/x:1", "--dest-creds", "jane:geheim", "--retries", "0"});
  CHECK(refused.status == 2);
  CHECK(refused.err.find("--dest-creds is for one registry, and 2 are named as targets") != std::string::npos);
}

TEST_CASE("docker's daemon.json may call a registry insecure, loudly, and gives mirrors; --no-host-config leaves it aside",
          "[integration]") {
  const temp_dir directory;
  const docker_registry registry(directory / "registry", {shelf()});
  const nginx_server front(directory / "front", proxy_to(registry.host()), certificate_authority::self_signed());
  const workplace place;
  const std::string file = (place / "home/.config/docker/daemon.json").string();
  spill(file, R"({"insecure-registries":[")" + front.host() + R"("]})");
  const std::string image = front.host() + "/team/classic:1.0";
  const outcome taken = place.run({"digest", image});
  INFO(taken.err);
  CHECK(taken.ok());
  CHECK(taken.err.find(front.host() + " is not verified, because " + file + " calls it insecure") != std::string::npos);
  const outcome refused = place.run({"digest", image, "--no-host-config"});
  CHECK(refused.status == 1);
  CHECK(refused.err.find("is not trusted") != std::string::npos);

  spill(file, R"({"registry-mirrors":["http://)" + registry.host() + R"("]})");
  const outcome mirrored = place.run({"digest", "docker.io/team/classic:1.0"});
  INFO(mirrored.err);
  CHECK(mirrored.ok());
  const outcome alone = place.run({"explain", "docker.io/team/classic:1.0", "--no-host-config"});
  CHECK(alone.ok());
  CHECK(alone.out.find(registry.host()) == std::string::npos);
}

TEST_CASE("a registry is found at an IPv6 address and below localhost", "[integration]") {
  const temp_dir directory;
  const docker_registry registry(directory / "registry", {shelf()});
  const workplace place;
  REQUIRE(place.run({"pull", registry.host() + "/team/classic:1.0", "--store-only"}).ok());
  const gantry_server served(place, {"--listen", "[::1]:0"});
  const std::string port = std::to_string(served.port());
  for (const std::string& host : {"[::1]:" + port, "registry.localhost:" + std::to_string(registry.port())}) {
    INFO(host);
    const workplace other;
    const outcome pulled = other.run({"pull", host + "/team/classic:1.0", "--store-only"});
    INFO(pulled.err);
    CHECK(pulled.ok());
  }
}
