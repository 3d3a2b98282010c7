// Images that are odd, into the engines that people have.
#include "integration/dockerd.hpp"
#include "integration/shelf.hpp"
#include "integration/workplace.hpp"

#include "support/catch.hpp"
#include "support/image_builder.hpp"
#include "support/servers.hpp"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

/// A podman of this test alone, by the environment.
struct podman_engine {
  explicit podman_engine(const fs::path& directory) {
    spill(directory / "storage.conf", "[storage]\ndriver = \"vfs\"\ngraphroot = \"" + (directory / "graph").string() + "\"\nrunroot = \"" +
                                          (directory / "run").string() + "\"\n");
    env["CONTAINERS_STORAGE_CONF"] = (directory / "storage.conf").string();
  }
  outcome podman(std::vector<std::string> words) const {
    words.insert(words.begin(), "podman");
    command one{std::move(words)};
    one.env = env;
    return run(one);
  }
  /// The image ID of a name; empty when there is none.
  std::string id_of(const std::string& name) const {
    std::string id = podman({"image", "inspect", "--format", "{{.Id}}", name}).out;
    while (id.ends_with('\n')) id.pop_back();
    return id.empty() ? id : "sha256:" + id;
  }

  std::map<std::string, std::optional<std::string>> env;
};

/// Takes \p image into the store and writes it out in \p format.
fs::path archive_of(const workplace& place, const test_image& image, const std::string& format) {
  const temp_dir directory;
  write_layout(directory / "layout", "1", image);
  const std::string name = "registry.example/team/odd:1";
  const outcome taken = place.run({"extract", "--force", (directory / "layout").string(), name});
  INFO(taken.err);
  REQUIRE(taken.ok());
  const outcome saved = place.run({"save", name, "-f", format, "-o", format + ".tar"});
  INFO(saved.err);
  REQUIRE(saved.ok());
  return place / (format + ".tar");
}

void check_loads(const workplace& place, const test_image& image) {
  const std::string name = "registry.example/team/odd:1";
  const auto docker = docker_engine::start();
  for (const std::string format : {"docker", "synology"}) {
    CAPTURE(format);
    const fs::path archive = archive_of(place, image, format);
    const temp_dir storage;
    const podman_engine podman(storage.path());
    const outcome loaded = podman.podman({"load", "-q", "-i", archive.string()});
    INFO(loaded.err);
    CHECK(loaded.ok());
    CHECK(podman.id_of(name) == image.config.digest);
    if (!docker) continue;
    docker->load(archive);
    CHECK(docker->id_of(name) == image.config.digest);
    CHECK(docker->docker({"image", "rm", "-f", name}).ok());
  }
}

}  // namespace

TEST_CASE("the archive goes straight into podman with --load", "[integration]") {
  const workplace place;
  const docker_registry registry(place / "registry", {shelf()});
  const temp_dir storage;
  const podman_engine podman(storage.path());
  const std::string name = registry.host() + "/team/classic:1.0";
  const outcome loaded = place.run({"pull", "--load", "podman", "--json", name}, podman.env);
  INFO(loaded.err);
  REQUIRE(loaded.ok());
  CHECK(podman.id_of(name) == std::string(only_image(loaded).at("image_id").as_string()));
  CHECK(place.files() == std::set<std::string>{"registry"});
}

TEST_CASE("an image of more than a hundred layers loads in docker and podman", "[integration][slow]") {
  const workplace place;
  image_recipe recipe;
  // Docker takes 125.
  recipe.layers.assign(110, 600);
  check_loads(place, build_image(recipe));
}

TEST_CASE("an image with foreign layers, which came from somewhere, loads in docker and podman", "[integration]") {
  const workplace place;
  image_recipe recipe;
  recipe.family = media_family::docker;
  recipe.layers = {3000, 20'000, 900};
  test_image image = build_image(recipe);
  replace_layer(image, 1, test_blob::of("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", image.layers[1].bytes),
                R"(,"urls":["https://layers.invalid/base"])");
  check_loads(place, image);
}
