// What a list sends up: once, with what refers to it, and going on where another run broke off.
#include "faults/synced.hpp"

#include "support/catch.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

using namespace gantry;
using namespace gantry::test;
namespace fs = std::filesystem;

TEST_CASE("a layer that several entries share goes up once and is mounted", "[faults]") {
  synced s;
  const test_image image = small_image(7);
  for (const std::string name : {"a", "b", "c"}) s.source.hold("team/" + name, "1", image);
  const sync_report report = s.run(s.list(R"([{"source": "SOURCE/team/a:1"}, {"source": "SOURCE/team/b:1"},
    {"source": "SOURCE/team/c:1", "tags": ["1", "2"]}])"));
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  CHECK(report.count(sync_state::copied) == 4);
  CHECK(s.target.count("PUT blob") == 2);
  CHECK(s.target.count("POST mount") == 4);
  CHECK(report.result.blobs_uploaded == 2);
  CHECK(report.result.blobs_mounted == 4);
  CHECK(s.source.count("/blobs/" + image.layers.front().digest) == 1);
}

TEST_CASE("a layer of an unchanged image is mounted by a new entry, and is looked for only then", "[faults]") {
  synced s;
  s.settings.jobs = 1;  // the largest layer first: it is what somebody looks for
  if (GENERATE(false, true)) s.options.lock_file.clear();
  const bool several = GENERATE(false, true);
  const test_image image = app_image();
  image_recipe other;
  other.layers = {2'000'000};
  other.seed = 99;
  other.architecture = "arm64";
  if (several) s.source.hold("team/app", "1.0", build_index(media_family::oci, {image, build_image(other)}));
  if (!several) s.source.hold("team/app", "1.0", image);
  s.source.hold("team/other", "1.0", build_image(other));
  const std::string known = R"({"source": "SOURCE/team/other:1.0"}, {"source": "SOURCE/team/app:1.0", "target": "one"})";
  const sync_report first = s.run(s.list("[" + known + "]"));
  INFO(first.text.message());
  REQUIRE_FALSE(first.ec);
  REQUIRE(first.count(sync_state::copied) == 2);
  // What this run has brought itself is known.
  CHECK(s.target.count("GET manifest") == 0);
  const std::uint64_t taken = s.target.taken();
  // Another machine: what this one remembers of mounts is not there.
  fs::remove(fs::path(s.settings.cache_dir) / "state" / "mounts.json");
  const sync_list more = s.list("[" + known + R"(, {"source": "SOURCE/team/app:1.0", "target": "two"}])");
  const sync_report second = s.run(more);
  INFO(second.text.message());
  REQUIRE_FALSE(second.ec);
  CHECK(second.count(sync_state::unchanged) == 2);
  CHECK(second.result.blobs_uploaded == 0);
  CHECK(second.result.blobs_mounted == (several ? 5 : 3));
  CHECK(s.target.taken() == taken);
  const unsigned read = s.target.count("GET manifest");
  CHECK(read >= 1);
  CHECK(read <= 4);
  CHECK(s.run(more).count(sync_state::unchanged) == 3);
  CHECK(s.target.count("GET manifest") == read);
}

namespace {

constexpr const char* manifest_type = "application/vnd.oci.image.manifest.v1+json";

/// A manifest that refers to \p image.
test_blob signature_of(const test_image& image, const std::string& note) {
  return test_blob::of(manifest_type, std::string(R"({"schemaVersion":2,"mediaType":")") + manifest_type +
                                          R"(","artifactType":"application/vnd.test.signature","config":{)" +
                                          image.config.descriptor_members() + R"(},"layers":[],"subject":{)" +
                                          image.manifest.descriptor_members() + R"(},"annotations":{"note":")" + note + "\"}}");
}

}  // namespace

TEST_CASE("what refers to images goes with a list, to unchanged ones too", "[faults]") {
  synced s;
  s.options.referrers = true;
  const test_image image = small_image(9);
  s.source.hold("team/app", "1", image);
  const std::string fallback = "sha256-" + image.manifest.digest.substr(7);
  // A registry without the API: what refers to the image is listed by a tag.
  std::string listed;
  const auto refer = [&](const std::string& note) {
    const test_blob signature = signature_of(image, note);
    s.source.hold_manifest("team/app", signature.digest, signature);
    listed += (listed.empty() ? "{" : ",{") + signature.descriptor_members() + "}";
    s.source.hold_manifest(
        "team/app", fallback,
        test_blob::of("application/vnd.oci.image.index.v1+json",
                      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)" + listed + "]}"));
    return signature.digest;
  };
  const std::string first = refer("first");
  s.source.hold_manifest("team/app", fallback + ".sig", image.manifest);
  const sync_list list = s.list(R"([{"source": "SOURCE/team/app:1"}])");
  const sync_report copied = s.run(list);
  INFO(copied.text.message());
  REQUIRE_FALSE(copied.ec);
  CHECK(copied.at("mirror/team/app:1").referrers == 2);
  CHECK(s.target.has_tag("mirror/team/app", first));
  CHECK(s.target.has_tag("mirror/team/app", fallback));
  CHECK(s.target.has_tag("mirror/team/app", fallback + ".sig"));
  const std::string second = refer("second");
  const sync_report again = s.run(list);
  REQUIRE_FALSE(again.ec);
  CHECK(again.at("mirror/team/app:1").state == sync_state::unchanged);
  CHECK(s.target.has_tag("mirror/team/app", second));
}

TEST_CASE("a later run of a list goes on with an upload", "[faults]") {
  synced s;
  s.settings.attempts = 2;
  s.settings.jobs = 1;
  const test_image image = app_image();
  s.source.hold("team/app", "1.0", image);
  const sync_list list = s.list(R"([{"source": "SOURCE/team/app:1.0"}])");
  s.target.fail("PUT blob", {upload_fault::kind::reset, 0, {}, 1'000'000});
  s.target.fail("GET session", {upload_fault::kind::answer, 503, {}, 0}, 1, 0);
  REQUIRE(s.run(list).count(sync_state::failed) == 1);
  s.target.heal();
  const sync_report rest = s.run(list);
  INFO(rest.text.message());
  REQUIRE_FALSE(rest.ec);
  CHECK(rest.count(sync_state::copied) == 1);
  CHECK(s.target.count("PATCH blob") == 1);
  std::uint64_t all = image.config.bytes.size();
  for (const test_blob& layer : image.layers) all += layer.bytes.size();
  CHECK(s.target.taken() == all);  // no byte was taken twice
  // What the first run sent is not told as sent by this one.
  CHECK(rest.result.bytes_uploaded == all - 1'000'000);
}

TEST_CASE("a layer that another entry has brought meanwhile is mounted although an upload of it was kept", "[faults]") {
  synced s;
  s.settings.attempts = 2;
  s.settings.jobs = 1;
  const test_image image = app_image();
  for (const std::string name : {"a", "b"}) s.source.hold("team/" + name, "1", image);
  s.target.fail("PUT blob", {upload_fault::kind::reset, 0, {}, 1'000'000});
  s.target.fail("GET session", {upload_fault::kind::answer, 503, {}, 0}, 1, 0);
  REQUIRE(s.run(s.list(R"([{"source": "SOURCE/team/a:1"}])")).count(sync_state::failed) == 1);
  s.target.heal();
  const std::uint64_t before = s.target.taken();
  const unsigned asked = s.target.count("GET session");
  // The other way round: what was broken off comes second.
  const sync_report report = s.run(s.list(R"([{"source": "SOURCE/team/b:1"}, {"source": "SOURCE/team/a:1"}])"));
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  CHECK(report.count(sync_state::copied) == 2);
  std::uint64_t all = image.config.bytes.size();
  for (const test_blob& layer : image.layers) all += layer.bytes.size();
  CHECK(s.target.taken() - before == all);
  CHECK(report.result.blobs_mounted == 3);
  CHECK(s.target.count("GET session") == asked);
  CHECK(fs::is_empty(fs::path(s.settings.cache_dir) / "state" / "uploads"));
}
