#include "jobs/verify_survey.hpp"

#include "unit/store/image_fixture.hpp"

#include <filesystem>
#include <string>

namespace gantry::jobs {
namespace {

using namespace test;

struct survey_fixture : image_fixture {
  std::atomic<bool> stop = false;
  test_image one = image(1);
  test_image two = image(2);

  survey_fixture() {
    publish("quay.io/a/one:1", one);
    publish("quay.io/a/two:1", two);
  }
  static test_image image(std::uint32_t seed) {
    image_recipe recipe;
    recipe.seed = seed;
    recipe.layers = {3000};
    return build_image(recipe);
  }
  void publish(const std::string& name, const test_image& what) const {
    const descriptor manifest = keep_image(what);
    const auto lock = must(store->try_lock_index());
    REQUIRE(lock);
    must(store->put_reference({name_of(name), manifest, {manifest}}, *lock));
  }
  void lose(const test_blob& blob) const { REQUIRE(std::filesystem::remove(blob_of(descriptor_of(blob.bytes)))); }
  /// As a clean-up does it, the record first.
  void clean_one() const {
    const auto lock = must(store->try_lock_gc());
    REQUIRE(lock);
    must(store->remove_reference(name_of("quay.io/a/one:1"), *lock));
    lose(one.manifest);
    lose(one.config);
    lose(one.layers.at(0));
  }
};

}  // namespace

TEST_CASE_METHOD(survey_fixture, "a blob that is gone is missing for the names that need it") {
  const store_survey seen = must(look_at(*store, stop));
  CHECK(seen.files.size() == 6);
  CHECK(still_missing(*store, seen).empty());
  lose(two.layers.at(0));
  const auto missing = still_missing(*store, seen);
  REQUIRE(missing.size() == 1);
  CHECK(missing[0].blob.digest == descriptor_of(two.layers.at(0).bytes).digest);
  CHECK(missing[0].references == std::vector{name_of("quay.io/a/two:1")});
}

TEST_CASE_METHOD(survey_fixture, "what a file is to an image is known, and what no name leads to passes for a layer") {
  const test_image unnamed = image(3);
  keep_image(unnamed);
  const store_survey seen = must(look_at(*store, stop));
  CHECK(seen.role_of(descriptor_of(one.manifest.bytes).digest) == blob_role::manifest);
  CHECK(seen.role_of(descriptor_of(one.config.bytes).digest) == blob_role::config);
  CHECK(seen.role_of(descriptor_of(one.layers.at(0).bytes).digest) == blob_role::layer);
  CHECK(seen.role_of(descriptor_of(unnamed.config.bytes).digest) == blob_role::layer);
}

TEST_CASE_METHOD(survey_fixture, "what somebody cleaned since the look is not missing") {
  const store_survey seen = must(look_at(*store, stop));
  clean_one();
  CHECK(still_missing(*store, seen).empty());
  CHECK_FALSE(stands(*store, seen, name_of("quay.io/a/one:1")));
  CHECK(stands(*store, seen, name_of("quay.io/a/two:1")));
}

TEST_CASE_METHOD(survey_fixture, "what a name needed before it moved is not missing, unless another name needs it") {
  publish("quay.io/a/other:1", one);
  const store_survey seen = must(look_at(*store, stop));
  publish("quay.io/a/one:1", two);
  lose(one.layers.at(0));
  const auto missing = still_missing(*store, seen);
  REQUIRE(missing.size() == 1);
  CHECK(missing[0].references == std::vector{name_of("quay.io/a/other:1")});
}

TEST_CASE_METHOD(survey_fixture, "a damaged record that was removed or written anew is damaged no more") {
  std::filesystem::path record;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(store->root() / "refs")) {
    if (entry.is_regular_file() && entry.path().string().find("/one/") != std::string::npos) record = entry.path();
  }
  REQUIRE_FALSE(record.empty());
  const std::string sound = slurp(record);
  spill(record, "{");
  const store_survey seen = must(look_at(*store, stop));
  REQUIRE(seen.records.size() == 1);
  CHECK(still_damaged(*store, seen.records).size() == 1);
  spill(record, sound);
  CHECK(still_damaged(*store, seen.records).empty());
  std::filesystem::remove(record);
  CHECK(still_damaged(*store, seen.records).empty());
}

}  // namespace gantry::jobs
