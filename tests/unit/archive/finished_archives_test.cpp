#include "archive/finished_archives.hpp"

#include "archive/in_place.hpp"
#include "model/digester.hpp"
#include "places.hpp"
#include "store/content_store.hpp"
#include "support/catch.hpp"
#include "support/result.hpp"
#include "support/temp_dir.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

using namespace gantry;
using namespace gantry::archive;
using namespace gantry::archive::fixture;
using gantry::test::must;
using gantry::test::slurp;
using gantry::test::spill;
using gantry::test::temp_dir;
namespace fs = std::filesystem;

namespace {

/// Two images that share a layer of several journal pieces; the archive of the first is complete.
struct two_archives {
  two_archives() {
    auto file = resumed(dir / "a.tar", first_plan);
    must(file->complete(blobs, {}, go_on, false));
    finished->add(dir / "a.tar", first_plan);
  }
  std::shared_ptr<in_place_target> open_second(std::shared_ptr<finished_archives> others) const {
    return must(in_place_target::open(resumed(dir / "b.tar", second_plan), false, std::move(others)));
  }
  /// Claims \p blob and, where that is possible, has it copied. \returns whether it is there now
  static bool brought(in_place_target& target, const descriptor& blob) {
    const store::claim_attempt claimed = must(target.claim(blob));
    CHECK_FALSE(claimed.held);
    CHECK(claimed.lock.has_value());
    if (!claimed.copy) return false;
    for (std::uint64_t before = 0;;) {
      const std::optional<std::uint64_t> done = must(claimed.copy->advance());
      if (!done || *done == blob.size) return done.has_value();
      CHECK(*done > before);
      before = *done;
    }
  }
  std::size_t files() const { return names_in(dir.path()); }

  memory_blobs blobs;
  std::string content = noise(9'000'000, 1);
  archived_manifest first = build_image(blobs, "amd64", {prose(50'000), content});
  archived_manifest second = build_image(blobs, "amd64", {prose(70'000), content});
  const descriptor shared_layer = first.layers[1];
  const descriptor own_layer = second.layers[0];
  layout first_plan = docker_plan(first, "team/app:1.0");
  layout second_plan = docker_plan(second, "team/app:2.0");
  temp_dir dir;
  std::shared_ptr<finished_archives> finished = std::make_shared<finished_archives>();
  const std::atomic<bool> go_on = false;
};

}  // namespace

TEST_CASE_METHOD(two_archives, "a blob of a finished archive is copied, verified and journalled") {
  REQUIRE(shared_layer.digest == second.layers[1].digest);
  {
    const auto target = open_second(finished);
    CHECK(brought(*target, shared_layer));
    CHECK_FALSE(brought(*target, own_layer));
  }
  CHECK(files() == 3);  // the second part and its journal, too
  {
    // The first archive is not needed for it any more.
    fs::remove(dir / "a.tar");
    const auto target = open_second(nullptr);
    CHECK(must(target->begin(shared_layer, {}))->held().total() == shared_layer.size);
    CHECK(must(target->begin(own_layer, {}))->held().total() == 0);
  }
}

TEST_CASE_METHOD(two_archives, "an archive with a copied blob is the one that would have been written") {
  auto file = resumed(dir / "b.tar", second_plan);
  auto target = must(in_place_target::open(file, false, finished));
  REQUIRE(brought(*target, shared_layer));
  blobs.remove(shared_layer.digest);  // nothing else may be asked for it
  must(file->complete(blobs, {}, go_on, false));
  target.reset();
  file.reset();
  memory_blobs again;
  build_image(again, "amd64", {prose(70'000), content});
  CHECK(slurp(dir / "b.tar") == written(second_plan, again));
}

TEST_CASE_METHOD(two_archives, "what has become of a finished archive is no matter") {
  const std::string what = GENERATE("changed", "shorter", "gone", "a directory");
  CAPTURE(what);
  std::string bytes = slurp(dir / "a.tar");
  const std::size_t inside = bytes.find(blobs.bytes_of(shared_layer).substr(5'000'000, 100));
  REQUIRE(inside != std::string::npos);
  if (what == "changed") bytes[inside] = static_cast<char>(bytes[inside] ^ 1);
  if (what == "shorter") bytes.resize(inside);
  fs::remove(dir / "a.tar");
  if (what == "a directory") fs::create_directory(dir / "a.tar");
  if (what == "changed" || what == "shorter") spill(dir / "a.tar", bytes);
  const std::size_t before = files();
  {
    const auto target = open_second(finished);
    CHECK_FALSE(brought(*target, shared_layer));
    CHECK(must(target->begin(shared_layer, {}))->held().total() == 0);
  }
  CHECK(files() == before);  // what was copied in vain counts for nothing
}

TEST_CASE_METHOD(two_archives, "where an earlier run has left some of a blob nothing is written over it") {
  {
    const auto target = open_second(nullptr);
    const auto part = must(target->begin(shared_layer, {}));
    fetch(*part, blobs.bytes_of(shared_layer), 0, 5'000'000);
  }
  const auto target = open_second(finished);
  CHECK_FALSE(must(target->claim(shared_layer)).copy);
  CHECK(must(target->begin(shared_layer, {}))->held().total() == 5'000'000);
}

TEST_CASE_METHOD(two_archives, "a copy that was given up leaves nothing, and one that was begun keeps no other waiting") {
  {
    const auto target = open_second(finished);
    const store::claim_attempt claimed = must(target->claim(shared_layer));
    REQUIRE(claimed.copy);
    const std::optional<std::uint64_t> some = must(claimed.copy->advance());
    REQUIRE(some);
    CHECK(*some < shared_layer.size);
    CHECK(must(target->begin(own_layer, {}))->held().total() == 0);
  }
  CHECK(files() == 1);
}

TEST_CASE_METHOD(two_archives, "of very many blobs the first are forgotten") {
  CHECK(finished->copy(shared_layer, 0).has_value());
  layout many;
  for (std::size_t i = 0; i < finished_archives::most_blobs; ++i) {
    descriptor blob;
    blob.digest = model::digest_of(std::to_string(i));
    entry member;
    member.content = blob;
    many.entries.push_back(member);
  }
  finished->add(dir / "d.tar", many);
  CHECK_FALSE(finished->copy(shared_layer, 0).has_value());
}
