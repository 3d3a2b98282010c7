#include "serve/library.hpp"

#include "support/loop.hpp"
#include "unit/serve/running_server.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace gantry;
using namespace gantry::test;
using serve::catalogue;

namespace {

using answer = std::optional<result<std::shared_ptr<const catalogue>>>;

struct library_fixture : filled_store {
  test_image image = build_image({});
  loop strand;  // outlives the workers
  runtime::lanes workers;
  serve::library content{workers, store};

  library_fixture() {
    put(image);
    name("registry.example/a:1", image.manifest);
  }
  std::shared_ptr<const catalogue> ask() { return must(strand.run(content.current())); }
};

}  // namespace

TEST_CASE_METHOD(library_fixture, "after a change all names are read once for all who ask") {
  ask();
  ask();
  CHECK(content.readings() == 1);
  name("registry.example/a:2", image.manifest);
  std::vector<answer> answers(20);
  for (answer& one : answers) strand.spawn(content.current(), one);
  strand.drain();
  for (const answer& one : answers) {
    REQUIRE(one);
    const auto* tags = must(*one)->tags({"registry.example", "a"});
    REQUIRE(tags != nullptr);
    CHECK(tags->size() == 2);
  }
  // Those who came while the first was reading may have wanted another.
  CHECK(content.readings() <= 3);
}

TEST_CASE_METHOD(library_fixture, "a platform that joins an index is seen, though index.json says what it said") {
  test_image other;
  image_recipe recipe;
  recipe.architecture = "arm64";
  recipe.seed = 2;
  other = build_image(recipe);
  image_recipe last = recipe;
  last.seed = 3;
  const test_image third = build_image(last);
  const test_index index = build_index(media_family::oci, {image, other, third});
  put(other);
  put(third);
  put(index.index);
  name("registry.example/b:1", index.index, {descriptor_of(image.manifest), descriptor_of(other.manifest)});
  const std::string text = slurp(directory / "store/index.json");
  const std::size_t documents = ask()->documents({"registry.example", "b"}).size();
  name("registry.example/b:1", index.index, {descriptor_of(third.manifest)});
  CHECK(slurp(directory / "store/index.json") == text);
  CHECK(ask()->documents({"registry.example", "b"}).size() == documents + 1);
}
