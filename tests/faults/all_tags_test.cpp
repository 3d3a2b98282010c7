// Copies of every tag of a repository.
#include "faults/uploaded.hpp"

#include "support/catch.hpp"

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
    const std::string type = "application/vnd.oci.image.manifest.v1+json";
    const test_blob signature = test_blob::of(
        type, R"({"schemaVersion":2,"mediaType":")" + type + R"(","artifactType":"application/vnd.test.signature","config":{)" +
                  image.config.descriptor_members() + R"(},"layers":[],"subject":{)" + image.manifest.descriptor_members() + "}}");
    repository.hold_manifest("team/app", signature.digest, signature);
    const std::string index = "application/vnd.oci.image.index.v1+json";
    repository.hold_manifest("team/app", hanging,
                             test_blob::of(index, R"({"schemaVersion":2,"mediaType":")" + index + R"(","manifests":[{)" +
                                                      signature.descriptor_members() + "}]}"));
  }
  error_code copy_all() { return copy(repository.host() + "/team/app", target.host() + "/copied/app"); }
  bool has(const std::string& tag) const { return target.has_tag("copied/app", tag); }

  upload_registry repository;
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
  CHECK(t.has(t.hanging));
}
