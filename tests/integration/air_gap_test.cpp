// The isolated side of an air gap, in a network namespace that has nothing, not even loopback.
#include "integration/shelf.hpp"
#include "integration/workplace.hpp"

#include "support/catch.hpp"
#include "support/servers.hpp"

#include <filesystem>
#include <string>
#include <vector>

using namespace gantry::test;
namespace fs = std::filesystem;

TEST_CASE("without any network a bundle fills a store, and images leave it in every format", "[integration]") {
  if (!has_program("unshare") || !run({{"unshare", "-n", "true"}}).ok()) {
    WARN("skipped: no network namespace can be made here");
    return;
  }
  const temp_dir directory;
  const workplace connected;
  const workplace isolated;
  std::string classic;
  std::string multi;
  skopeo_facts facts;
  {
    const docker_registry registry(directory / "registry", {shelf()});
    classic = registry.host() + "/team/classic:1.0";
    multi = registry.host() + "/team/multi:1.0";
    spill(connected / "list.txt", multi + "\n" + classic + "\n");
    const outcome pulled = connected.run({"pull", "--from", "list.txt", "-o", "bundle.tar.gz"});
    INFO(pulled.err);
    REQUIRE(pulled.ok());
    REQUIRE(connected.run({"pull", multi, "--all-platforms", "-f", "oci", "-o", "every.tar"}).ok());
    facts = ask_skopeo("docker://" + multi, {"--tls-verify=false"});
  }
  const auto cut_off = [&](std::vector<std::string> words) {
    command alone = isolated.gantry(std::move(words));
    alone.argv.insert(alone.argv.begin(), {"unshare", "-n"});
    const outcome done = run(alone);
    INFO(done.err);
    REQUIRE(done.ok());
    return done;
  };
  cut_off({"extract", (connected / "bundle.tar.gz").string()});
  for (const std::string format : {"docker", "oci", "synology"}) {
    const std::string file = format + ".tar";
    cut_off({"save", multi, "-f", format, "-o", file});
    const std::string kind = format == "oci" ? "oci-archive:" : "docker-archive:";
    CHECK(ask_skopeo(kind + (isolated / file).string(), {}).config_digest == facts.config_digest);
  }
  cut_off({"save", multi, "-f", "oci-dir", "-o", "layout"});
  CHECK(ask_skopeo("oci:" + (isolated / "layout").string() + ":1.0", {}).config_digest == facts.config_digest);
  cut_off({"pull", "--offline", "--name", "mine/app:2", "-o", "renamed.tar", multi});
  CHECK(run_or_throw({{"tar", "-xOf", (isolated / "renamed.tar").string(), "manifest.json"}}).find("\"mine/app:2\"") != std::string::npos);
  // What runs there is pinned by digest, and the bundle brought names by tag.
  const std::string digest = isolated.run({"digest", "--offline", classic}).out;
  const std::string pinned = classic.substr(0, classic.rfind(':')) + "@" + digest.substr(0, digest.find('\n'));
  for (const std::string format : {"docker", "oci", "synology"}) {
    cut_off({"pull", "--offline", pinned, "-f", format, "-o", "pinned-" + format + ".tar"});
  }
  cut_off({"save", pinned, "-f", "oci-dir", "-o", "pinned-layout"});
  cut_off({"convert", (connected / "bundle.tar.gz").string(), classic, "-f", "synology", "-o", "one.tar"});
  cut_off({"convert", (connected / "bundle.tar.gz").string(), multi, "-a", "amd64", "-f", "synology", "-o", "chosen.tar"});
  const outcome lacking = isolated.run({"convert", (connected / "bundle.tar.gz").string(), "-a", "s390x", "-o", "none.tar"});
  CHECK(lacking.status == 4);
  CHECK(lacking.err.find("the source has no image") == std::string::npos);
  CHECK(lacking.err.find(" has no image for linux/s390x; there is ") != std::string::npos);
  CHECK(lacking.err.find("IMAGE -o OUT' takes those that are named") != std::string::npos);
  CHECK(ask_skopeo("docker-archive:" + (isolated / "chosen.tar").string(), {}).config_digest == facts.config_digest);
  // The ways lead back: what was written last fills another store.
  fs::remove_all(isolated.store());
  cut_off({"extract", "layout", multi});
  cut_off({"extract", "one.tar"});
  cut_off({"verify"});
  CHECK(store_problems(isolated.store()) == "");
  // Several platforms of a name are one image.
  const workplace third;
  const outcome every = third.run({"extract", (connected / "every.tar").string()});
  CHECK(every.err.find(" 1 image, ") != std::string::npos);
  CHECK(every.out.find('\n') + 1 == every.out.size());
}
