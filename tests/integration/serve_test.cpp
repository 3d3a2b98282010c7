#include "integration/dockerd.hpp"
#include "integration/gantry_server.hpp"
#include "integration/shelf.hpp"
#include "integration/workplace.hpp"
#include "support/catch.hpp"
#include "support/http_client.hpp"
#include "support/process.hpp"
#include "support/servers.hpp"
#include "support/socket.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace gantry::test;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

/// A store with the images of the shelf, below the registry's own name and docker.io's.
void fill(const workplace& place, std::vector<std::string> images) {
  docker_registry registry(place / "registry", {shelf()});
  for (const std::string& image : images) {
    const outcome pulled = place.run({"pull", "--store-only", "--all-platforms", registry.host() + "/" + image});
    INFO(pulled.err);
    REQUIRE(pulled.ok());
  }
}

}  // namespace

TEST_CASE("skopeo and podman pull what gantry serves, with equal digests") {
  workplace place;
  fill(place, {"team/multi:1.0", "team/classic:1.0", "team/artifact:1.0"});
  gantry_server server(place, {});
  const docker_registry original(place / "again", {shelf()});
  for (const std::string image : {"team/multi:1.0", "team/classic:1.0"}) {
    const skopeo_facts served = ask_skopeo("docker://" + server.host() + "/" + image, {"--tls-verify=false"});
    const skopeo_facts meant = ask_skopeo("docker://" + original.host() + "/" + image, {"--tls-verify=false"});
    CHECK(served.digest == meant.digest);
    CHECK(served.manifest_digest == meant.manifest_digest);
    CHECK(served.config_digest == meant.config_digest);
  }
  const outcome everything = run({{"skopeo", "copy", "--all", "--src-tls-verify=false", "docker://" + server.host() + "/team/multi:1.0",
                                   "oci:" + (place / "copied").string() + ":1.0"}});
  INFO(everything.err);
  CHECK(everything.ok());
  const outcome pulled = run({{"podman", "--root", (place / "podman").string(), "--runroot", (place / "run").string(), "--storage-driver",
                               "vfs", "pull", "--tls-verify=false", server.host() + "/team/classic:1.0"}});
  INFO(pulled.err);
  CHECK(pulled.ok());
  CHECK(server.stop() == 0);
}

TEST_CASE("a mirror line leads podman to gantry for a registry that is not there") {
  workplace place;
  fill(place, {"team/classic:1.0"});
  gantry_server server(place, {});
  // Whatever registry the store knows the image under: a bare name that one registry alone has is found.
  std::ofstream(place / "registries.conf") << "[[registry]]\nlocation = \"registry.invalid\"\n[[registry.mirror]]\nlocation = \""
                                           << server.host() << "\"\ninsecure = true\n";
  command pull{{"podman", "--root", (place / "podman").string(), "--runroot", (place / "run").string(), "--storage-driver", "vfs", "pull",
                "registry.invalid/team/classic:1.0"}};
  pull.env["CONTAINERS_REGISTRIES_CONF"] = (place / "registries.conf").string();
  const outcome pulled = run(pull);
  INFO(pulled.err);
  CHECK(pulled.ok());
}

TEST_CASE("gantry pulls from gantry, byte for byte") {
  workplace place;
  fill(place, {"team/large:1.0"});
  gantry_server server(place, {"--access-log", (place / "access.log").string()});
  workplace other;
  const outcome pulled = other.run({"pull", server.host() + "/team/large:1.0", "-o", "large.tar", "-j", "8"});
  INFO(pulled.err);
  CHECK(pulled.ok());
  CHECK(store_problems(other.store()).empty());
  CHECK(server.stop() == 0);
  const std::string log = slurp(place / "access.log");
  CHECK(log.find("\"GET /v2/team/large/manifests/1.0\" 200 ") != std::string::npos);
  CHECK(log.find("\" 206 ") != std::string::npos);
  CHECK(server.log().find("stopped after ") != std::string::npos);
}

TEST_CASE("an access log that nobody reads keeps neither answers nor the end waiting") {
  workplace place;
  fill(place, {"team/classic:1.0"});
  const std::filesystem::path log = place / "access.fifo";
  REQUIRE(::mkfifo(log.c_str(), 0600) == 0);
  const int reader = ::open(log.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  REQUIRE(reader >= 0);
  REQUIRE(::fcntl(reader, F_SETPIPE_SZ, 4096) >= 0);
  gantry_server server(place, {"--access-log", log.string()});
  {
    http_client client(server.port());
    for (int i = 0; i < 200; ++i) REQUIRE(client.get("/v2/team/classic/manifests/1.0").status == 200);
  }
  const auto begun = std::chrono::steady_clock::now();
  CHECK(server.stop() == 0);
  CHECK(std::chrono::steady_clock::now() - begun < 20s);
  CHECK(server.log().find("missing from the access log") != std::string::npos);
  ::close(reader);
}

TEST_CASE("with a certificate and users, only they get in, over TLS") {
  workplace place;
  fill(place, {"team/classic:1.0"});
  const test_certificates certificates = make_certificates(place.path());
  spill(place / "users", run_or_throw({{"htpasswd", "-nbBC", "4", "alice", "secret"}}));
  gantry_server server(place, {"--tls-cert", certificates.certificate.string(), "--tls-key", certificates.key.string(), "--htpasswd",
                               (place / "users").string()});
  CHECK(server.log().find("listening on https://") != std::string::npos);
  const std::string image = server.host() + "/team/classic:1.0";
  workplace other;
  const std::vector<std::string> words{"pull", "--ca-cert", certificates.authority.string(), "--store-only", image};
  CHECK(other.run(words).status == 3);
  std::vector<std::string> with = words;
  with.insert(with.end(), {"-u", "alice", "-p", "secret"});
  const outcome pulled = other.run(with);
  INFO(pulled.err);
  CHECK(pulled.ok());
  CHECK(store_problems(other.store()).empty());
  CHECK(run({{"skopeo", "inspect", "--tls-verify=false", "--creds", "alice:secret", "docker://" + image}}).ok());
  CHECK_FALSE(run({{"skopeo", "inspect", "--tls-verify=false", "--creds", "alice:wrong", "docker://" + image}}).ok());
  CHECK(server.stop() == 0);
}

TEST_CASE("a thousand idle connections leave room for those who ask") {
  workplace place;
  fill(place, {"team/classic:1.0"});
  gantry_server server(place, {});
  std::vector<socket_handle> idle;
  for (int i = 0; i < 1000; ++i) {
    idle.push_back(connect_to_loopback(server.port()));
    if (i % 2 == 0) idle.back().send("GET /v2/ HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  http_client client(server.port());
  CHECK(client.get("/v2/team/classic/manifests/1.0").status == 200);
  CHECK(server.stop() == 0);
}

TEST_CASE("curl sees a registry that is read-only and refuses what is odd") {
  workplace place;
  fill(place, {"team/classic:1.0"});
  gantry_server server(place, {});
  const auto status = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "20", "--path-as-is"});
    return run(command{std::move(words)}).out;
  };
  const std::string base = "http://" + server.host();
  CHECK(status({base + "/v2/"}) == "200");
  CHECK(status({"--http1.0", base + "/v2/"}) == "200");
  CHECK(status({base + "/v2/../../etc/passwd"}) == "404");
  CHECK(status({base + "/v2/%2e%2e/%2e%2e/manifests/passwd"}) == "404");
  CHECK(status({"-X", "PUT", "--data-binary", "x", base + "/v2/team/classic/manifests/1.0"}) == "405");
  CHECK(status({"-X", "POST", base + "/v2/team/classic/blobs/uploads/"}) == "405");
  CHECK(status({"-X", "DELETE", base + "/v2/team/classic/manifests/1.0"}) == "405");
  CHECK(status({"-H", "Transfer-Encoding: gzip, chunked", base + "/v2/"}) == "400");
  CHECK(status({"-H", "Host:", base + "/v2/"}) == "400");
  CHECK(status({"-H", "X: " + std::string(40'000, 'x'), base + "/v2/"}) == "431");
  CHECK(status({base + "/v2/" + std::string(9000, 'a') + "/tags/list"}) == "414");
}

TEST_CASE("what cannot be served is said before anything is listened on") {
  workplace place;
  const outcome bad_address = place.run({"serve", "--listen", "nowhere"});
  CHECK(bad_address.status == 2);
  CHECK(bad_address.err.find("127.0.0.1:5000") != std::string::npos);
  CHECK(place.run({"serve", "--tls-cert", "x"}).status == 2);
  CHECK(place.run({"serve", "--tls-cert", "x", "--tls-key", "y", "--listen", "127.0.0.1:0"}).status == 4);
  spill(place / "users", "bob:plain\n");
  const outcome bad_users = place.run({"serve", "--listen", "127.0.0.1:0", "--htpasswd", (place / "users").string()});
  CHECK(bad_users.status == 2);
  CHECK(bad_users.err.find("line 1") != std::string::npos);
  const socket_handle taken = listen_on_loopback();
  const outcome occupied = place.run({"serve", "--listen", "127.0.0.1:" + std::to_string(port_of(taken))});
  CHECK(occupied.status == 1);
  CHECK(occupied.err.find("another program listens there; choose another port") != std::string::npos);
}

TEST_CASE("a store without images is served with a word about it") {
  workplace place;
  const std::string mistyped = (place / "no-store").string();
  gantry_server empty(place, {"--cache-dir", mistyped});
  CHECK_THAT(empty.log(), Catch::Contains("the store " + mistyped + " holds no image"));
  CHECK(empty.stop() == 0);
  workplace full;
  fill(full, {"team/classic:1.0"});
  gantry_server filled(full, {});
  CHECK_THAT(filled.log(), !Catch::Contains("holds no image"));
}

TEST_CASE("a docker engine and containerd pull from gantry") {
  workplace place;
  fill(place, {"team/multi:1.0", "team/classic:1.0"});
  const auto engine = docker_engine::start();
  if (!engine) return;
  gantry_server server(place, {});
  // docker takes plain http from any address of 127.0.0.0/8.
  for (const std::string image : {"team/classic:1.0", "team/multi:1.0"}) {
    const std::string name = server.host() + "/" + image;
    const outcome pulled = engine->docker({"pull", name});
    INFO(pulled.err);
    REQUIRE(pulled.ok());
    CHECK(engine->id_of(name) == ask_skopeo("docker://" + name, {"--tls-verify=false"}).config_digest);
  }
  if (!has_program("ctr")) {
    WARN("skipped: ctr is not installed");
    return;
  }
  // The content alone: unpacking is the business of a snapshotter, which may not work here.
  const std::string multi = server.host() + "/team/multi:1.0";
  const outcome fetched = run({{"ctr", "--address", engine->containerd(), "content", "fetch", "--plain-http", "--all-platforms", multi}});
  INFO(fetched.err);
  CHECK(fetched.ok());
  const outcome listed = run({{"ctr", "--address", engine->containerd(), "content", "ls", "-q"}});
  CHECK(listed.out.find(ask_skopeo("docker://" + multi, {"--tls-verify=false"}).digest) != std::string::npos);
}
