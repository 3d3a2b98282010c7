// Copies between registries: what a source does wrong, and that nothing wrong arrives.
#include "faults/alone.hpp"
#include "faults/puller.hpp"

#include "support/catch.hpp"
#include "support/servers.hpp"
#include "support/store_check.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

using namespace gantry;
using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

struct copy_report {
  error_code ec;
  diagnostics text;
  copy_result result;
};

/// A source that fails as it is told, and a real registry to copy to.
struct relayed {
  relayed() {
    source.hold("team/app", "1.0", image);
    registry_options options;
    options.storage = directory / "storage";
    target = std::make_unique<docker_registry>(directory / "registry", std::move(options));
    settings = puller(source).settings;
    settings.cache_dir = directory / "store";
    settings.plain_http.insert(target->host());
    settings.jobs = 2;
  }

  const std::string& large() const { return image.layers.back().digest; }
  std::string large_blob() const { return "/blobs/" + large(); }
  /// A copy that ends well, after which everything is at the target.
  void complete() const {
    const copy_report report = copy();
    INFO(report.text.message());
    REQUIRE_FALSE(report.ec);
    CHECK(blobs_there() == 4);  // the manifest is one of them
  }
  copy_report copy(copy_options options = {}) const {
    copy_report report;
    error_code ec;
    const reference from = reference::parse(source.host() + "/team/app:1.0", ec);
    const reference to = reference::parse(target->host() + "/copied/app:1.0", ec);
    REQUIRE_FALSE(ec);
    report.ec = run_alone(settings, report.result,
                          [&](engine& one, auto done) { one.async_copy(from, to, std::move(options), report.text, std::move(done)); });
    return report;
  }

  /// Blobs that the target has completed; all of its content is below these directories.
  std::size_t blobs_there() const {
    std::size_t count = 0;
    const fs::path root = directory / "storage" / "docker" / "registry" / "v2" / "blobs";
    std::error_code none;
    for (fs::recursive_directory_iterator i(root, none), end; i != end; ++i) count += i->path().filename() == "data" ? 1 : 0;
    return count;
  }

  fake_registry source;
  test_image image = app_image();
  temp_dir directory;
  std::unique_ptr<docker_registry> target;
  engine_options settings;
};

}  // namespace

TEST_CASE("a copy that meets no trouble reads each blob once and keeps nothing", "[faults]") {
  const relayed r;
  const copy_report report = r.copy();
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  CHECK(report.result.blobs_uploaded == 3);
  CHECK(r.blobs_there() == 4);  // the manifest is one of them
  for (const test_blob& layer : r.image.layers) CHECK(r.source.count("/blobs/" + layer.digest) == 1);
  CHECK_FALSE(fs::exists(r.directory / "store" / "blobs"));
  CHECK(fs::is_empty(r.directory / "store" / "state" / "uploads"));
}

TEST_CASE("a source that breaks off is asked for the rest", "[faults]") {
  relayed r;
  r.source.inject(r.large_blob(), reset_after(1'000'000), 1, 1);
  r.source.inject(r.large_blob(), truncate_after(1'000'000), 2, 1);
  r.complete();
  const auto asked = r.source.requests(r.large_blob());
  REQUIRE(asked.size() == 3);
  CHECK(asked[0].header("range") == "");
  CHECK(asked[1].header("range") != "");
  CHECK(asked[2].header("range") != asked[1].header("range"));
}

TEST_CASE("a source without ranges is read again from its front", "[faults]") {
  relayed r;
  r.source.inject(r.large_blob(), reset_after(1'000'000), 1, 1);
  r.source.inject(r.large_blob(), range_ignored(), 2, 0);
  r.complete();
}

TEST_CASE("a source that refuses every range is read again from its front", "[faults]") {
  relayed r;
  r.source.inject(r.large_blob(), reset_after(1'000'000), 1, 1);
  r.source.inject(r.large_blob(), ranges_refused(), 2, 0);
  r.complete();
  const auto asked = r.source.requests(r.large_blob());
  REQUIRE(asked.size() == 4);
  CHECK(asked[2].status == 416);
  CHECK(asked[3].header("range") == "");
}

TEST_CASE("a source that refuses a range now and then is asked for the rest each time", "[faults]") {
  relayed r;
  const std::string large = r.image.layers.back().digest;
  r.source.inject("/blobs/" + large, reset_after(1'000'000), 1, 1);
  r.source.inject("/blobs/" + large, ranges_refused(), 2, 1);
  r.source.inject("/blobs/" + large, truncate_after(1'000'000), 3, 1);
  r.source.inject("/blobs/" + large, ranges_refused(), 4, 1);
  const copy_report report = r.copy();
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  CHECK(r.blobs_there() == 4);
  const auto asked = r.source.requests("/blobs/" + large);
  REQUIRE(asked.size() == 5);
  CHECK(asked[3].status == 416);
  CHECK(asked[4].header("range") != "");
}

TEST_CASE("a source with wrong ranges is named with the blob", "[faults]") {
  relayed r;
  r.source.inject(r.large_blob(), reset_after(1'000'000), 1, 1);
  SECTION("another part") {
    r.source.inject(r.large_blob(), content_range_of([](std::uint64_t first, std::uint64_t last, std::uint64_t total) {
                      return "bytes " + std::to_string(first + 1) + "-" + std::to_string(last) + "/" + std::to_string(total);
                    }),
                    2, 0);
  }
  SECTION("another size") { r.source.inject(r.large_blob(), ranges_refused("bytes */7777"), 2, 0); }
  const copy_report report = r.copy();
  const std::string words = report.text.message();
  INFO(words);
  CHECK(report.ec == errc::range_refused);
  CHECK(words.find(r.source.host()) != std::string::npos);
  CHECK(words.find("blob " + r.large().substr(7, 12)) != std::string::npos);
  CHECK(r.source.count(r.large_blob()) == 1 + r.settings.attempts);
  r.source.heal();
  r.complete();
}

TEST_CASE("a source that leaves the request for a blob without an answer is asked again within seconds", "[faults]") {
  relayed r;
  r.settings.timeouts.header = std::chrono::minutes(5);
  r.settings.budget = std::chrono::minutes(10);
  r.source.inject(r.large_blob(), no_answer(), 1, 1);
  const auto begun = std::chrono::steady_clock::now();
  r.complete();
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(40));
  CHECK(r.source.count(r.large_blob()) == 2);
}

TEST_CASE("wrong bytes never complete an upload", "[faults]") {
  const std::uint64_t offset = GENERATE(std::uint64_t{0}, std::uint64_t{1'500'000}, std::uint64_t{2'999'999});
  relayed r;
  r.source.inject(r.large_blob(), wrong_byte_at(offset), 1, 0);
  const copy_report report = r.copy();
  CHECK(report.ec == condition::integrity);
  CHECK(report.text.message().find("was not completed") != std::string::npos);
  const fs::path blobs = r.directory / "storage" / "docker" / "registry" / "v2" / "blobs" / "sha256";
  const std::string hex = r.image.layers.back().digest.substr(7);
  CHECK_FALSE(fs::exists(blobs / hex.substr(0, 2) / hex));
  CHECK_FALSE(
      fs::exists(r.directory / "storage" / "docker" / "registry" / "v2" / "repositories" / "copied" / "app" / "_manifests" / "tags"));
  r.source.heal();
  r.complete();
}

TEST_CASE("a source that lacks a blob ends the copy before the name is written", "[faults]") {
  relayed r;
  r.source.drop_blob(r.image.layers.front().digest);
  const copy_report report = r.copy();
  CHECK(report.ec == condition::not_found);
  CHECK_FALSE(
      fs::exists(r.directory / "storage" / "docker" / "registry" / "v2" / "repositories" / "copied" / "app" / "_manifests" / "tags"));
  r.source.heal();
  r.complete();
}

TEST_CASE("one connection is enough for a copy", "[faults]") {
  relayed r;
  r.settings.jobs = 1;
  const copy_report report = r.copy();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
}
