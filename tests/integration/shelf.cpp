#include "integration/shelf.hpp"

#include "support/image_builder.hpp"
#include "support/servers.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

namespace gantry::test {
namespace {

namespace fs = std::filesystem;

// Raised whenever the content below changes, so that old build trees make it anew.
constexpr const char* ready_name = "ready-1";

test_image large_image() {
  struct part {
    std::uint64_t bytes;
    int level;
  };
  const std::vector<fs::path> roots{"/usr/bin", "/usr/lib"};
  std::vector<layer_bytes> layers;
  std::uint64_t skip = 0;
  // Stored layers are quick to make; one is compressed in earnest.
  for (const part& next : {part{180'000'000, 0}, part{90'000'000, 0}, part{40'000'000, 1}, part{20'000'000, 0}, part{1'000'000, 0}}) {
    layers.push_back(machine_layer(roots, skip, next.bytes, next.level));
    skip += next.bytes;
  }
  return build_image({}, std::move(layers));
}

image_recipe recipe_of(media_family family, std::string architecture, std::string variant, std::uint32_t seed) {
  image_recipe recipe;
  recipe.family = family;
  recipe.architecture = std::move(architecture);
  recipe.variant = std::move(variant);
  recipe.layers = {50'000, 3'000'000, 700};
  recipe.seed = seed;
  return recipe;
}

void fill(const fs::path& directory) {
  docker_registry registry(directory, {directory / "storage"});
  const std::uint16_t port = registry.port();
  push(port, "team/large", "1.0", large_image());

  std::vector<test_image> images;
  images.push_back(build_image(recipe_of(media_family::oci, "amd64", "", 1)));
  images.push_back(build_image(recipe_of(media_family::oci, "arm64", "v8", 2)));
  images.push_back(build_image(recipe_of(media_family::oci, "arm", "v7", 3)));
  push(port, "team/multi", "1.0", build_index(media_family::oci, std::move(images), true));

  push(port, "team/classic", "1.0", build_image(recipe_of(media_family::docker, "amd64", "", 4)));
  std::vector<test_image> classic;
  classic.push_back(build_image(recipe_of(media_family::docker, "amd64", "", 4)));
  classic.push_back(build_image(recipe_of(media_family::docker, "arm64", "", 5)));
  push(port, "team/classic-list", "1.0", build_index(media_family::docker, std::move(classic)));

  push(port, "team/artifact", "1.0", build_artifact());
}

}  // namespace

fs::path shelf() {
  const fs::path directory = GANTRY_SHELF_DIR;
  fs::create_directories(directory);
  const fs::path lock = directory / "lock";
  const int fd = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ::flock(fd, LOCK_EX) != 0) throw std::system_error(errno, std::generic_category(), "lock " + lock.string());
  try {
    if (!fs::exists(directory / ready_name)) {
      for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
        if (entry.path() != lock) fs::remove_all(entry.path());
      }
      fill(directory);
      std::ofstream(directory / ready_name) << "made\n";
    }
  } catch (...) {
    ::close(fd);
    throw;
  }
  ::close(fd);
  return directory / "storage";
}

}  // namespace gantry::test
