#include "archive/in_place.hpp"

#include "model/digester.hpp"
#include "places.hpp"
#include "store/content_store.hpp"
#include "support/catch.hpp"
#include "support/result.hpp"
#include "support/temp_dir.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>

using namespace gantry;
using namespace gantry::archive;
using namespace gantry::archive::fixture;
using gantry::test::must;
using gantry::test::must_fail;
using gantry::test::slurp;
using gantry::test::spill;
using gantry::test::temp_dir;
namespace fs = std::filesystem;

namespace {

/// An image with two layers, one of several journal pieces, and the places where its archive comes together.
struct place_fixture {
  memory_blobs blobs;
  archived_manifest held = build_image(blobs, "amd64", {noise(9'000'000, 1), prose(50'000)});
  layout plan = docker_plan(held, "team/app:1.0");
  temp_dir dir;
  const std::atomic<bool> go_on = false;

  const descriptor& large() const { return held.layers[0]; }
  const std::string& content() const { return blobs.bytes_of(large()); }

  std::shared_ptr<planned_file> open_file(const layout& what) const { return resumed(dir / "x.tar", what); }
  std::shared_ptr<in_place_target> open_target(const std::shared_ptr<planned_file>& file) const {
    return must(in_place_target::open(file, false));
  }
  std::shared_ptr<in_place_target> open() const { return open_target(open_file(plan)); }
  std::unique_ptr<store::blob_part> begin(const std::shared_ptr<store::blob_target>& target, const descriptor& blob) const {
    return must(target->begin(blob, {}));
  }
  void bring(const std::shared_ptr<store::blob_target>& target, const descriptor& blob) {
    const std::string& bytes = blobs.bytes_of(blob);
    auto part = begin(target, blob);
    fetch(*part, bytes, 0, bytes.size());
    must(part->commit(model::digest_of(bytes)));
  }
  std::size_t files() const { return names_in(dir.path()); }
};

}  // namespace

TEST_CASE_METHOD(place_fixture, "an archive filled in any order has the bytes of one written in order") {
  auto file = open_file(plan);
  auto target = open_target(file);
  bring(target, held.layers[1]);
  bring(target, held.layers[0]);
  CHECK(must(file->complete(blobs, {}, go_on, false)) == plan.size);
  target.reset();
  file.reset();
  CHECK(slurp(dir / "x.tar") == written(plan, blobs));
  CHECK(files() == 1);
}

TEST_CASE_METHOD(place_fixture, "what was journalled is there for the next run") {
  fetch(*begin(open(), large()), content(), 0, 5'000'000);
  CHECK(files() == 2);
  auto file = open_file(plan);
  auto target = open_target(file);
  auto part = begin(target, large());
  CHECK(part->held().total() == 5'000'000);
  CHECK(begin(target, held.layers[1])->held().total() == 0);
  fetch(*part, content(), 5'000'000, content().size() - 5'000'000);
  must(part->commit(large().digest));
  part.reset();
  must(file->complete(blobs, {}, go_on, false));
  CHECK(slurp(dir / "x.tar") == written(plan, blobs));
  CHECK(files() == 1);
}

TEST_CASE_METHOD(place_fixture, "a piece that changed on disk counts no more") {
  fetch(*begin(open(), large()), content(), 0, 8'388'608);
  const auto place = std::find_if(plan.entries.begin(), plan.entries.end(), [this](const entry& one) {
    const auto* blob = std::get_if<descriptor>(&one.content);
    return blob != nullptr && blob->digest == large().digest;
  });
  REQUIRE(place != plan.entries.end());
  const std::uint64_t base = place->data_offset;
  std::string bytes = slurp(dir / ".x.tar.gantry-part");
  bytes[base + 5'000'000] ^= 1;
  spill(dir / ".x.tar.gantry-part", bytes);
  CHECK(begin(open(), large())->held().total() == 4'194'304);
}

TEST_CASE_METHOD(place_fixture, "a torn journal costs its tail, one of another layout everything") {
  fetch(*begin(open(), large()), content(), 0, 8'388'608);
  const fs::path journal = dir / ".x.tar.gantry-part.journal";
  const std::string whole = slurp(journal);
  spill(journal, whole.substr(0, whole.size() - 5));
  CHECK(begin(open(), large())->held().total() == 4'194'304);

  const layout other = docker_plan(held, "team/app:2.0");
  CHECK(layout_digest(other) != layout_digest(plan));
  {
    auto target = open_target(open_file(other));
    CHECK(begin(target, large())->held().total() == 0);
    CHECK(fs::file_size(dir / ".x.tar.gantry-part") == 0);
  }
  CHECK(files() == 0);
}

TEST_CASE_METHOD(place_fixture, "nothing journalled leaves nothing") {
  { auto part = begin(open(), large()); }
  CHECK(files() == 0);
}

TEST_CASE_METHOD(place_fixture, "wrong bytes are refused and do not come back") {
  {
    auto target = open();
    auto part = begin(target, large());
    std::string wrong = content();
    wrong[4'500'000] ^= 1;
    fetch(*part, wrong, 0, wrong.size());
    must_fail(part->commit(model::digest_of(wrong)), errc::digest_mismatch);
    part.reset();
    CHECK(begin(target, large())->held().total() == 0);
  }
  CHECK(begin(open(), large())->held().total() == 0);
}

TEST_CASE_METHOD(place_fixture, "wrong bytes count no more where their place cannot be emptied, and other blobs keep their pieces") {
  std::string wrong = content();
  wrong[4'500'000] ^= 1;
  const descriptor& other = held.layers[1];
  {
    auto file = open_file(plan);
    auto target = open_target(file);
    fetch(*begin(target, other), blobs.bytes_of(other), 0, other.size);
    auto part = begin(target, large());
    fetch(*part, wrong, 0, wrong.size());
  }
  auto file = open_file(plan);
  auto target = open_target(file);
  auto part = begin(target, large());
  CHECK(part->held().total() == large().size);
  must_fail(part->commit(model::digest_of(wrong)), errc::digest_mismatch);
  // As they stay on a file system without holes.
  must(file->file().write_at(file->place_of(large().digest).value(), std::as_bytes(std::span(wrong))));
  part = begin(target, large());
  CHECK(part->held().total() == 0);
  fetch(*part, content(), 0, 5'000'000);
  part.reset();
  target.reset();
  file.reset();
  auto next = open();
  CHECK(begin(next, large())->held().total() == 5'000'000);
  CHECK(begin(next, other)->held().total() == other.size);
}

TEST_CASE_METHOD(place_fixture, "a blob that is wrong twice leaves nothing behind") {
  std::string wrong = content();
  wrong[4'500'000] ^= 1;
  auto target = open();
  { fetch(*begin(target, held.layers[1]), blobs.bytes_of(held.layers[1]), 0, held.layers[1].size); }
  for (int time = 0; time < 2; ++time) {
    auto part = begin(target, large());
    fetch(*part, wrong, 0, wrong.size());
    must_fail(part->commit(model::digest_of(wrong)), errc::digest_mismatch);
  }
  CHECK(files() == 2);
  target.reset();
  CHECK(files() == 0);
}

TEST_CASE_METHOD(place_fixture, "a part stays inside its place") {
  auto part = begin(open(), held.layers[1]);
  const std::string bytes(100, 'x');
  must_fail(part->write(held.layers[1].size - 50, std::as_bytes(std::span(bytes))), errc::size_mismatch);
  must_fail(part->write(UINT64_MAX, std::as_bytes(std::span(bytes))), errc::size_mismatch);
}

TEST_CASE_METHOD(place_fixture, "a part that is filled by another process is in use, and an ordinary output drops what was left") {
  auto target = open();
  { fetch(*begin(target, large()), content(), 0, 5'000'000); }
  must_fail(output_file::resume(dir / "x.tar", plan.size), errc::in_use);
  must_fail(output_file::create(dir / "x.tar", plan.size), errc::in_use);
  target.reset();
  CHECK(files() == 2);
  { auto plain = must(output_file::create(dir / "x.tar", plan.size)); }
  CHECK(files() == 0);
}

TEST_CASE_METHOD(place_fixture, "a teed blob stands in store and archive, what the store had of it included") {
  auto store = must(store::content_store::open({.root = dir / "store", .sync = false}));
  { fetch(*begin(store, large()), content(), 0, 5'000'000); }
  auto file = std::make_shared<planned_file>(must(output_file::create(dir / "x.tar", plan.size)), plan);
  auto target = std::make_shared<teed_target>(store, file, false);
  auto part = begin(target, large());
  CHECK(part->held().total() == 5'000'000);
  fetch(*part, content(), 5'000'000, content().size() - 5'000'000);
  must(part->commit(large().digest));
  part.reset();
  CHECK(store->holds(large()));
  blobs.remove(large().digest);  // the archive must not need it any more
  must(file->complete(blobs, {}, go_on, false));
  memory_blobs again;
  build_image(again, "amd64", {noise(9'000'000, 1), prose(50'000)});
  CHECK(slurp(dir / "x.tar") == written(plan, again));
}

TEST_CASE_METHOD(place_fixture, "a blob that was damaged where it was held does not reach an archive") {
  auto file = open_file(plan);
  std::string wrong = content();
  wrong[1] ^= 1;
  blobs.replace(large().digest, wrong);
  must_fail(file->complete(blobs, {}, go_on, false), errc::digest_mismatch);
  file.reset();
  CHECK(files() == 0);
}
