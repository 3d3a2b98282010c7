// `--load` into commands that do not do as they should.
#include "integration/workplace.hpp"

#include "support/catch.hpp"
#include "support/fake_registry.hpp"
#include "support/image_builder.hpp"

#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

/// A registry of the test's own, and a directory of load commands that are small scripts.
struct loading {
  explicit loading(std::size_t layer) {
    image_recipe recipe;
    recipe.layers = {layer};
    image = build_image(recipe);
    registry.hold("team/app", "1.0", image);
  }

  outcome load(const std::string& engine, const std::string& script) const {
    fs::create_directories(place / "bin");
    spill(place / "bin" / engine, "#!/bin/sh\n" + script + "\n");
    fs::permissions(place / "bin" / engine, fs::perms::owner_all);
    const std::string path = (place / "bin").string() + ":" + std::getenv("PATH");
    return place.run({"pull", "--platform", "linux/amd64", "--load", engine, registry.host() + "/team/app:1.0"},
                     std::map<std::string, std::optional<std::string>>{{"PATH", path}});
  }

  workplace place;
  fake_registry registry;
  test_image image;
};

}  // namespace

TEST_CASE("a load command that ends without reading the archive fails the pull, whatever it says of itself", "[integration]") {
  // Within what a pipe holds, and far beyond it.
  const loading l(GENERATE(as<std::size_t>(), 3000, 3'000'000));
  for (const auto& [engine, command] :
       {std::pair("docker", "docker load"), std::pair("podman", "podman load"), std::pair("ctr", "ctr images import -")}) {
    const std::string quoted = std::string("'") + command + "'";
    const outcome silent = l.load(engine, "exit 0");
    INFO(silent.err);
    CHECK(silent.status == 1);
    CHECK(silent.out.empty());
    CHECK_THAT(silent.err, Catch::Contains(quoted + " ended without reading the archive to its end; it said nothing"));
    const outcome failing = l.load(engine, "echo 'no room in /var' >&2; exit 1");
    INFO(failing.err);
    CHECK(failing.status == 1);
    CHECK(failing.out.empty());
    CHECK_THAT(failing.err, Catch::Contains(quoted + " failed with status 1: no room in /var"));
    // The broken pipe is the command's doing, and not told beside its words.
    CHECK_THAT(failing.err, !Catch::Contains("pipe"));
  }
}

TEST_CASE("a load command that stops in the middle is quoted, and the next one gets the whole archive", "[integration]") {
  const loading l(3'000'000);
  const outcome half = l.load("docker", "head -c 100000 > /dev/null; echo 'Loaded half'; exit 0");
  INFO(half.err);
  CHECK(half.status == 1);
  CHECK_THAT(half.err, Catch::Contains("'docker load' ended without reading the archive to its end: Loaded half"));
  const outcome gone = l.load("docker", "head -c 100000 > /dev/null; kill -9 $$");
  INFO(gone.err);
  CHECK(gone.status == 1);
  CHECK_THAT(gone.err, Catch::Contains("'docker load' was ended by signal 9: it said nothing"));
  const outcome whole = l.load("docker", "cat > '" + (l.place / "image.tar").string() + "'; echo 'Loaded image'");
  INFO(whole.err);
  CHECK(whole.status == 0);
  CHECK_THAT(whole.err, Catch::Contains("docker load: Loaded image"));
  CHECK(l.place.run({"inspect", "image.tar"}).ok());
  // What was fetched for the first is not fetched again.
  CHECK(l.registry.count(l.image.layers[0].digest) == 1);
}
