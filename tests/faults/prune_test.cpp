// What is deleted of a registry, and what stays because something needs it.
#include "faults/alone.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"
#include "support/upload_registry.hpp"

#include <gantry/engine.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

using namespace gantry;
using namespace gantry::test;
using kind = gantry::test::upload_fault::kind;

namespace {

/// A repository with an index under the tag `index`, its manifest under `child`, and another name of that, `same`.
struct pruned {
  pruned() {
    registry.hold("app", "child", image);
    registry.hold("app", "same", image);
    index = test_blob::of("application/vnd.oci.image.index.v1+json",
                          R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{)" +
                              image.manifest.descriptor_members() + "}]}");
    for (const std::string& name : {std::string("index"), index.digest}) registry.hold_manifest("app", name, index);
  }

  prune_result prune(const std::vector<std::string>& tags, bool dry_run = false) const {
    std::vector<reference> names;
    error_code ec;
    for (const std::string& tag : tags) names.push_back(reference::parse(registry.host() + "/app:" + tag, ec));
    REQUIRE_FALSE(ec);
    return prune_all(std::move(names), dry_run);
  }
  prune_result prune_all(std::vector<reference> names, bool dry_run = false) const {
    engine_options settings;
    settings.cache_dir = directory / "store";
    settings.plain_http.insert(registry.host());
    // A request that is held back until others come must not be given up.
    settings.timeouts.header = std::chrono::seconds(30);
    settings.jobs = 4;
    diagnostics text;
    prune_result result;
    prune_options options;
    options.dry_run = dry_run;
    const error_code ec =
        run_alone(settings, result, [&](engine& one, auto done) { one.async_prune(std::move(names), options, text, std::move(done)); });
    INFO(text.message());
    REQUIRE_FALSE(ec);
    return result;
  }
  bool has(const std::string& tag) const { return registry.has_tag("app", tag); }
  static std::string why(const prune_result& result, const std::string& tag) {
    const auto found = std::find_if(result.kept.begin(), result.kept.end(), [&](const kept_tag& one) { return one.name.tag() == tag; });
    return found == result.kept.end() ? std::string() : found->why;
  }

  upload_registry registry;
  test_image image = build_image({});
  test_blob index;
  temp_dir directory;
};

}  // namespace

TEST_CASE("where tags can be deleted alone, nothing else is looked at or lost", "[faults]") {
  pruned p;
  p.registry.delete_by_tag();
  // Which kind of registry it is only a deletion would tell: what may go is named with what it depends on.
  const prune_result dry = p.prune({"child", "index"}, true);
  CHECK(dry.deleted.size() == 1);
  CHECK(pruned::why(dry, "child").find("unless it deletes tags alone") != std::string::npos);
  CHECK(p.has("child"));
  CHECK(p.prune({"child", "index"}).deleted.size() == 2);
  CHECK_FALSE(p.has("child"));
  CHECK_FALSE(p.has("index"));
  CHECK(p.has("same"));
  CHECK(p.has(p.index.digest));
  CHECK(p.registry.count("GET tags") == 1);  // the dry run's
}

TEST_CASE("where a digest takes all its tags along, one that is kept keeps it", "[faults]") {
  pruned p;
  const prune_result result = p.prune({"child", "index"});
  REQUIRE(result.deleted.size() == 1);
  CHECK(result.deleted.front().tag() == "index");
  CHECK(pruned::why(result, "child").find("the tag same names the same manifest") == 0);
  CHECK(p.has("child"));
  CHECK_FALSE(p.has(p.index.digest));
}

TEST_CASE("an index that something refers to stays whole although no tag of it is wanted", "[faults]") {
  pruned p;
  p.registry.offer_referrers();
  const std::string type = "application/vnd.oci.image.manifest.v1+json";
  const test_blob signature =
      test_blob::of(type, R"({"schemaVersion":2,"mediaType":")" + type + R"(","config":{)" + p.image.config.descriptor_members() +
                              R"(},"layers":[],"subject":{)" + p.index.descriptor_members() + "}}");
  p.registry.hold_manifest("app", signature.digest, signature);
  const prune_result result = p.prune({"child", "index", "same"});
  CHECK(result.deleted.empty());
  CHECK(pruned::why(result, "index").find("other manifests refer to it") == 0);
  CHECK(pruned::why(result, "child").find("an index that is kept") == 0);
  CHECK(p.has(p.image.manifest.digest));
}

TEST_CASE("an index that cannot be deleted keeps what it is made of", "[faults]") {
  pruned p;
  // The first is of the tag, which is not taken.
  p.registry.fail("DELETE manifest", {kind::answer, 403, {}, 0}, 2, 1);
  const prune_result result = p.prune({"child", "index", "same"});
  CHECK(result.deleted.empty());
  CHECK(result.kept.size() == 3);
  CHECK(pruned::why(result, "child").find("could not be deleted") != std::string::npos);
  CHECK(p.has(p.image.manifest.digest));
  // Another time it can.
  CHECK(p.prune({"child", "index", "same"}).deleted.size() == 3);
  CHECK_FALSE(p.has(p.image.manifest.digest));
}

TEST_CASE("who may not delete is told so", "[faults]") {
  pruned p;
  p.registry.fail("DELETE manifest", {kind::answer, 403, {}, 0}, 1, 0);
  const prune_result result = p.prune({"child", "index", "same"});
  REQUIRE_FALSE(result.kept.empty());
  CHECK(result.kept.front().why.find("/app may not be deleted: ") != std::string::npos);
}

TEST_CASE("what is asked of many tags, and what is deleted, goes side by side", "[faults]") {
  pruned p;
  std::vector<std::string> unwanted;
  for (char one = 'a'; one < 'm'; ++one) {
    image_recipe recipe;
    recipe.layers = {200};
    recipe.seed = static_cast<std::uint32_t>(one);
    unwanted.push_back(std::string("old") + one);
    p.registry.hold("app", unwanted.back(), build_image(recipe));
  }
  p.registry.gather("HEAD manifest", 4);
  const prune_result dry = p.prune(unwanted, true);
  CHECK(p.registry.most_at_once("HEAD manifest") == 4);
  REQUIRE(dry.deleted.size() == unwanted.size());
  CHECK(p.registry.count("DELETE manifest") == 0);
  const prune_result result = p.prune(unwanted);
  REQUIRE(result.deleted.size() == unwanted.size());
  // They go in the order of their digests and are told in that of their names.
  for (std::size_t i = 0; i < unwanted.size(); ++i) {
    CHECK(dry.deleted[i].tag() == unwanted[i]);
    CHECK(result.deleted[i].tag() == unwanted[i]);
  }
  CHECK(p.has("child"));
}

TEST_CASE("tags that can be deleted alone go side by side once one has shown it", "[faults]") {
  pruned p;
  p.registry.delete_by_tag();
  std::vector<std::string> unwanted;
  for (char one = 'a'; one < 'j'; ++one) {
    unwanted.push_back(std::string("old") + one);
    p.registry.hold("app", unwanted.back(), p.image);
  }
  // The second fails, and stops no other.
  p.registry.fail("DELETE manifest", {kind::answer, 403, {}, 0}, 2, 1);
  const prune_result result = p.prune(unwanted);
  CHECK(p.registry.count("DELETE manifest") == unwanted.size());
  CHECK(result.deleted.size() == unwanted.size() - 1);
  REQUIRE(result.kept.size() == 1);
  CHECK(result.kept.front().why.find("may not be deleted") != std::string::npos);
  for (std::size_t i = 1; i < result.deleted.size(); ++i) CHECK(result.deleted[i - 1].tag() < result.deleted[i].tag());
}

TEST_CASE("who refers to a manifest is not asked when a kept tag decides", "[faults]") {
  pruned p;
  const prune_result result = p.prune({"child"}, true);
  CHECK(pruned::why(result, "child").find("the tag same names the same manifest") == 0);
  CHECK(p.registry.count("GET referrers") == 0);
}

TEST_CASE("repositories are pruned side by side", "[faults]") {
  pruned p;
  p.registry.delete_by_tag();
  std::vector<reference> names;
  error_code ec;
  for (char one = 'a'; one < 'e'; ++one) {
    p.registry.hold(std::string("team/") + one, "old", p.image);
    names.push_back(reference::parse(p.registry.host() + "/team/" + one + ":old", ec));
  }
  p.registry.gather("DELETE manifest", 4);
  const prune_result result = p.prune_all(names);
  CHECK(p.registry.most_at_once("DELETE manifest") == 4);
  CHECK(result.deleted == names);
}
