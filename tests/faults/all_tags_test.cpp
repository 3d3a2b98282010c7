// Copies of every tag of a repository.
#include "faults/uploaded.hpp"

#include "support/catch.hpp"
#include "support/sha256.hpp"

#include <string>

using namespace gantry;
using namespace gantry::test;

namespace {

/// A repository with two images, and what hangs on the first by its tag.
struct tagged : uploaded {
  tagged() {
    options.all_tags = true;
    settings.plain_http.insert(repository.host());
    repository.hold("team/app", "1.0", image);
    repository.hold("team/app", "1.1", image);
    refer(repository, "team/app", own);
  }
  /// A signature of the image.
  test_blob signature(const std::string& by) const {
    const std::string type = "application/vnd.oci.image.manifest.v1+json";
    return test_blob::of(type, R"({"schemaVersion":2,"mediaType":")" + type +
                                   R"(","artifactType":"application/vnd.test.signature","config":{)" + image.config.descriptor_members() +
                                   R"(},"layers":[],"subject":{)" + image.manifest.descriptor_members() + R"(},"annotations":{"by":")" +
                                   by + "\"}}");
  }
  /// Puts \p one there, and a list of it alone, that an extra member tells from those that are made by the rules.
  void refer(upload_registry& there, const std::string& name, const test_blob& one) const {
    there.hold_manifest(name, one.digest, one);
    const std::string index = "application/vnd.oci.image.index.v1+json";
    there.hold_manifest(name, hanging,
                        test_blob::of(index, R"({"schemaVersion":2,"mediaType":")" + index + R"(","extra":1,"manifests":[{)" +
                                                 one.descriptor_members() + "}]}"));
  }
  error_code copy_all() { return copy(repository.host() + "/team/app", target.host() + "/copied/app"); }
  bool has(const std::string& tag) const { return target.has_tag("copied/app", tag); }

  std::string list() const { return target.manifest("copied/app", hanging).value_or(""); }

  upload_registry repository;
  const test_blob own = signature("the source");
  const std::string hanging = "sha256-" + image.manifest.digest.substr(7);
};

}  // namespace

TEST_CASE("a choice of platforms leaves out tags of referrers, which are no images", "[faults]") {
  tagged t;
  error_code ec;
  t.options.platforms.push_back(platform::parse("linux/amd64", ec));
  CHECK_FALSE(t.copy_all());
  INFO(t.text.message());
  CHECK(t.result.failed.empty());
  CHECK(t.result.images.size() == 2);
  CHECK(t.has("1.1"));
  CHECK_FALSE(t.has(t.hanging));
  // Asked for, they go with what they hang on.
  t.options.referrers = true;
  CHECK_FALSE(t.copy_all());
  CHECK(t.result.failed.empty());
  CHECK(t.has(t.hanging));
}

TEST_CASE("without a choice every tag is copied as it is", "[faults]") {
  tagged t;
  CHECK_FALSE(t.copy_all());
  INFO(t.text.message());
  CHECK(t.result.images.size() == 3);
  CHECK(t.list() == t.repository.manifest("team/app", t.hanging));
}

TEST_CASE("a list of referrers that is copied by its tag is merged into the target's", "[faults]") {
  tagged t;
  t.options.referrers = GENERATE(false, true);
  t.options.force_upload = GENERATE(false, true);
  const test_blob foreign = t.signature("the target");
  t.target.hold("copied/app", "1.0", t.image);
  t.refer(t.target, "copied/app", foreign);
  CHECK_FALSE(t.copy_all());
  INFO(t.text.message());
  CHECK(t.result.failed.empty());
  CHECK(t.list().find(foreign.digest) != std::string::npos);
  CHECK(t.list().find(t.own.digest) != std::string::npos);
  CHECK(t.list().find("\"extra\":1") != std::string::npos);
  CHECK(t.target.manifest("copied/app", t.own.digest) == t.own.bytes);
  for (const copied_image& one : t.result.images) {
    if (one.target.tag() == t.hanging) CHECK(one.top.digest.string() == sha256_of(t.list()));
  }
  // Again: it has everything already, and stays as it is.
  const std::string before = t.list();
  CHECK_FALSE(t.copy_all());
  CHECK(t.list() == before);
  for (const copied_image& one : t.result.images) {
    if (one.target.tag() == t.hanging) CHECK(one.unchanged);
  }
}

TEST_CASE("what a list of referrers names and is gone keeps no other from being copied", "[faults]") {
  tagged t;
  const std::string whole = t.repository.manifest("team/app", t.hanging).value_or("");
  const std::string entry = "{" + t.signature("nobody").descriptor_members() + "},";
  const std::size_t place = whole.find("\"manifests\":[") + 13;
  t.repository.hold_manifest(
      "team/app", t.hanging,
      test_blob::of("application/vnd.oci.image.index.v1+json", whole.substr(0, place) + entry + whole.substr(place)));
  CHECK_FALSE(t.copy_all());
  INFO(t.text.message());
  CHECK(t.result.failed.empty());
  CHECK(t.list().find(t.own.digest) != std::string::npos);
  CHECK(t.list().find(t.signature("nobody").digest) == std::string::npos);
}

TEST_CASE("a list of referrers does not take the place of an image of that name", "[faults]") {
  tagged t;
  t.target.hold("copied/app", t.hanging, t.image);
  CHECK_FALSE(t.copy_all());
  REQUIRE(t.result.failed.size() == 1);
  CHECK(t.result.failed.front().message.find("is left alone") != std::string::npos);
  CHECK(t.list() == t.image.manifest.bytes);
}
