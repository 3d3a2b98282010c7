// Deletion of what refers to something else.
#include "faults/alone.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"
#include "support/upload_registry.hpp"

#include <gantry/engine.hpp>

#include <string>
#include <utility>
#include <variant>
#include <vector>

using namespace gantry;
using namespace gantry::test;
using kind = gantry::test::upload_fault::kind;

namespace {

constexpr const char* manifest_type = "application/vnd.oci.image.manifest.v1+json";
constexpr const char* index_type = "application/vnd.oci.image.index.v1+json";

/// An image in a registry without referrers API, with two signatures, and a list of them that others have put their own into.
struct referred {
  referred() {
    registry.hold("app", "1", image);
    for (const test_blob& one : {first, second}) registry.hold_manifest("app", one.digest, one);
    registry.hold_manifest("app", list_tag(), test_blob::of(index_type, list({entry(first), entry(second)})));
  }
  error_code remove(const std::string& name) {
    engine_options settings;
    settings.cache_dir = directory / "store";
    settings.plain_http.insert(registry.host());
    settings.attempts = 2;
    error_code ec;
    const reference image_name = reference::parse(registry.host() + "/app" + name, ec);
    REQUIRE_FALSE(ec);
    delete_options options;
    options.on_event = [this](const event& what) {
      if (const auto* const told = std::get_if<warning>(&what)) warnings += told->message + "\n";
    };
    return run_alone<delete_result>(settings,
                                    [&](engine& one, auto done) { one.async_delete(image_name, options, text, std::move(done)); });
  }
  test_blob signature(const std::string& note) const {
    return test_blob::of(manifest_type, std::string(R"({"schemaVersion":2,"mediaType":")") + manifest_type +
                                            R"(","artifactType":"application/vnd.test.signature","config":{)" +
                                            image.config.descriptor_members() + R"(},"layers":[],"subject":{)" +
                                            image.manifest.descriptor_members() + R"(},"annotations":{"note":")" + note + "\"}}");
  }
  static std::string entry(const test_blob& blob) { return "{ " + blob.descriptor_members() + ", \"x-other\": [ 1 ] }"; }
  static std::string list(const std::vector<std::string>& entries) {
    std::string text = std::string(R"({"schemaVersion":2, "x-list": {}, "mediaType":")") + index_type + R"(", "manifests": [)";
    for (std::size_t i = 0; i < entries.size(); ++i) text += (i == 0 ? "" : ", ") + entries[i];
    return text + R"(], "annotations": {"of": "others"}})";
  }
  std::string list_tag() const { return "sha256-" + image.manifest.digest.substr(7); }
  std::string listed() const { return registry.manifest("app", list_tag()).value_or(""); }

  upload_registry registry;
  test_image image = build_image({});
  test_blob first = signature("first");
  test_blob second = signature("second");
  temp_dir directory;
  diagnostics text;
  std::string warnings;
};

}  // namespace

TEST_CASE("what is deleted is taken off the list of its subject, which stays as others wrote it", "[faults]") {
  referred r;
  REQUIRE_FALSE(r.remove("@" + r.first.digest));
  INFO(r.text.message());
  CHECK_FALSE(r.registry.has_tag("app", r.first.digest));
  CHECK(r.listed() == referred::list({referred::entry(r.second)}));
  CHECK(r.registry.count("PUT manifest") == 1);
  // The last one leaves a list of nothing.
  REQUIRE_FALSE(r.remove("@" + r.second.digest));
  CHECK(r.listed() == referred::list({}));
  CHECK(r.warnings.empty());
  CHECK(r.registry.has_tag("app", "1"));
}

TEST_CASE("a registry with the referrers API keeps its lists itself", "[faults]") {
  referred r;
  r.registry.offer_referrers();
  REQUIRE_FALSE(r.remove("@" + r.first.digest));
  CHECK_FALSE(r.registry.has_tag("app", r.first.digest));
  CHECK(r.registry.count("PUT manifest") == 0);
}

TEST_CASE("what refers to nothing, is in no list or only loses a tag changes no list", "[faults]") {
  referred r;
  r.registry.delete_by_tag();
  r.registry.hold_manifest("app", "signature", r.first);
  REQUIRE_FALSE(r.remove(":signature"));
  CHECK(r.registry.has_tag("app", r.first.digest));
  const test_blob third = r.signature("third");
  r.registry.hold_manifest("app", third.digest, third);
  REQUIRE_FALSE(r.remove("@" + third.digest));
  REQUIRE_FALSE(r.remove("@" + r.image.manifest.digest));
  CHECK(r.registry.count("PUT manifest") == 0);
  CHECK(r.warnings.empty());
}

TEST_CASE("a list that cannot be written is warned of, and the manifest is gone all the same", "[faults]") {
  referred r;
  r.registry.fail("PUT manifest", {kind::answer, 403, {}, 0}, 1, 0);
  CHECK_FALSE(r.remove("@" + r.first.digest));
  CHECK_FALSE(r.registry.has_tag("app", r.first.digest));
  CHECK(r.warnings.find(r.list_tag()) != std::string::npos);
  CHECK(r.warnings.find("may still name it") != std::string::npos);
}

TEST_CASE("an image that has the name of a list is left alone when a manifest goes", "[faults]") {
  referred r;
  r.registry.hold_manifest("app", r.list_tag(), r.image.manifest);
  CHECK_FALSE(r.remove("@" + r.first.digest));
  CHECK(r.listed() == r.image.manifest.bytes);
  CHECK(r.warnings.find("is left alone") != std::string::npos);
}

TEST_CASE("what is not there, or is not to be deleted, leaves the lists as they are", "[faults]") {
  referred r;
  CHECK(r.remove("@" + r.signature("never written").digest) == errc::not_found);
  r.registry.fail("DELETE manifest", {kind::answer, 405, {}, 0}, 1, 0);
  CHECK(r.remove("@" + r.first.digest) == errc::unexpected_status);
  CHECK(r.text.message().find("REGISTRY_STORAGE_DELETE_ENABLED=true") != std::string::npos);
  CHECK(r.listed() == referred::list({referred::entry(r.first), referred::entry(r.second)}));
}
