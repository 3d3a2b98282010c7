// Content that the specifications allow and few registries have: from a registry into an archive, from there into a store and into another
// archive, with every digest as it was.
#include "support/catch.hpp"
#include "support/fake_registry.hpp"
#include "support/image_builder.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

#include <gantry/engine.hpp>

#include <boost/asio/use_future.hpp>

#include <filesystem>
#include <functional>
#include <future>
#include <string>
#include <vector>

using namespace gantry;
using namespace gantry::test;
namespace fs = std::filesystem;
namespace asio = boost::asio;

namespace {

const std::string oci_index = "application/vnd.oci.image.index.v1+json";
const std::string oci_manifest = "application/vnd.oci.image.manifest.v1+json";

std::string index_text(const std::string& media_type_member, const std::vector<std::string>& entries) {
  std::string list;
  for (const std::string& entry : entries) list += (list.empty() ? "{" : ",{") + entry + "}";
  return R"({"schemaVersion":2,)" + media_type_member + R"("manifests":[)" + list + "]}";
}

/// Runs one operation of an engine; what it fails with ends the test.
template <class Result>
Result finish(const std::function<std::future<Result>(diagnostics&)>& start) {
  diagnostics text;
  std::future<Result> done = start(text);
  try {
    return done.get();
  } catch (const std::exception& error) {
    FAIL(error.what() << ": " << text.message());
    throw;
  }
}

struct travel {
  fake_registry registry;
  temp_dir directory;

  engine_options settings(const char* store) const {
    engine_options made;
    made.cache_dir = directory / store;
    made.plain_http = {registry.host()};
    made.sync = false;
    return made;
  }

  reference name(const std::string& tag) const {
    error_code ec;
    reference made = reference::parse(registry.host() + "/team/app" + tag, ec);
    REQUIRE_FALSE(ec);
    return made;
  }

  /// Pulls everything that \p tag names into an OCI archive, carries it on, and compares.
  void there_and_back(const std::string& tag, const std::string& digest) const {
    engine connected(settings("store"));
    pull_options wanted;
    wanted.output = archive_file{directory / "there.tar", archive_format::oci, false};
    wanted.all_platforms = true;
    const auto pulled =
        finish<pull_result>([&](diagnostics& text) { return connected.async_pull(name(tag), wanted, text, asio::use_future); });
    REQUIRE_FALSE(pulled.images.empty());
    CHECK(pulled.images.front().top.digest.string() == digest);

    engine isolated(settings("other"));
    extract_options into;
    into.name = name(":1");
    const auto extracted = finish<extract_result>(
        [&](diagnostics& text) { return isolated.async_extract(directory / "there.tar", into, text, asio::use_future); });
    REQUIRE_FALSE(extracted.images.empty());
    CHECK(extracted.images.size() == pulled.images.size());
    CHECK(extracted.images.front().top.digest.string() == digest);

    convert_options again;
    again.output = archive_file{directory / "again.tar", archive_format::oci, false};
    finish<convert_result>(
        [&](diagnostics& text) { return isolated.async_convert(directory / "there.tar", again, text, asio::use_future); });
    CHECK(slurp(directory / "again.tar") == slurp(directory / "there.tar"));
  }
};

}  // namespace

TEST_CASE("nested indexes without media types travel as they are", "[faults]") {
  travel t;
  const test_image amd64 = build_image({});
  image_recipe recipe;
  recipe.architecture = "arm64";
  recipe.seed = 2;
  const test_image arm64 = build_image(recipe);
  t.registry.hold("team/app", amd64.manifest.digest, amd64);
  t.registry.hold("team/app", arm64.manifest.digest, arm64);
  const test_blob inner = test_blob::of(
      oci_index, index_text("", {arm64.manifest.descriptor_members() + R"(,"platform":{"os":"linux","architecture":"arm64"})"}));
  t.registry.hold_manifest("team/app", inner.digest, inner);
  const test_blob outer =
      test_blob::of(oci_index, index_text("", {amd64.manifest.descriptor_members() + R"(,"platform":{"os":"linux","architecture":"amd64"})",
                                               inner.descriptor_members()}));
  t.registry.hold_manifest("team/app", "nested", outer);
  t.there_and_back(":nested", outer.digest);
}

TEST_CASE("an artifact with an empty config, no layers and inline data travels as it is", "[faults]") {
  travel t;
  const test_blob empty = test_blob::of("application/vnd.oci.empty.v1+json", "{}");
  // "{}" in base64. The registry does not have the blob.
  const std::string config = empty.descriptor_members() + R"(,"data":"e30=")";
  const std::string artifact_type = R"("artifactType":"application/vnd.example.note",)";
  const test_blob inlined = test_blob::of(oci_manifest, R"({"schemaVersion":2,"mediaType":")" + oci_manifest + R"(",)" + artifact_type +
                                                            R"("config":{)" + config + R"(},"layers":[{)" + config + "}]}");
  t.registry.hold_manifest("team/app", "inline", inlined);
  t.there_and_back(":inline", inlined.digest);

  t.registry.hold_blob(empty);
  const test_blob bare = test_blob::of(oci_manifest, R"({"schemaVersion":2,"mediaType":")" + oci_manifest + R"(",)" + artifact_type +
                                                         R"("config":{)" + empty.descriptor_members() + R"(},"layers":[]})");
  t.registry.hold_manifest("team/app", "bare", bare);
  t.there_and_back(":bare", bare.digest);
}

TEST_CASE("blobs that are named by sha512 are verified and travel", "[faults]") {
  travel t;
  const std::string content = random_bytes(100'000, 7);
  const test_blob layer = test_blob::of_sha512("application/octet-stream", content);
  const test_blob empty = test_blob::of("application/vnd.oci.empty.v1+json", "{}");
  t.registry.hold_blob(layer);
  t.registry.hold_blob(empty);
  const test_blob manifest = test_blob::of(
      oci_manifest, R"({"schemaVersion":2,"mediaType":")" + oci_manifest + R"(","artifactType":"application/vnd.example.x","config":{)" +
                        empty.descriptor_members() + R"(},"layers":[{)" + layer.descriptor_members() + "}]}");
  t.registry.hold_manifest("team/app", "long", manifest);
  t.there_and_back(":long", manifest.digest);
  CHECK(slurp(t.directory / "other" / layer.path()) == content);
}

TEST_CASE("attestations travel with all platforms", "[faults]") {
  travel t;
  const test_index index = build_index(media_family::oci, {build_image({})}, true);
  t.registry.hold("team/app", "attested", index);
  t.there_and_back(":attested", index.index.digest);
}

TEST_CASE("a digest alone and a tag with a digest name what they say", "[faults]") {
  travel t;
  const test_image image = build_image({});
  t.registry.hold("team/app", "1.0", image);
  t.registry.hold_manifest("team/app", image.manifest.digest, image.manifest);
  t.there_and_back("@" + image.manifest.digest, image.manifest.digest);
  t.there_and_back(":1.0@" + image.manifest.digest, image.manifest.digest);
}

TEST_CASE("a foreign layer that an archive leaves out does not keep its image from the store", "[faults]") {
  const temp_dir directory;
  test_image image = build_image({});
  test_blob foreign = image.layers[1];
  foreign.media_type = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
  replace_layer(image, 1, foreign, R"(,"urls":["https://example.com/layer"])");
  write_layout(directory / "layout", "1.0", image);
  std::filesystem::remove(directory / "layout/blobs/sha256" / foreign.digest.substr(7));
  engine_options settings;
  settings.cache_dir = directory / "store";
  settings.sync = false;
  engine one(settings);
  std::string warned;
  extract_options options;
  error_code ec;
  options.name = reference::parse("quay.io/team/app:1.0", ec);
  options.on_event = [&warned](const event& e) {
    if (const auto* said = std::get_if<warning>(&e)) warned += said->message;
  };
  diagnostics text;
  const auto extract = [&] {
    try {
      return one.async_extract(directory / "layout", options, text, boost::asio::use_future).get();
    } catch (const boost::system::system_error& error) {
      ec = error.code();
      return extract_result();
    }
  };
  CHECK(extract().images.size() == 1);
  INFO(text.message());
  CHECK_FALSE(ec);
  CHECK_THAT(warned, Catch::Contains("leaves out the foreign layer " + foreign.digest));
  const list_result all = one.async_list(list_options(), boost::asio::use_future).get();
  REQUIRE(all.references.size() == 1);
  CHECK(all.references[0].complete);
  // Any other layer is needed.
  std::filesystem::remove_all(directory / "store");
  std::filesystem::remove(directory / "layout/blobs/sha256" / image.layers[0].digest.substr(7));
  extract();
  CHECK(ec == make_error_code(errc::not_found));
  CHECK_THAT(text.message(), Catch::Contains("lacks 1 blob") && Catch::Contains(image.layers[0].digest));
}
