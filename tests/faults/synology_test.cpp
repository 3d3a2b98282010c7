// Archives whose layers have to be known from the inside, while these arrive.
#include "faults/puller.hpp"

#include "support/catch.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

TEST_CASE("a layer is inflated while others are on their way, and its facts serve the archive", "[faults]") {
  fake_registry registry;
  image_recipe recipe;
  // The last is the largest and too small to be divided: both connections could wait for it else.
  recipe.layers = {20'000, 300'000, 400'000};
  const test_image image = build_image(recipe);
  registry.hold("team/app", "1.0", image);
  puller pulls(registry);
  pulls.settings.jobs = 2;
  pulls.settings.timeouts.idle = 10min;
  // The last layer stalls until the first ones were looked into.
  registry.inject(image.layers[2].digest, stall_after(1000), 1, 0);
  pull_options options;
  archive_file file{pulls.archive()};
  file.format = archive_format::synology;
  file.gzip = GENERATE(false, true);
  options.output = file;
  const auto known = [&](std::size_t layer) {
    return fs::exists(pulls.store() / "meta/sha256" / image.layers[layer].digest.substr(std::string("sha256:").size()));
  };
  std::optional<error_code> ended;
  {
    engine one(pulls.settings);
    error_code ec;
    pull_options first = options;
    first.platforms = {platform::parse("linux/amd64", ec)};
    one.async_pull(reference::parse(registry.host() + "/team/app:1.0", ec), first,
                   [&](error_code failed, const pull_result&) { ended = failed; });
    const auto deadline = std::chrono::steady_clock::now() + 2min;
    while (!(known(0) && known(1)) && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(10ms);
    CHECK(known(0));
    CHECK(known(1));
    CHECK_FALSE(known(2));
  }
  REQUIRE(ended);
  CHECK(*ended == make_error_condition(condition::cancelled));
  registry.heal();
  const pull_report again = pulls.pull_with(options);
  INFO(again.text.message());
  CHECK_FALSE(again.ec);
  CHECK(known(2));
  CHECK(fs::file_size(pulls.archive()) > 0);
}

TEST_CASE("a damaged blob that an archive meets in the store is put aside and fetched by the next run", "[faults]") {
  fake_registry registry;
  const test_image image = build_image({});
  registry.hold("team/app", "1.0", image);
  puller pulls(registry);
  REQUIRE_FALSE(pulls.pull().ec);
  const fs::path blob = pulls.store() / "blobs/sha256" / image.layers[1].digest.substr(7);
  std::string bytes = slurp(blob);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  fs::permissions(blob, fs::perms::owner_write, fs::perm_options::add);
  spill(blob, bytes);
  pull_options options;
  archive_file file{pulls.archive()};
  file.format = archive_format::synology;
  options.output = file;
  const pull_report first = pulls.pull_with(options);
  INFO(first.text.message());
  CHECK(first.ec == make_error_condition(condition::integrity));
  CHECK(first.text.message().find("quarantine") != std::string::npos);
  CHECK_FALSE(fs::exists(blob));
  CHECK_FALSE(fs::exists(pulls.archive()));
  const pull_report second = pulls.pull_with(options);
  INFO(second.text.message());
  CHECK_FALSE(second.ec);
  CHECK(fs::exists(pulls.archive()));
}

TEST_CASE("a layer that is not what its image says fails the archive, found early or late", "[faults]") {
  fake_registry registry;
  test_image image = build_image({});
  // The configuration of another image with as many layers.
  image_recipe other;
  other.seed = 7;
  const test_image stranger = build_image(other);
  REQUIRE(stranger.layers.size() == image.layers.size());
  std::string manifest = image.manifest.bytes;
  const auto swap = [&](const std::string& from, const std::string& to) {
    for (std::size_t at = manifest.find(from); at != std::string::npos; at = manifest.find(from, at + to.size()))
      manifest.replace(at, from.size(), to);
  };
  swap(image.config.digest, stranger.config.digest);
  swap("\"size\":" + std::to_string(image.config.bytes.size()), "\"size\":" + std::to_string(stranger.config.bytes.size()));
  registry.hold("team/app", "1.0", image);
  registry.hold_blob(stranger.config);
  registry.hold_manifest("team/app", "mixed", test_blob::of(image.manifest.media_type, manifest));
  puller pulls(registry);
  pull_options options;
  archive_file file{pulls.archive()};
  file.format = archive_format::synology;
  options.output = file;
  const pull_report refused = pulls.pull_with(options, "team/app:mixed");
  CHECK(refused.ec == make_error_condition(condition::integrity));
  CHECK(refused.text.message().find("inflates to") != std::string::npos);
  CHECK_FALSE(fs::exists(pulls.archive()));
}
