// What operations leave behind that are killed or run out of disk, and what they note for the next one.
#include "integration/slow_line.hpp"

#include "support/image_builder.hpp"
#include "support/small_disk.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <iterator>
#include <set>
#include <string>

using namespace gantry::test;
namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

bool is_scratch(const std::string& name) { return name.starts_with(".gantry-store-"); }

std::size_t scratch_in(const workplace& place) {
  const auto files = place.files();
  return static_cast<std::size_t>(std::count_if(files.begin(), files.end(), is_scratch));
}

/// An archive of docker's with one layer that does not compress.
fs::path large_archive(const temp_dir& directory) {
  std::vector<layer_bytes> layers{random_layer(12'000'000, 3)};
  write_layout(directory / "layout", "1.0", build_image({}, std::move(layers)));
  const fs::path made = directory / "large.tar";
  run_or_throw({{"skopeo", "copy", "-q", "oci:" + (directory / "layout").string() + ":1.0", "oci-archive:" + made.string() + ":1.0"}});
  return made;
}

}  // namespace

TEST_CASE("what a killed pull without a store leaves is removed by the next one", "[integration][slow]") {
  slow_line s;
  const std::vector<std::string> words{"pull", "--no-cache", "-f", "synology", "-o", "large.tar", s.image};
  CHECK(s.interrupt(words, 20'000'000, SIGKILL).signal == SIGKILL);
  CHECK(scratch_in(s.place) == 1);
  const std::string small = s.registry.host() + "/team/classic:1.0";
  // One that somebody works with stays: this one is locked by the pull that is running.
  s.line.forget();
  s.line.limit(5'000'000);
  child running(s.place.gantry(words), s.directory / "log");
  while (running.running() && s.line.bytes_down() < 3'000'000) std::this_thread::sleep_for(2ms);
  REQUIRE(running.running());
  CHECK(scratch_in(s.place) == 1);
  const outcome other = s.place.run({"pull", "--no-cache", "-f", "synology", "-o", "small.tar", small});
  INFO(other.err);
  CHECK(other.ok());
  CHECK(running.running());
  CHECK(scratch_in(s.place) == 1);
  s.line.limit(0);
  const auto ended = running.wait(180s);
  INFO(slurp(s.directory / "log"));
  REQUIRE(ended);
  CHECK(ended->ok());
  CHECK(s.place.files() == std::set<std::string>{"large.tar", "small.tar"});
}

TEST_CASE("a disk that is too small for what is extracted or converted is named, and nothing half-written stays", "[integration]") {
  const small_disk disk("8m");
  if (!disk.usable()) {
    WARN("skipped: nothing can be mounted here");
    return;
  }
  const temp_dir directory;
  const workplace place;
  const fs::path archive = large_archive(directory);
  const outcome extracted =
      place.run({"extract", archive.string(), "example.com/app:1.0", "--cache-dir", (disk.path() / "store").string()});
  INFO(extracted.err);
  CHECK(extracted.status == 7);
  CHECK_THAT(extracted.err, Catch::Contains("space"));
  CHECK(store_problems(disk.path() / "store", true) == "");
  CHECK(stored_names(disk.path() / "store").empty());
  fs::remove_all(disk.path() / "store");
  for (const std::string format : {"docker", "synology", "oci-dir"}) {
    CAPTURE(format);
    const outcome converted =
        place.run({"convert", archive.string(), "-f", format, "--name", "app:1.0", "-o", (disk.path() / "out").string()});
    INFO(converted.err);
    CHECK(converted.status == 7);
    CHECK_THAT(converted.err, Catch::Contains("left") || Catch::Contains("space"));
    CHECK(fs::is_empty(disk.path()));
  }
}

TEST_CASE("an extract remembers what its layers inflate to, and a save counts as use", "[integration]") {
  const temp_dir directory;
  const workplace place;
  docker_registry registry(directory / "registry", {shelf()});
  const std::string image = registry.host() + "/team/classic:1.0";
  REQUIRE(place.run({"pull", "-o", "a.tar", image}).ok());
  fs::remove_all(place.store());
  const outcome extracted = place.run({"extract", "a.tar"});
  INFO(extracted.err);
  REQUIRE(extracted.ok());
  const fs::path facts = place.store() / "meta/sha256";
  REQUIRE(fs::exists(facts));
  CHECK(std::distance(fs::directory_iterator(facts), fs::directory_iterator()) == 3);

  fs::path record;
  for (const fs::directory_entry& one : fs::recursive_directory_iterator(place.store() / "refs")) {
    if (one.is_regular_file()) record = one.path();
  }
  const auto long_ago = fs::file_time_type::clock::now() - 1000h;
  fs::last_write_time(record, long_ago);
  registry.stop();
  const outcome saved = place.run({"save", image, "-f", "synology", "-o", "b.tar"});
  INFO(saved.err);
  REQUIRE(saved.ok());
  CHECK(fs::last_write_time(record) > long_ago + 500h);
  CHECK(store_problems(place.store()) == "");
}
