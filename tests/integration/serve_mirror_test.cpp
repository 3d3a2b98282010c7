// What others are configured to ask before a registry, or in place of it: pull-through and mirrors, with the real clients.
#include "integration/dockerd.hpp"
#include "integration/gantry_server.hpp"
#include "integration/shelf.hpp"
#include "integration/workplace.hpp"

#include "support/catch.hpp"
#include "support/image_builder.hpp"
#include "support/servers.hpp"

#include <filesystem>
#include <string>
#include <vector>

using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

outcome podman(const workplace& place, const std::string& storage, std::vector<std::string> words) {
  words.insert(words.begin(), {"podman", "--root", (place / storage).string(), "--runroot", (place / (storage + "-run")).string(),
                               "--storage-driver", "vfs"});
  return run(command{std::move(words)});
}

/// Puts an image into the store of \p place under \p name, without a registry.
void keep(const workplace& place, const std::string& name, const test_image& image) {
  const temp_dir directory;
  write_layout(directory / "layout", "1", image);
  const outcome taken = place.run({"extract", (directory / "layout").string(), name});
  INFO(taken.err);
  REQUIRE(taken.ok());
}

}  // namespace

TEST_CASE("skopeo and podman pull through gantry what it does not have, and again without the registry", "[integration]") {
  const workplace place;
  docker_registry registry(place / "registry", {shelf()});
  gantry_server server(place, {"--upstream", registry.host()});
  const std::string multi = server.host() + "/team/multi:1.0";
  const std::string classic = server.host() + "/team/classic:1.0";
  const skopeo_facts meant = ask_skopeo("docker://" + registry.host() + "/team/multi:1.0", {"--tls-verify=false"});
  const outcome all = run({{"skopeo", "copy", "--all", "--src-tls-verify=false", "docker://" + multi, "dir:" + (place / "cold").string()}});
  INFO(all.err << server.log());
  REQUIRE(all.ok());
  CHECK(ask_skopeo("docker://" + multi, {"--tls-verify=false"}).digest == meant.digest);
  const outcome cold = podman(place, "cold-podman", {"pull", "--tls-verify=false", classic});
  INFO(cold.err << server.log());
  REQUIRE(cold.ok());

  registry.stop();
  const outcome again =
      run({{"skopeo", "copy", "--all", "--src-tls-verify=false", "docker://" + multi, "dir:" + (place / "warm").string()}});
  INFO(again.err << server.log());
  CHECK(again.ok());
  CHECK(slurp(place / "warm/manifest.json") == slurp(place / "cold/manifest.json"));
  const outcome warm = podman(place, "warm-podman", {"pull", "--tls-verify=false", classic});
  INFO(warm.err << server.log());
  CHECK(warm.ok());
  // The image ID, which podman prints last.
  CHECK(warm.out == cold.out);
  const outcome unknown = run({{"skopeo", "inspect", "--tls-verify=false", "docker://" + server.host() + "/team/artifact:1.0"}});
  CHECK_FALSE(unknown.ok());
  CHECK(server.stop() == 0);
  CHECK(store_problems(place.store()) == "");
  // What passed through can be used like anything that was pulled, under the registry's own name.
  const outcome saved = place.run({"save", registry.host() + "/team/classic:1.0", "-o", "classic.tar"});
  INFO(saved.err);
  CHECK(saved.ok());
}

TEST_CASE("a docker engine takes images of docker.io from gantry as its registry mirror", "[integration]") {
  const workplace place;
  const test_image image = build_image({});
  keep(place, "docker.io/team/app:1.0", image);
  gantry_server server(place, {});
  const auto engine = docker_engine::start({"--registry-mirror=http://" + server.host()});
  if (!engine) return;
  const outcome pulled = engine->docker({"pull", "team/app:1.0"});
  INFO(pulled.err << server.log());
  REQUIRE(pulled.ok());
  CHECK(engine->id_of("team/app:1.0") == image.config.digest);
}

TEST_CASE("containerd asks gantry in place of a registry, which it names with every request", "[integration]") {
  const workplace place;
  image_recipe recipe;
  const test_image meant = build_image(recipe);
  recipe.seed = 2;
  // Two registries have the path: only the name that containerd adds tells which is wanted.
  keep(place, "first.invalid/team/app:1.0", build_image(recipe));
  keep(place, "second.invalid/team/app:1.0", meant);
  gantry_server server(place, {"--access-log", (place / "access.log").string()});
  const auto engine = docker_engine::start();
  if (!engine) return;
  REQUIRE(has_program("ctr"));
  fs::create_directories(place / "hosts/second.invalid");
  spill(place / "hosts/second.invalid/hosts.toml",
        "server = \"https://second.invalid\"\n[host.\"http://" + server.host() + "\"]\n  capabilities = [\"pull\", \"resolve\"]\n");
  const outcome fetched = run({{"ctr", "--address", engine->containerd(), "content", "fetch", "--hosts-dir", (place / "hosts").string(),
                                "second.invalid/team/app:1.0"}});
  INFO(fetched.out << fetched.err << server.log());
  REQUIRE(fetched.ok());
  const outcome listed = run({{"ctr", "--address", engine->containerd(), "content", "ls", "-q"}});
  CHECK(listed.out.find(meant.manifest.digest) != std::string::npos);
  CHECK(listed.out.find(meant.config.digest) != std::string::npos);
  CHECK(server.stop() == 0);
  CHECK(slurp(place / "access.log").find("?ns=second.invalid") != std::string::npos);
}
