#include "jobs/resolve.hpp"

#include "store/content_store.hpp"

#include "support/fake_registry.hpp"
#include "support/result.hpp"
#include "support/temp_dir.hpp"
#include "unit/jobs/shared_parts.hpp"

#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace gantry::jobs {
namespace {

using namespace std::chrono_literals;

platform platform_named(const std::string& text) {
  error_code ec;
  platform parsed = platform::parse(text, ec);
  REQUIRE_FALSE(ec);
  return parsed;
}

platform_choice only(const std::string& text) {
  platform_choice choice;
  choice.platforms.push_back(platform_named(text));
  return choice;
}

platform_choice everything() {
  platform_choice choice;
  choice.all = true;
  return choice;
}

struct with_registry {
  test::fake_registry registry;
};

struct fixture : with_registry, test::shared_parts {
  fixture() : shared_parts(test::plain_http_to(registry.host())) {}

  test::temp_dir directory;
  std::shared_ptr<store::content_store> store = opened();
  std::vector<event> events;
  transfer::operation running{transfer::event_emitter([this](const event& one) { events.push_back(one); }, {})};

  std::shared_ptr<store::content_store> opened() const {
    store::store_options options;
    options.root = directory / "store";
    options.sync = false;
    return test::must(store::content_store::open(options));
  }
  reference name(const std::string& text) const {
    error_code ec;
    reference parsed = reference::parse(registry.host() + "/" + text, ec);
    REQUIRE_FALSE(ec);
    return parsed;
  }
  result<resolved_image> resolve(const platform_choice& choice, const std::string& text = "team/app:1.0") {
    resolver names(shared, running, store);
    return loop.run(names.resolve(name(text), choice));
  }
  /// Makes the store know a name, as a finished pull does.
  void record(const resolved_image& image) const {
    store::reference_record one;
    one.name = image.name;
    one.top = image.top;
    for (const resolved_manifest& manifest : image.manifests) one.manifests.push_back(manifest.entry);
    const auto lock = test::must(store->try_lock_index());
    REQUIRE(lock);
    test::must(store->put_reference(one, *lock));
  }
  std::size_t warnings() const {
    std::size_t count = 0;
    for (const event& one : events) count += std::holds_alternative<warning>(one) ? 1 : 0;
    return count;
  }
};

test::test_image image_for(const std::string& architecture, std::string variant = {}, std::uint32_t seed = 1) {
  test::image_recipe recipe;
  recipe.architecture = architecture;
  recipe.variant = std::move(variant);
  recipe.layers = {1500};
  recipe.seed = seed;
  return test::build_image(recipe);
}

test::test_index three_platforms(bool attestation = false) {
  return test::build_index(test::media_family::oci, {image_for("amd64"), image_for("arm64", "v8", 2), image_for("arm", "v7", 3)},
                           attestation);
}

descriptor entry_of(const test::test_blob& blob) {
  error_code ec;
  descriptor entry;
  entry.digest = digest::parse(blob.digest, ec);
  entry.size = blob.bytes.size();
  return entry;
}

TEST_CASE("an image without an index is resolved with its platform, and its manifest kept") {
  for (const auto family : {test::media_family::oci, test::media_family::docker}) {
    fixture f;
    test::image_recipe recipe;
    recipe.family = family;
    recipe.layers = {1500, 1600};
    const test::test_image image = test::build_image(recipe);
    f.registry.hold("team/app", "1.0", image);
    const resolved_image found = test::must(f.resolve(only("linux/amd64")));
    CHECK(found.top.digest.string() == image.manifest.digest);
    CHECK(found.top.media_type == image.manifest.media_type);
    CHECK(found.indexes.empty());
    REQUIRE(found.manifests.size() == 1);
    CHECK(found.manifests[0].entry.digest == found.top.digest);
    CHECK(found.manifests[0].content.layers.size() == 2);
    CHECK(found.manifests[0].image_platform == platform_named("linux/amd64"));
    CHECK(f.store->holds(entry_of(image.manifest)));
    CHECK_FALSE(f.store->holds(entry_of(image.layers[0])));
  }
}

TEST_CASE("an image for another platform than the one asked for names its own") {
  fixture f;
  f.registry.hold("team/app", "1.0", image_for("arm64", "v8"));
  const failure said = test::must_fail(f.resolve(only("linux/amd64")), errc::platform_not_found);
  CHECK(said.text.message().find("linux/amd64") != std::string::npos);
  CHECK(said.text.message().find("linux/arm64") != std::string::npos);
}

TEST_CASE("a single image that this machine may not run comes with a warning when nobody chose") {
  fixture f;
  f.registry.hold("team/app", "1.0", image_for("s390x"));
  test::must(f.resolve({}));
  CHECK(f.warnings() == 1);
  fixture g;
  g.registry.hold("team/app", "1.0", image_for(platform::host().architecture));
  test::must(g.resolve({}));
  CHECK(g.warnings() == 0);
}

TEST_CASE("one platform of an index is chosen, and only its manifest fetched") {
  fixture f;
  const test::test_index index = three_platforms();
  f.registry.hold("team/app", "1.0", index);
  const resolved_image found = test::must(f.resolve(only("linux/arm64")));
  CHECK(found.top.digest.string() == index.index.digest);
  REQUIRE(found.manifests.size() == 1);
  CHECK(found.manifests[0].entry.digest.string() == index.images[1].manifest.digest);
  CHECK(found.indexes.empty());  // a part of the index only
  CHECK(f.registry.count("/manifests/") == 2);
  CHECK(f.registry.count("/blobs/") == 0);
}

TEST_CASE("several platforms, and all of them") {
  fixture f;
  const test::test_index index = three_platforms();
  f.registry.hold("team/app", "1.0", index);
  platform_choice two = only("linux/arm/v7");
  two.platforms.push_back(platform_named("linux/amd64"));
  CHECK(test::must(f.resolve(two)).manifests.size() == 2);
  const resolved_image all = test::must(f.resolve(everything()));
  CHECK(all.manifests.size() == 3);
  REQUIRE(all.indexes.size() == 1);
  CHECK(all.indexes[0].digest == all.top.digest);
}

TEST_CASE("a platform that an index lacks is told with those that it has") {
  fixture f;
  f.registry.hold("team/app", "1.0", three_platforms(true));
  const failure said = test::must_fail(f.resolve(only("linux/riscv64")), errc::platform_not_found);
  for (const char* there : {"linux/riscv64", "linux/amd64", "linux/arm64", "linux/arm/v7"}) {
    INFO(said.text.message());
    CHECK(said.text.message().find(there) != std::string::npos);
  }
  CHECK(said.text.message().find("unknown") == std::string::npos);
}

TEST_CASE("an attestation travels with the manifest that it describes") {
  fixture f;
  f.registry.hold("team/app", "1.0", three_platforms(true));
  const resolved_image described = test::must(f.resolve(only("linux/amd64")));
  REQUIRE(described.manifests.size() == 2);
  CHECK_FALSE(described.manifests[0].attestation);
  CHECK(described.manifests[1].attestation);
  const resolved_image other = test::must(f.resolve(only("linux/arm64")));
  REQUIRE(other.manifests.size() == 1);
  CHECK_FALSE(other.manifests[0].attestation);
  CHECK(test::must(f.resolve(everything())).manifests.size() == 4);
}

/// An index that names \p inner, as deep as it goes.
test::test_blob index_around(const test::test_blob& inner) {
  const std::string type = "application/vnd.oci.image.index.v1+json";
  return test::test_blob::of(type,
                             R"({"schemaVersion":2,"mediaType":")" + type + R"(","manifests":[{)" + inner.descriptor_members() + "}]}");
}

TEST_CASE("an index in an index is followed, to a depth") {
  fixture f;
  const test::test_index index = three_platforms();
  f.registry.hold("team/app", "inner", index);
  test::test_blob outer = index.index;
  for (int depth = 2; depth <= 4; ++depth) {
    outer = index_around(outer);
    f.registry.hold_manifest("team/app", outer.digest, outer);
    f.registry.hold_manifest("team/app", "1.0", outer);
    INFO(depth);
    const resolved_image found = test::must(f.resolve(everything()));
    CHECK(found.manifests.size() == 3);
    CHECK(found.indexes.size() == static_cast<std::size_t>(depth));
  }
  outer = index_around(outer);
  f.registry.hold_manifest("team/app", outer.digest, outer);
  f.registry.hold_manifest("team/app", "1.0", outer);
  test::must_fail(f.resolve(everything()), errc::limit_exceeded);
}

TEST_CASE("an entry that is not the kind its index says is malformed") {
  fixture f;
  const test::test_image image = image_for("amd64");
  f.registry.hold("team/app", "inner", image);
  test::test_blob lying = image.manifest;
  lying.media_type = "application/vnd.oci.image.index.v1+json";
  const test::test_blob outer = index_around(lying);
  f.registry.hold_manifest("team/app", "1.0", outer);
  test::must_fail(f.resolve(everything()), errc::malformed_document);
}

TEST_CASE("entries without a platform are told by their configurations") {
  fixture f;
  const test::test_image image = image_for("amd64");
  f.registry.hold("team/app", "inner", image);
  const test::test_blob outer = index_around(image.manifest);
  f.registry.hold_manifest("team/app", "1.0", outer);
  const resolved_image found = test::must(f.resolve(only("linux/amd64")));
  REQUIRE(found.manifests.size() == 1);
  CHECK(found.manifests[0].image_platform == platform_named("linux/amd64"));
  CHECK(f.registry.count("/blobs/" + image.config.digest) == 1);
  test::must_fail(f.resolve(only("linux/arm64")), errc::platform_not_found);
}

TEST_CASE("a digest decides over a tag, and its bytes must match") {
  fixture f;
  const test::test_image image = image_for("amd64");
  f.registry.hold("team/app", "1.0", image_for("amd64", "", 9));
  f.registry.hold_manifest("team/app", image.manifest.digest, image.manifest);
  f.registry.hold_blob(image.config);
  const std::string pinned = "team/app:1.0@" + image.manifest.digest;
  CHECK(test::must(f.resolve(only("linux/amd64"), pinned)).top.digest.string() == image.manifest.digest);
  CHECK(f.registry.count("/manifests/1.0") == 0);
  fixture g;
  test::test_blob other = image.manifest;
  other.bytes += "\n";
  g.registry.hold_manifest("team/app", image.manifest.digest, other);
  test::must_fail(g.resolve(only("linux/amd64"), pinned), errc::digest_mismatch);
  CHECK_FALSE(g.store->holds(entry_of(image.manifest)));
}

TEST_CASE("a digest that the store has needs no network") {
  fixture f;
  const test::test_index index = three_platforms();
  f.registry.hold("team/app", "1.0", index);
  const std::string pinned = "team/app@" + index.index.digest;
  const resolved_image first = test::must(f.resolve(only("linux/amd64"), pinned));
  f.record(first);
  f.registry.forget_requests();
  const resolved_image again = test::must(f.resolve(only("linux/amd64"), pinned));
  CHECK(f.registry.count() == 0);
  CHECK(again.top.digest == first.top.digest);
  CHECK(again.manifests[0].entry.digest == first.manifests[0].entry.digest);
}

TEST_CASE("a tag is asked for once more, and goes through the store from there") {
  fixture f;
  f.registry.hold("team/app", "1.0", three_platforms());
  f.record(test::must(f.resolve(only("linux/amd64"))));
  f.registry.forget_requests();
  test::must(f.resolve(only("linux/amd64")));
  CHECK(f.registry.count() == 1);
  CHECK(f.registry.count("/manifests/1.0") == 1);
}

TEST_CASE("offline a document that the disk does not give back is the reason, not an image that is not there") {
  fixture f;
  f.registry.hold("team/app", "1.0", image_for("amd64"));
  const resolved_image first = test::must(f.resolve(only("linux/amd64")));
  f.record(first);
  const auto offline = [&] {
    resolver names(f.shared, f.running, f.store, {}, true);
    return f.loop.run(names.resolve(f.name("team/app:1.0"), only("linux/amd64")));
  };
  test::must(offline());
  const std::filesystem::path blob = f.store->path_of(first.top.digest);
  const std::string damaged(std::filesystem::file_size(blob), 'x');
  std::filesystem::remove(blob);
  test::spill(blob, damaged);
  test::must_fail(offline(), errc::digest_mismatch);
  // With a network it is fetched again.
  test::must(f.resolve(only("linux/amd64")));
  test::must(offline());
}

TEST_CASE("offline a digest is found under another name of its repository") {
  fixture f;
  const test::test_index index = three_platforms();
  f.registry.hold("team/app", "1.0", index);
  const resolved_image tagged = test::must(f.resolve(only("linux/amd64")));
  f.record(tagged);
  const auto offline = [&](const std::string& text) {
    resolver names(f.shared, f.running, f.store, {}, true);
    return f.loop.run(names.resolve(f.name(text), only("linux/amd64")));
  };
  const std::string amd = tagged.manifests[0].entry.digest.string();
  // Which brings the configuration, as a pull does: a manifest that is named itself is asked for its platform.
  test::must(f.resolve(only("linux/amd64"), "team/app@" + amd));
  f.registry.forget_requests();
  for (const std::string& text : {"team/app@" + index.index.digest, "team/app:other@" + index.index.digest, "team/app@" + amd}) {
    INFO(text);
    const resolved_image found = test::must(offline(text));
    CHECK(found.known_as == f.name(text));
    CHECK(found.stored_as == f.name("team/app:1.0"));
    CHECK(found.top.digest == f.name(text).digest());
    REQUIRE(found.manifests.size() == 1);
    CHECK(found.manifests[0].entry.digest.string() == amd);
  }
  // Not what the store has only heard of, nor what another repository brought.
  test::must_fail(offline("team/app@" + index.images[1].manifest.digest), errc::not_found);
  test::must_fail(offline("team/other@" + index.index.digest), errc::not_found);
  CHECK(f.registry.count() == 0);
}

TEST_CASE("an artifact is resolved whatever the platform") {
  fixture f;
  f.registry.hold("team/app", "1.0", test::build_artifact());
  const resolved_image found = test::must(f.resolve(only("linux/s390x")));
  REQUIRE(found.manifests.size() == 1);
  CHECK(found.manifests[0].image_platform.os.empty());
}

TEST_CASE("a passing error is tried again, a lasting one is not") {
  fixture f;
  f.registry.hold("team/app", "1.0", image_for("amd64"));
  f.registry.inject("/manifests/", test::answer_with(503), 1, 2);
  CHECK(f.resolve(only("linux/amd64")));
  CHECK(f.registry.count("/manifests/1.0") == 3);
  test::must_fail(f.resolve(only("linux/amd64"), "team/app:none"), errc::not_found);
  CHECK(f.registry.count("/manifests/none") == 1);
}

TEST_CASE("documents that lie or are none are refused") {
  fixture f;
  const std::string type = "application/vnd.oci.image.manifest.v1+json";
  f.registry.hold_manifest("team/app", "1.0", test::test_blob::of(type, "<html>login</html>"));
  test::must_fail(f.resolve({}), errc::malformed_document);
  const std::string old = "application/vnd.docker.distribution.manifest.v1+prettyjws";
  f.registry.hold_manifest("team/app", "1.0",
                           test::test_blob::of(old, R"({"schemaVersion":1,"name":"team/app","tag":"1.0","fsLayers":[]})"));
  test::must_fail(f.resolve({}), errc::unsupported_document);
}

TEST_CASE("a stop ends resolving") {
  fixture f;
  f.registry.hold("team/app", "1.0", image_for("amd64"));
  f.running.request_stop();
  test::must_fail(f.resolve({}), errc::cancelled);
  CHECK(f.registry.count() == 0);
}

}  // namespace
}  // namespace gantry::jobs
