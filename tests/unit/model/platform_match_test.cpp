#include "model/platform_match.hpp"

#include "support/catch.hpp"
#include "support/vectors.hpp"

#include <boost/json/serialize.hpp>

namespace gantry::model {
namespace {

platform parse(std::string_view text) {
  error_code ec;
  platform value = platform::parse(text, ec);
  CHECK_FALSE(ec);
  return value;
}

digest numbered(std::size_t number) {
  std::string hex = std::to_string(number);
  error_code ec;
  return digest::parse("sha256:" + std::string(64 - hex.size(), '0') + hex, ec);
}

/// An index of these platforms; the digest of each is its place, counted from 0.
index index_of(const std::vector<std::string>& platforms) {
  index made;
  for (const std::string& text : platforms) {
    descriptor entry;
    entry.digest = numbered(made.manifests.size());
    if (!text.empty()) entry.platform = text == "unknown/unknown" ? platform{"unknown", "unknown", "", "", {}} : parse(text);
    made.manifests.push_back(entry);
  }
  return made;
}

/// The place of the entry that was chosen; -1 for none.
std::ptrdiff_t chosen(const std::vector<std::string>& platforms, std::string_view wanted) {
  const index from = index_of(platforms);
  const descriptor* found = choose(from, parse(wanted));
  return found == nullptr ? -1 : found - from.manifests.data();
}

void check_windows_order(const test::vector_row& row) {
  std::vector<std::string> candidates;
  for (const auto& candidate : row.input.at("candidates").as_array()) {
    const std::string text(candidate.as_string());
    candidates.push_back(text == "linux" ? "linux/amd64" : "windows(" + text + ")/amd64");
  }
  const std::ptrdiff_t place = chosen(candidates, "windows(" + row.in("host_os_version") + ")/amd64");
  CHECK(place >= 0);
  if (place >= 0) CHECK(candidates[static_cast<std::size_t>(place)] == "windows(" + row.out("pick") + ")/amd64");
}

}  // namespace

TEST_CASE("vectors: platform_match", "[vectors]") {
  test::for_each_row("platform_match", [](const test::vector_row& row) {
    const platform wanted = parse(row.in("wanted"));
    const platform candidate = parse(row.in("candidate"));
    const std::string mode = row.in("mode");
    bool match = false;
    if (mode == "only") {
      match = matches(wanted, candidate);
    } else if (mode == "only_strict") {
      match = matches_strictly(wanted, candidate);
    } else if (mode == "only_os") {
      match = matches_os(wanted, candidate);
    } else {
      FAIL_CHECK("unknown mode " << mode);
    }
    CHECK(match == row.out_true("match"));
  });
}

TEST_CASE("vectors: platform_choose_instance", "[vectors]") {
  test::for_each_row("platform_choose_instance", [](const test::vector_row& row) {
    const auto parsed = parse_document(boost::json::serialize(row.input.at("index")), "");
    CHECK(parsed.has_value());
    if (!parsed) return;
    const descriptor* found = choose(std::get<index>(*parsed), platform{row.in("os"), row.in("architecture"), row.in("variant"), "", {}});
    CHECK((found == nullptr) == row.out_true("error"));
    if (found != nullptr) CHECK(found->digest.string() == row.out("digest"));
  });
}

TEST_CASE("vectors: platform_windows", "[vectors]") {
  test::for_each_row("platform_windows", [](const test::vector_row& row) {
    if (row.input.as_object().contains("candidates")) return check_windows_order(row);
    const std::string line = row.in("major") + "." + row.in("minor") + ".";
    CHECK(windows_runs(line + row.in("host_build"), line + row.in("container_build")) == row.out_true("runs"));
  });
}

TEST_CASE("the choice never changes architecture or operating system") {
  CHECK(chosen({"linux/386", "linux/arm64"}, "linux/amd64") == -1);
  CHECK(chosen({"linux/arm/v7", "linux/arm/v8"}, "linux/arm64") == -1);
  CHECK(chosen({"windows/amd64"}, "linux/amd64") == -1);
  CHECK(chosen({}, "linux/amd64") == -1);
}

TEST_CASE("variants are chosen downwards, the most specific first") {
  CHECK(chosen({"linux/arm/v5", "linux/arm/v7", "linux/arm/v6"}, "linux/arm/v7") == 1);
  CHECK(chosen({"linux/arm/v5", "linux/arm/v6"}, "linux/arm/v7") == 1);
  CHECK(chosen({"linux/arm/v7", "linux/arm/v8"}, "linux/arm/v6") == -1);
  CHECK(chosen({"linux/amd64", "linux/amd64/v2", "linux/amd64/v3"}, "linux/amd64/v2") == 1);
  CHECK(chosen({"linux/amd64/v3", "linux/amd64"}, "linux/amd64/v2") == 1);
  CHECK(chosen({"linux/amd64/v2"}, "linux/amd64") == -1);
  CHECK(chosen({"linux/arm64/v8", "linux/arm64/v9"}, "linux/arm64") == 0);
  CHECK(chosen({"linux/arm64/armv8"}, "linux/arm64") == 0);
}

TEST_CASE("entries whose os.features are satisfied come first, the first of equals wins") {
  CHECK(chosen({"linux(+gpu)/amd64", "linux/amd64"}, "linux/amd64") == 1);
  CHECK(chosen({"linux/amd64", "linux(+gpu)/amd64"}, "linux(+gpu)/amd64") == 1);
  CHECK(chosen({"linux/amd64", "linux/amd64"}, "linux/amd64") == 0);
  CHECK(chosen({"windows(10.0.17763.1)/amd64", "windows(10.0.20348.1)/amd64"}, "windows/amd64") == 0);
}

TEST_CASE("attestations and entries without platform are never chosen") {
  index from = index_of({"unknown/unknown", "", "linux/amd64", "linux/amd64", "linux/arm64"});
  from.manifests[2].annotations["vnd.docker.reference.type"] = "attestation-manifest";
  from.manifests[2].annotations["vnd.docker.reference.digest"] = numbered(3).string();
  CHECK(choose(from, parse("linux/amd64")) == &from.manifests[3]);
  CHECK(choose(from, platform{"unknown", "unknown", "", "", {}}) == nullptr);
  CHECK(attested(from.manifests[2]) == numbered(3));
  CHECK(attested(from.manifests[0]).empty());
  CHECK(platforms_of(from) == std::vector<platform>{parse("linux/amd64"), normalise(parse("linux/arm64"))});
  CHECK(without_platform(from) == std::vector<const descriptor*>{&from.manifests[1]});
}

}  // namespace gantry::model
