#include "store/cleaner.hpp"

#include "store/image_tree.hpp"
#include "unit/store/image_fixture.hpp"

#include <chrono>
#include <filesystem>
#include <set>
#include <vector>

using namespace gantry;
using namespace gantry::test;
using store::clean_outcome;
using store::clean_wish;
using store::reference_record;

namespace {

/// Clean-ups of a store with real images.
struct cleaner_fixture : image_fixture {
  std::atomic<bool> stop = false;

  void publish(const std::string& name, const descriptor& top, std::vector<descriptor> manifests) const {
    const auto lock = must(store->try_lock_index());
    REQUIRE(lock);
    must(store->put_reference({name_of(name), top, std::move(manifests)}, *lock));
    must(store->rebuild_index(*lock));
  }
  void publish(const std::string& name, const test_image& image) const {
    const descriptor manifest = keep_image(image);
    publish(name, manifest, {manifest});
  }
  clean_outcome clean(const clean_wish& wish, std::chrono::hours later = std::chrono::hours(0)) {
    const auto lock = must(store->try_lock_gc());
    REQUIRE(lock);
    return must(store::clean(*store, *lock, wish, std::chrono::system_clock::now() + later, stop));
  }
  bool holds(const test_blob& blob) const { return store->holds(descriptor_of(blob.bytes)); }
  bool holds(const test_image& image) const {
    return holds(image.manifest) && holds(image.config) && holds(image.layers.at(0)) && holds(image.layers.at(1));
  }
};

test_image image_of(std::uint32_t seed, const std::string& architecture = "amd64") {
  image_recipe recipe;
  recipe.seed = seed;
  recipe.architecture = architecture;
  recipe.layers = {3000, 5000};
  return build_image(recipe);
}

}  // namespace

TEST_CASE_METHOD(cleaner_fixture, "what somebody brought in vain goes at once, but for what records need and others work with") {
  const test_image named = image_of(1);
  const test_image nameless = image_of(2);
  const test_image older = image_of(3);
  publish("quay.io/a/one:1", named);
  keep_image(nameless);
  keep_image(older);
  const std::set<digest> brought{descriptor_of(named.layers[0].bytes).digest, descriptor_of(nameless.config.bytes).digest,
                                 descriptor_of(nameless.layers[0].bytes).digest};
  const auto remove = [&] {
    const auto lock = must(store->try_lock_gc());
    REQUIRE(lock);
    return must(store::remove_unneeded(*store, *lock, brought, stop));
  };
  {
    auto others = must(store->try_lease());
    REQUIRE(others);
    CHECK(remove().blobs.size() == 2);
    others->narrow({descriptor_of(nameless.config.bytes).digest});
    const store::unneeded_rest rest = remove();
    CHECK(rest.blobs == std::set{descriptor_of(nameless.config.bytes).digest});
    CHECK_FALSE(rest.unsure);
    CHECK(holds(nameless.config));
    CHECK_FALSE(holds(nameless.layers[0]));
  }
  CHECK(remove().blobs.empty());
  CHECK_FALSE(holds(nameless.config));
  CHECK(holds(nameless.layers[1]));  // nobody said so
  CHECK(holds(named));
  CHECK(holds(older));
}

TEST_CASE_METHOD(cleaner_fixture, "while nobody knows what a record needs, what somebody brought in vain stays") {
  const test_image named = image_of(1);
  const test_image nameless = image_of(2);
  publish("quay.io/a/one:1", named);
  keep_image(nameless);
  REQUIRE(std::filesystem::remove(blob_of(descriptor_of(named.manifest.bytes))));
  const auto lock = must(store->try_lock_gc());
  REQUIRE(lock);
  const std::set<digest> brought{descriptor_of(nameless.config.bytes).digest};
  const store::unneeded_rest rest = must(store::remove_unneeded(*store, *lock, brought, stop));
  CHECK(rest.blobs == brought);
  CHECK(rest.unsure);
  CHECK(holds(nameless.config));
}

TEST_CASE_METHOD(cleaner_fixture, "a removed reference is gone from refs, index and blobs, and what others need stays") {
  const test_image one = image_of(1);
  const test_image two = image_of(2);
  publish("quay.io/a/one:1", one);
  publish("quay.io/a/one:2", one);
  publish("quay.io/a/two:1", two);
  clean_wish wish;
  wish.names = {name_of("quay.io/a/one:1"), name_of("quay.io/a/two:1")};
  const auto looked = must(store::preview_clean(*store, wish, std::chrono::system_clock::now(), stop));
  CHECK(holds(two));
  const clean_outcome done = clean(wish);
  CHECK(looked.freed == done.freed);
  CHECK(looked.blobs.size() == done.blobs.size());
  CHECK(done.references.size() == 2);
  CHECK(done.freed == two.blob_bytes() + two.manifest.bytes.size());
  CHECK(done.remaining == one.blob_bytes() + one.manifest.bytes.size());
  CHECK(holds(one));
  CHECK_FALSE(holds(two.manifest));
  CHECK_FALSE(holds(two.layers[0]));
  CHECK(must(store->list_references()).size() == 1);
  CHECK_FALSE(std::filesystem::exists(directory / "store/refs/quay.io/a/two"));
  CHECK_THAT(slurp(directory / "store/index.json"), !Catch::Contains("two:1") && Catch::Contains("one:2"));
}

TEST_CASE_METHOD(cleaner_fixture, "an unknown name removes nothing and says what there is") {
  publish("quay.io/a/one:1", image_of(1));
  clean_wish wish;
  wish.names = {name_of("quay.io/a/one:1"), name_of("quay.io/a/one:2")};
  const auto lock = must(store->try_lock_gc());
  const auto refused = store::clean(*store, *lock, wish, std::chrono::system_clock::now(), stop);
  CHECK_THAT(must_fail(refused, errc::not_found).text.message(), Catch::Contains("one:2 is not in the store; there is quay.io/a/one:1"));
  CHECK(must(store->list_references()).size() == 1);
}

TEST_CASE_METHOD(cleaner_fixture, "what a damaged record may need stays until the name is pulled again or removed") {
  const test_image one = image_of(1);
  const test_image two = image_of(2);
  publish("quay.io/a/one:1", one);
  publish("quay.io/a/two:1", two);
  const std::filesystem::path record = directory / "store/refs/quay.io/a/one/_/1";
  const std::string sound = slurp(record);
  spill(record, "{");
  const clean_outcome late = clean({}, std::chrono::hours(1000));
  CHECK(late.blobs.empty());
  REQUIRE(late.notes.size() == 1);
  CHECK_THAT(late.notes.front(), Catch::Contains("(quay.io/a/one:1)") && Catch::Contains("gantry clean REF"));
  clean_wish other;
  other.names = {name_of("quay.io/a/two:1")};
  CHECK(clean(other).blobs.empty());
  CHECK(holds(two));
  spill(record, sound);
  CHECK(clean({}, std::chrono::hours(1000)).references.empty());
  CHECK(holds(one));
  CHECK_FALSE(holds(two.manifest));

  spill(record, "{");
  clean_wish wish;
  wish.names = {name_of("quay.io/a/one:1")};
  CHECK(clean(wish).references.size() == 1);
  CHECK_FALSE(std::filesystem::exists(record));
  clean({}, std::chrono::hours(1000));
  CHECK_FALSE(holds(one.manifest));
}

TEST_CASE_METHOD(cleaner_fixture, "everything that an index leads to is kept, what is held of it and nothing else") {
  const test_index all = build_index(media_family::oci, {image_of(1), image_of(2, "arm64")});
  const descriptor top = keep(all.index);
  const descriptor amd = keep_image(all.images[0]);
  keep(all.images[1].manifest);  // looked at, not pulled
  publish("x:1", top, {amd});
  const test_image orphan = image_of(3);
  keep_image(orphan);
  CHECK(clean({}).blobs.empty());
  const clean_outcome done = clean({}, std::chrono::hours(25));
  CHECK(done.blobs.size() == 4);
  CHECK(holds(all.index));
  CHECK(holds(all.images[0]));
  CHECK(holds(all.images[1].manifest));
  CHECK_FALSE(holds(orphan.config));
}

TEST_CASE_METHOD(cleaner_fixture, "a lease keeps blobs that no reference needs yet") {
  const test_image coming = image_of(1);
  keep_image(coming);
  auto lease = must(store->try_lease());
  CHECK(clean({}, std::chrono::hours(25)).blobs.empty());
  std::set<digest> named;
  for (const test_blob& layer : coming.layers) named.insert(descriptor_of(layer.bytes).digest);
  lease->narrow(named);
  CHECK(clean({}, std::chrono::hours(25)).blobs.size() == 2);
  CHECK(holds(coming.layers[1]));
  lease.reset();
  clean_wish wish;
  wish.all = true;
  CHECK(clean(wish).blobs.size() == 2);
}

TEST_CASE_METHOD(cleaner_fixture, "partial data goes after a week, but not from under its owner") {
  const std::string content = noise(100'000);
  const descriptor blob = descriptor_of(content);
  {
    auto arriving = must(store->begin(blob));
    fetch(*arriving, content, 0, 50'000);
  }
  CHECK(clean({}, std::chrono::hours(6 * 24)).partial.empty());
  {
    const auto owner = must(store->try_lock(blob.digest));
    const clean_outcome spared = clean({}, std::chrono::hours(8 * 24));
    CHECK(spared.partial.empty());
    CHECK(spared.remaining >= 50'000);
  }
  CHECK(std::filesystem::exists(ingest_of(blob)));
  const clean_outcome done = clean({}, std::chrono::hours(8 * 24));
  CHECK(done.partial.size() == 1);
  CHECK(done.freed >= 50'000);
  CHECK(std::filesystem::is_empty(directory / "store/ingest"));
}

TEST_CASE_METHOD(cleaner_fixture, "what a killed extract has left goes at once, and what a living one writes stays") {
  const std::filesystem::path dead = directory / "store/ingest/incoming.0123";
  spill(dead, "half a layer");
  const auto living = must(store->write_blob());
  must(living->write(bytes_of("the other half")));
  const auto lease = must(store->try_lease());
  const clean_outcome done = clean({});
  CHECK_FALSE(std::filesystem::exists(dead));
  REQUIRE(done.partial.size() == 1);
  CHECK(done.partial.front().path == dead);
  CHECK(must(living->commit()) == descriptor_of("the other half").digest);
}

TEST_CASE_METHOD(cleaner_fixture, "files that somebody was writing when he was killed go with all or after a week, wherever they are") {
  publish("quay.io/a/one:1", image_of(1));
  const std::filesystem::path root = store->root();
  std::vector<std::filesystem::path> begun;
  for (const char* below : {"", "refs/quay.io", "state"}) {
    std::filesystem::create_directories(root / below);
    begun.push_back(root / below / ".name.0123456789abcdef");
    spill(begun.back(), "half");
  }
  spill(root / "state" / "hints.json", "whole");
  const bool week = GENERATE(false, true);
  clean(clean_wish());
  for (const std::filesystem::path& file : begun) CHECK(std::filesystem::exists(file));
  clean_wish everything;
  everything.all = true;
  clean(week ? clean_wish() : everything, std::chrono::hours(week ? 24 * 8 : 0));
  for (const std::filesystem::path& file : begun) CHECK_FALSE(std::filesystem::exists(file));
  CHECK(std::filesystem::exists(root / "state" / "hints.json"));
}

TEST_CASE_METHOD(cleaner_fixture, "what a writer came to lock after it was found abandoned stays") {
  const auto lock = must(store->try_lock_gc());
  REQUIRE(lock);
  const std::filesystem::path file = directory / "store/ingest/incoming.0123";
  spill(file, "a blob that begins");
  for (const bool all : {false, true}) {
    clean_wish wish;
    wish.all = all;
    // Between its creation and its lock a file looks like one that a killed process left.
    const auto now = std::chrono::system_clock::now();
    store::clean_plan plan = store::plan_clean(must(store::view_of(*store, true, false, stop)), wish, now);
    REQUIRE(plan.partial.size() == 1);
    const auto writer = must(runtime::file::open(file, runtime::open_mode::update));
    REQUIRE(must(writer.try_lock()) == runtime::lock_outcome::acquired);
    const clean_outcome done = must(store::carry_out(*store, *lock, std::move(plan), stop));
    CHECK(done.partial.empty());
    CHECK(done.freed == 0);
    CHECK(done.remaining >= std::string("a blob that begins").size());
    CHECK(std::filesystem::exists(file));
  }
  CHECK(
      must(store::carry_out(*store, *lock,
                            store::plan_clean(must(store::view_of(*store, true, false, stop)), {}, std::chrono::system_clock::now()), stop))
          .partial.size() == 1);
  CHECK_FALSE(std::filesystem::exists(file));
}

TEST_CASE_METHOD(cleaner_fixture, "a file with a second name elsewhere frees nothing") {
  const test_image one = image_of(1);
  publish("x:1", one);
  std::filesystem::create_hard_link(blob_of(descriptor_of(one.layers[1].bytes)), directory / "elsewhere");
  clean_wish wish;
  wish.all = true;
  CHECK(clean(wish).freed == one.blob_bytes() + one.manifest.bytes.size() - one.layers[1].bytes.size());
  CHECK(slurp(directory / "elsewhere") == one.layers[1].bytes);
}

TEST_CASE_METHOD(cleaner_fixture, "a damaged manifest stops blobs from going until it is mended or its name is removed") {
  const test_image one = image_of(1);
  publish("x:1", one);
  keep_image(image_of(2));
  const auto path = blob_of(descriptor_of(one.manifest.bytes));
  std::filesystem::permissions(path, std::filesystem::perms(0644));
  spill(path, std::string(one.manifest.bytes.size(), 'x'));
  clean_outcome done = clean({}, std::chrono::hours(25));
  CHECK(done.blobs.empty());
  CHECK_FALSE(done.notes.empty());
  keep(one.manifest);
  CHECK(clean({}, std::chrono::hours(25)).blobs.size() == 4);
  CHECK(holds(one));
}

TEST_CASE_METHOD(cleaner_fixture, "a clean-up that is stopped leaves a whole store and the rest for the next") {
  const test_image one = image_of(1);
  publish("x:1", one);
  publish("x:2", image_of(2));
  clean_wish wish;
  wish.names = {name_of("x:1")};
  stop = true;
  {
    const auto lock = must(store->try_lock_gc());
    must_fail(store::clean(*store, *lock, wish, std::chrono::system_clock::now(), stop), errc::cancelled);
  }
  CHECK(must(store->list_references()).size() == 2);
  stop = false;
  CHECK(clean(wish).blobs.size() == 4);
}

TEST_CASE_METHOD(cleaner_fixture, "a damaged blob goes to quarantine, a good one that took its place stays") {
  const test_blob blob = image_of(1).layers[1];
  const descriptor value = keep(blob);
  const auto path = blob_of(value);
  std::filesystem::permissions(path, std::filesystem::perms(0644));
  spill(path, std::string(blob.bytes.size(), 'x'));
  const auto bad = must(runtime::file::open(path, runtime::open_mode::read));
  keep(blob);  // mended meanwhile: another file
  CHECK_FALSE(must(store->quarantine(value.digest, bad)));
  CHECK(must(store->read(value, 1'000'000)) == blob.bytes);

  std::filesystem::permissions(path, std::filesystem::perms(0644));
  spill(path, "short");
  const auto worse = must(runtime::file::open(path, runtime::open_mode::read));
  const auto away = must(store->quarantine(value.digest, worse));
  REQUIRE(away);
  CHECK(slurp(*away) == "short");
  CHECK_FALSE(std::filesystem::exists(path));
  CHECK(must(store->files()).quarantined.size() == 1);
  CHECK(must(store->files()).quarantined.front().digest == value.digest);
  CHECK_FALSE(must(store->quarantine(value.digest, worse)));
  clean({}, std::chrono::hours(8 * 24));
  CHECK_FALSE(std::filesystem::exists(*away));
}

TEST_CASE_METHOD(cleaner_fixture, "the tree of a reference tells what it needs and what is missing of it") {
  const test_index all = build_index(media_family::oci, {image_of(1), image_of(2, "arm64")}, true);
  const descriptor top = keep(all.index);
  const descriptor amd = keep_image(all.images[0]);
  const reference_record record{name_of("x:1"), top, {amd}};
  const auto needed = [&] {
    std::set<digest> blobs;
    walk(*store, record).for_each_blob([&](const descriptor& blob, blob_role, bool required) {
      if (required) blobs.insert(blob.digest);
    });
    return blobs;
  };
  CHECK(walk(*store, record).unreadable.empty());
  CHECK(needed().size() == 5);
  CHECK(needed().contains(top.digest));
  std::filesystem::remove(blob_of(amd));
  REQUIRE(walk(*store, record).unreadable.size() == 1);
  CHECK(walk(*store, record).unreadable.front().digest == amd.digest);
  std::filesystem::remove(blob_of(top));
  CHECK(walk(*store, record).unreadable.size() == 2);
  CHECK(needed().contains(amd.digest));
}

TEST_CASE_METHOD(cleaner_fixture, "an index inside an index is needed as long as it leads to what is held") {
  const test_index amd = build_index(media_family::oci, {image_of(1)});
  const test_index arm = build_index(media_family::oci, {image_of(2, "arm64")});
  const test_blob outer = test_blob::of("application/vnd.oci.image.index.v1+json",
                                        R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{)" +
                                            amd.index.descriptor_members() + "},{" + arm.index.descriptor_members() + "}]}");
  const descriptor top = keep(outer);
  const descriptor inner = keep(amd.index);
  const descriptor other = keep(arm.index);
  const descriptor manifest = keep_image(amd.images[0]);
  const reference_record record{name_of("x:1"), top, {manifest}};
  const auto required = [&](const descriptor& blob) {
    bool found = false;
    walk(*store, record).for_each_blob([&](const descriptor& one, blob_role, bool needed) {
      found = found || (needed && one.digest == blob.digest);
    });
    return found;
  };
  CHECK(required(inner));
  CHECK_FALSE(required(other));
  // One that leads to nothing that is held may go.
  std::filesystem::remove(blob_of(other));
  CHECK(walk(*store, record).unreadable.empty());
  keep(arm.index);
  for (const bool damaged : {true, false}) {
    const auto path = blob_of(inner);
    std::filesystem::permissions(path, std::filesystem::perms(0644));
    if (damaged) spill(path, std::string(amd.index.bytes.size(), 'x'));
    if (!damaged) std::filesystem::remove(path);
    REQUIRE(walk(*store, record).unreadable.size() == 1);
    CHECK(walk(*store, record).unreadable.front().digest == inner.digest);
    CHECK(required(inner));
  }
}
