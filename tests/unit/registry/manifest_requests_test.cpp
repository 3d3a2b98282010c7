#include "registry/manifest_requests.hpp"

#include "unit/registry/client_fixture.hpp"

#include <optional>
#include <string>
#include <utility>

namespace gantry::registry {
namespace {

using fixture = client_fixture;

const std::string other_digest = "sha256:" + std::string(64, '0');

TEST_CASE("a registry that announces another digest than the one asked for is not believed") {
  test::fake_registry registry;
  const test::test_image image = small_image();
  registry.hold("team/app", "1.0", image);
  registry.inject(
      "/manifests/",
      test::answer_with(200, {{"Docker-Content-Digest", other_digest}, {"Content-Type", image.manifest.media_type}}, image.manifest.bytes),
      1, 0);
  fixture f(registry);
  const auto asked = [&f](const std::string& name) { return f.loop.run(head_manifest(f.client, f.name(name), f.stop)); };
  const failure why = test::must_fail(asked("team/app@" + image.manifest.digest), errc::digest_mismatch);
  CHECK(why.text.message().find("announces the digest " + other_digest) != std::string::npos);
  // What a tag stands for is the registry's to say.
  const std::optional<descriptor> found = test::must(asked("team/app:1.0"));
  REQUIRE(found);
  CHECK(found->digest.string() == other_digest);
}

TEST_CASE("a HEAD that tells no digest, or is refused, leaves the word to GET") {
  test::fake_registry registry;
  const test::test_image image = small_image();
  registry.hold("team/app", "1.0", image);
  const std::string type = image.manifest.media_type;
  const test::fault said = GENERATE_COPY(test::answer_with(200, {{"Content-Type", type}}, "{}"),
                                         test::answer_with(200, {{"Content-Type", type}, {"Docker-Content-Digest", "sha256:abc"}}, "{}"),
                                         test::answer_with(400), test::answer_with(403), test::answer_with(405));
  registry.inject("/manifests/", said, 1, 0);
  fixture f(registry);
  CHECK_FALSE(test::must(f.loop.run(head_manifest(f.client, f.name("team/app:1.0"), f.stop))));
}

TEST_CASE("a refused deletion says what the registry does not do, and who could change that") {
  struct row {
    std::string name;
    unsigned status;
    std::string message;
    errc code;
    std::string said;
  };
  const std::string by_digest = "team/app@" + other_digest;
  const row one = GENERATE_COPY(
      row{"team/app:1.0", 400, "invalid digest", errc::unexpected_status, "does not delete by tag; delete the digest, which removes"},
      row{"team/app:1.0", 405, "unsupported", errc::unexpected_status, "does not delete by tag; either its operator has to enable"},
      row{by_digest, 405, "unsupported", errc::unexpected_status, "does not allow deletion; its operator has to enable it"},
      row{"team/app:1.0", 405, "this is read-only", errc::unexpected_status, "is read-only: nothing is deleted there"},
      row{by_digest, 405, "this is read-only", errc::unexpected_status, "is read-only: nothing is deleted there"},
      row{by_digest, 404, "unknown", errc::not_found, "not found"});
  CAPTURE(one.name, one.status, one.message);
  test::fake_registry registry;
  registry.inject("/manifests/",
                  test::answer_with(one.status, {{"Content-Type", "application/json"}},
                                    R"({"errors":[{"code":"UNSUPPORTED","message":")" + one.message + R"("}]})"),
                  1, 0);
  fixture f(registry);
  const failure why = test::must_fail(f.loop.run(delete_manifest(f.client, f.name(one.name), f.stop)), one.code);
  CHECK(why.text.message().find(one.said) != std::string::npos);
  CHECK(why.text.server_message().find(one.message) != std::string::npos);
}

}  // namespace
}  // namespace gantry::registry
