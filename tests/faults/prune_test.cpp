// What is deleted of a registry, and what stays because something needs it.
#include "support/catch.hpp"
#include "support/temp_dir.hpp"
#include "support/upload_registry.hpp"

#include <gantry/engine.hpp>

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <chrono>
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
    engine_options settings;
    settings.cache_dir = directory / "store";
    settings.plain_http.insert(registry.host());
    std::vector<reference> names;
    error_code ec;
    for (const std::string& tag : tags) names.push_back(reference::parse(registry.host() + "/app:" + tag, ec));
    REQUIRE_FALSE(ec);
    boost::asio::io_context context;
    diagnostics text;
    prune_result result;
    bool completed = false;
    {
      engine one(context.get_executor(), settings);
      prune_options options;
      options.dry_run = dry_run;
      one.async_prune(std::move(names), options, text, [&](error_code failed, prune_result made) {
        ec = failed;
        result = std::move(made);
        completed = true;
        one.async_shutdown([](error_code) {});
      });
      context.run_for(std::chrono::minutes(5));
    }
    INFO(text.message());
    REQUIRE(completed);
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
  CHECK(p.registry.count("GET tags") == 0);
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
