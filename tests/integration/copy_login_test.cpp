// A copy that meets hosts which are at neither of its ends: mirrors, and the place that a registry was moved to.
#include "integration/workplace.hpp"

#include "support/catch.hpp"
#include "support/fake_registry.hpp"
#include "support/upload_registry.hpp"

#include <filesystem>
#include <string>
#include <vector>

using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

fake_registry_options guarded() {
  fake_registry_options options;
  options.auth = fake_auth::basic;
  options.username = "name";
  options.password = "secret";
  return options;
}

/// A registry that docker's file knows a user of.
struct known_registry {
  known_registry() {
    source.hold("team/app", "1.0", build_image({}));
    fs::create_directories(place / "home/.docker");
    // name:secret, in base64
    spill(place / "home/.docker/config.json", R"({"auths":{")" + source.host() + R"(":{"auth":"bmFtZTpzZWNyZXQ="}}})");
  }

  workplace place;
  fake_registry source{guarded()};
  upload_registry target;
};

}  // namespace

TEST_CASE("copy and sync know the login of a mirror and of the place that a registry was moved to", "[integration]") {
  const known_registry k;
  // Nobody listens at the port of the image's own name.
  const std::string name = "127.0.0.1:1/team/app:1.0";
  std::vector<std::string> way{"--no-host-config", "--mirror", "127.0.0.1:1=http://" + k.source.host()};
  SECTION("a mirror") {}
  SECTION("a registry that was moved") {
    way.clear();
    fs::create_directories(k.place / "home/.config/containers");
    spill(k.place / "home/.config/containers/registries.conf",
          "[[registry]]\nprefix = \"127.0.0.1:1\"\nlocation = \"" + k.source.host() + "\"\n");
  }
  std::vector<std::string> copy{"copy", name, k.target.host() + "/copied/app:1.0"};
  copy.insert(copy.end(), way.begin(), way.end());
  const outcome copied = k.place.run(copy);
  INFO(copied.err);
  CHECK(copied.ok());
  CHECK(k.target.has_tag("copied/app", "1.0"));

  spill(k.place / "images.json", R"([{"source": ")" + name + R"(", "target": "app"}])");
  std::vector<std::string> sync{"sync", "images.json", "--to", k.target.host() + "/synced"};
  sync.insert(sync.end(), way.begin(), way.end());
  const outcome synced = k.place.run(sync);
  INFO(synced.err);
  CHECK(synced.ok());
  CHECK(k.target.has_tag("synced/app", "1.0"));
}
