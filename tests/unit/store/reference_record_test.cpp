#include "store/reference_record.hpp"

#include "unit/store/fixture.hpp"

#include <boost/json.hpp>

using namespace gantry;
using namespace gantry::test;
using store::parse_record;
using store::reference_record;

namespace {

reference_record sample() {
  error_code ec;
  reference_record record;
  record.name = reference::parse("localhost:5000/tools/x:1", ec);
  record.top = descriptor_of("index");
  record.top.media_type = "application/vnd.oci.image.index.v1+json";
  record.manifests.push_back(descriptor_of("manifest"));
  record.manifests.back().media_type = "application/vnd.oci.image.manifest.v1+json";
  record.manifests.back().artifact_type = "application/x";
  record.manifests.back().platform = platform{"windows", "amd64", "v2", "10.0.1", {"win32k", "x"}};
  return record;
}

descriptor manifest_of(std::string_view content, const platform& runs_on) {
  descriptor manifest = descriptor_of(content);
  manifest.platform = runs_on;
  return manifest;
}

}  // namespace

TEST_CASE("a reference record is read as it was written") {
  const reference_record record = sample();
  const std::string text = to_json(record);
  CHECK(parse_record(text) == record);
  CHECK(to_json(*parse_record(text)) == text);
}

TEST_CASE("the indexes inside the top of a record are read as they were written, and stay when a platform is added") {
  reference_record record = sample();
  descriptor inner = descriptor_of("inner");
  inner.media_type = "application/vnd.oci.image.index.v1+json";
  record.indexes = {inner};
  CHECK(parse_record(to_json(record)) == record);
  CHECK(merge(record, sample()) == record);
  CHECK(merge(record, record) == record);
  CHECK(to_json(sample()).find("indexes") == std::string::npos);
}

TEST_CASE("nothing but a whole record is read as one") {
  const std::string text = to_json(sample());
  for (std::size_t length = 0; length + 1 < text.size(); ++length) REQUIRE_FALSE(parse_record(std::string_view(text).substr(0, length)));
  CHECK_FALSE(parse_record("[]"));
  CHECK_FALSE(parse_record("{}"));
  CHECK_FALSE(parse_record(std::string(100'000, '[')));
  for (const auto& [from, to] :
       {std::pair{"localhost:5000/tools/x:1", "../../x"}, std::pair{"\"size\":5", "\"size\":-5"}, std::pair{"\"size\":5", "\"size\":5.5"},
        std::pair{"\"size\":5", "\"size\":\"5\""}, std::pair{"sha256:", "sha1:"}, std::pair{"\"manifests\":[", "\"manifests\":[7,"}}) {
    std::string damaged = text;
    const auto at = damaged.find(from);
    REQUIRE(at != std::string::npos);
    damaged.replace(at, std::string_view(from).size(), to);
    CHECK_FALSE(parse_record(damaged));
  }
}

TEST_CASE("no damaged byte of a record crashes its reader") {
  const std::string text = to_json(sample());
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (const char c : {'\0', '"', '{', '9', '\xff'}) {
      std::string damaged = text;
      damaged[at] = c;
      static_cast<void>(parse_record(damaged));
    }
  }
}

TEST_CASE("another platform of the same top is added, a moved tag replaces") {
  reference_record amd = sample();
  amd.manifests = {manifest_of("amd", {"linux", "amd64", "", "", {}})};
  reference_record arm = amd;
  arm.manifests = {manifest_of("arm", {"linux", "arm64", "", "", {}})};
  const reference_record both = merge(amd, arm);
  CHECK(both.manifests.size() == 2);
  CHECK(merge(arm, amd) == both);
  CHECK(merge(both, amd) == both);

  reference_record moved = arm;
  moved.top = descriptor_of("newer index");
  CHECK(merge(both, moved) == moved);
}

TEST_CASE("index.json names the image when one platform is held, else the top") {
  reference_record record = sample();
  CHECK(index_entry(record) == record.manifests.front());
  const auto entries_of = [](const std::string& text) { return boost::json::parse(text).at("manifests").as_array(); };
  const auto index = entries_of(store::to_index_json({record}));
  REQUIRE(index.size() == 1);
  CHECK(index[0].at("digest").as_string() == record.manifests.front().digest.string());
  CHECK(index[0].at("platform").at("os.version").as_string() == "10.0.1");
  CHECK(index[0].at("annotations").at("org.opencontainers.image.ref.name").as_string() == "localhost:5000/tools/x:1");
  CHECK(index[0].at("annotations").at("io.containerd.image.name").as_string() == "localhost:5000/tools/x:1");

  // What describes the image is no second one.
  reference_record attested = record;
  attested.manifests.push_back(manifest_of("attestation", {"unknown", "unknown", "", "", {}}));
  CHECK(index_entry(attested) == record.manifests.front());

  record.manifests.push_back(descriptor_of("another"));
  CHECK(entries_of(store::to_index_json({record}))[0].at("digest").as_string() == record.top.digest.string());
  CHECK(entries_of(store::to_index_json({})).empty());
  CHECK(boost::json::parse(store::to_index_json({})).at("schemaVersion").as_int64() == 2);
}
