#include "jobs/remove.hpp"

#include "support/upload_registry.hpp"
#include "unit/jobs/shared_parts.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace gantry::jobs {
namespace {

using namespace std::chrono_literals;

constexpr const char* manifest_type = "application/vnd.oci.image.manifest.v1+json";
constexpr const char* index_type = "application/vnd.oci.image.index.v1+json";

struct with_registry {
  test::upload_registry registry;
};

/// A registry without the referrers API: an image, two signatures, and the list of them.
struct fixture : with_registry, test::shared_parts {
  fixture() : shared_parts(test::plain_http_to(registry.host())) {
    registry.hold("app", "1", image);
    for (const test::test_blob& one : {first, second}) registry.hold_manifest("app", one.digest, one);
    registry.hold_manifest(
        "app", list_tag(),
        test::test_blob::of(index_type, std::string(R"({"schemaVersion":2,"mediaType":")") + index_type + R"(","manifests":[{)" +
                                            first.descriptor_members() + "},{" + second.descriptor_members() + "}]}"));
  }
  test::test_blob signature(const std::string& note) const {
    return test::test_blob::of(manifest_type, std::string(R"({"schemaVersion":2,"mediaType":")") + manifest_type + R"(","config":{)" +
                                                  image.config.descriptor_members() + R"(},"layers":[],"subject":{)" +
                                                  image.manifest.descriptor_members() + R"(},"annotations":{"note":")" + note + "\"}}");
  }
  std::string list_tag() const { return "sha256-" + image.manifest.digest.substr(7); }
  reference name(const test::test_blob& manifest) const {
    error_code ec;
    reference parsed = reference::parse(registry.host() + "/app@" + manifest.digest, ec);
    REQUIRE_FALSE(ec);
    return parsed;
  }

  test::test_image image = test::build_image({});
  test::test_blob first = signature("first");
  test::test_blob second = signature("second");
  std::shared_ptr<transfer::operation> running = std::make_shared<transfer::operation>(transfer::event_emitter([](const event&) {}, {}));
};

}  // namespace

TEST_CASE("what is deleted at once is taken off one list one after another") {
  fixture f;
  // While the first list is on its way, another writer would have read the old one.
  f.registry.fail("PUT manifest", {test::upload_fault::kind::pause, 500, {}, 0, 300ms});
  const auto ledger = std::make_shared<upload_ledger>();
  std::optional<result<delete_result>> one;
  std::optional<result<delete_result>> other;
  f.loop.spawn(remove_reference(f.shared, f.running, f.name(f.first), ledger), one);
  f.loop.spawn(remove_reference(f.shared, f.running, f.name(f.second), ledger), other);
  f.loop.drain();
  REQUIRE(one);
  REQUIRE(other);
  CHECK(one->has_value());
  CHECK(other->has_value());
  CHECK(f.registry.most_at_once("PUT manifest") == 1);
  CHECK(f.registry.count("PUT manifest") == 2);
  const std::string left = f.registry.manifest("app", f.list_tag()).value_or("");
  CHECK(left.find("\"manifests\":[]") != std::string::npos);
}

}  // namespace gantry::jobs
