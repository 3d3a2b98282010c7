// Corners of the specifications through a real registry: there by hand, into an archive, and from the archive by push to another name.
#include "integration/workplace.hpp"

#include "support/catch.hpp"
#include "support/image_builder.hpp"
#include "support/servers.hpp"
#include "support/sha256.hpp"

#include <exception>
#include <string>
#include <vector>

using namespace gantry::test;

namespace {

const std::string oci_index = "application/vnd.oci.image.index.v1+json";

struct corners {
  temp_dir directory;
  docker_registry registry{directory / "registry", {directory / "storage"}};
  workplace place;

  std::string name(const std::string& repository) const { return registry.host() + "/" + repository; }
  static std::string raw(const std::string& image) {
    return run_or_throw({{"skopeo", "inspect", "--raw", "--tls-verify=false", "docker://" + image}});
  }
  void check(std::vector<std::string> words) const {
    const outcome done = place.run(std::move(words));
    INFO(done.err);
    REQUIRE(done.ok());
  }

  /// The bytes of \p image at \p expected, out of the registry, through an archive and the store, and back into it.
  void travel(const std::string& image, const std::string& expected) const {
    CAPTURE(image);
    check({"pull", "--all-platforms", "-f", "oci", "-o", "a.tar", "--no-cache", image});
    check({"push", (place / "a.tar").string(), name("from-archive/x:1")});
    CHECK(raw(name("from-archive/x:1")) == expected);
    check({"extract", "a.tar", "example.com/kept:1", "--force"});
    check({"push", "example.com/kept:1", name("from-store/x:1")});
    CHECK(raw(name("from-store/x:1")) == expected);
    CHECK(store_problems(place.store()) == "");
  }
};

test_index index_of(const std::string& text, std::vector<test_image> images) {
  test_index made;
  made.index = test_blob::of(oci_index, text);
  made.images = std::move(images);
  return made;
}

}  // namespace

TEST_CASE("an artifact goes out of a registry and back with its bytes", "[integration]") {
  const corners c;
  const test_image artifact = build_artifact();
  push(c.registry.port(), "team/artifact", "1", artifact);
  c.travel(c.name("team/artifact:1"), artifact.manifest.bytes);
}

TEST_CASE("an index that does not say what it is goes out of a registry and back with its bytes", "[integration]") {
  const corners c;
  test_image image = build_image({});
  const std::string text = R"({"schemaVersion":2,"manifests":[{)" + image.manifest.descriptor_members() +
                           R"(,"platform":{"os":"linux","architecture":"amd64"}}]})";
  push(c.registry.port(), "team/plain", "1", index_of(text, {image}));
  c.travel(c.name("team/plain:1"), text);
}

TEST_CASE("an index in an index goes out of a registry and back with its bytes", "[integration]") {
  const corners c;
  const test_image image = build_image({});
  const test_index inner = build_index(media_family::oci, {image});
  push(c.registry.port(), "team/nested", "inner", inner);
  const std::string text =
      R"({"schemaVersion":2,"mediaType":")" + oci_index + R"(","manifests":[{)" + inner.index.descriptor_members() + "}]}";
  push(c.registry.port(), "team/nested", "1", index_of(text, {}));
  c.travel(c.name("team/nested:1"), text);
}

TEST_CASE("a manifest that carries its configuration goes out of a registry and back with its bytes", "[integration]") {
  const corners c;
  test_image artifact = build_artifact();
  // {} in base64, as the image-spec's guidance for artifacts has it.
  const std::string before = artifact.config.descriptor_members();
  std::string text = artifact.manifest.bytes;
  const std::size_t at = text.find(before);
  REQUIRE(at != std::string::npos);
  text.insert(at + before.size(), R"(,"data":"e30=")");
  artifact.manifest = test_blob::of(artifact.manifest.media_type, text);
  push(c.registry.port(), "team/inline", "1", artifact);
  c.travel(c.name("team/inline:1"), text);
}

TEST_CASE("a digest alone, and a tag with a digest, name what is pulled", "[integration]") {
  const corners c;
  const test_image first = build_image({});
  image_recipe other;
  other.seed = 2;
  const test_image second = build_image(other);
  push(c.registry.port(), "team/app", "1", first);
  push(c.registry.port(), "team/app", "1", second);  // the tag has moved
  const std::string both = c.name("team/app:1@") + first.manifest.digest;
  for (const std::string& name : {c.name("team/app@") + first.manifest.digest, both}) {
    CAPTURE(name);
    const outcome pulled = c.place.run({"pull", "-o", "a.tar", "--json", name});
    INFO(pulled.err);
    REQUIRE(pulled.ok());
    CHECK(only_image(pulled).at("digest").as_string() == first.manifest.digest);
    const std::string documents = run_or_throw({{"tar", "-xOf", (c.place / "a.tar").string(), "manifest.json"}});
    CHECK((documents.find("team/app:1") != std::string::npos) == (name == both));
    c.travel(name, first.manifest.bytes);
  }
}

TEST_CASE("a blob named by sha512 goes out of a registry that takes it and back", "[integration]") {
  const corners c;
  test_image artifact = build_artifact();
  test_blob& layer = artifact.layers.at(0);
  const std::string longer = sha512_of(layer.bytes);
  std::string text = artifact.manifest.bytes;
  const std::size_t at = text.find(layer.digest);
  REQUIRE(at != std::string::npos);
  text.replace(at, layer.digest.size(), longer);
  layer.digest = longer;
  artifact.manifest = test_blob::of(artifact.manifest.media_type, text);
  try {
    push(c.registry.port(), "team/longer", "1", artifact);
  } catch (const std::exception& refused) {
    WARN("skipped: this registry takes no sha512: " << refused.what());
    return;
  }
  c.travel(c.name("team/longer:1"), text);
}
