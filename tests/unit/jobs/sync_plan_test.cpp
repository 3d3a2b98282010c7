#include "jobs/sync_plan.hpp"

#include "support/catch.hpp"

#include <string>
#include <vector>

namespace gantry::jobs {
namespace {

sync_list list_of(std::string_view text) {
  error_code ec;
  diagnostics why;
  sync_list list = parse_sync_list(text, "list", ec, why);
  INFO(why.message());
  REQUIRE_FALSE(ec);
  return list;
}

sync_options into(std::string registry, std::string path = {}) {
  sync_options options;
  options.to = push_prefix{std::move(registry), std::move(path)};
  return options;
}

const std::string hex_a(64, 'a');
const std::string hex_b(64, 'b');

}  // namespace

TEST_CASE("targets keep the source's path unless an entry names another") {
  const sync_list list = list_of(R"([{"source": "nginx", "tags": ["1"]}, {"source": "a.test/x/y:1", "target": "z"},
    {"source": "a.test/x:1", "registry": "b.test/own"}])");
  CHECK(target_of(list.entries[0], into("t.test", "mirror"))->string() == "t.test/mirror/library/nginx");
  CHECK(target_of(list.entries[1], into("t.test"))->string() == "t.test/z");
  CHECK(target_of(list.entries[2], into("t.test"))->string() == "b.test/own/x");
  sync_options directory;
  directory.to = std::string("/srv/layout");
  CHECK(target_of(list.entries[1], directory)->string() == "a.test/z");
}

TEST_CASE("what a target cannot be called is told with its entry") {
  const sync_list list = list_of("[\n{\"source\": \"a.test/x:1\", \"target\": \"x/" + std::string(250, 'y') + "\"},\n" +
                                 R"({"source": "oci:/srv/layout", "tags": ["1"]}])");
  const auto wrong = target_of(list.entries[0], into("t.test", "mirror/of/all"));
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().text.message().starts_with("entry 1 (a.test/x:1, line 2): its target would become t.test/mirror/of/all/x/yyy"));
  const auto none = target_of(list.entries[1], into("t.test"));
  REQUIRE_FALSE(none);
  CHECK(none.error().text.message() == "entry 2 (oci:/srv/layout, line 3) needs a target: a directory gives its images none");
}

TEST_CASE("a source without a tag takes each tag and one with a tag gets all names") {
  const sync_list list = list_of(
      R"([{"source": "a.test/x", "tags": ["1", "2"], "filter": {"regex": ".*"}}, {"source": "a.test/y:9", "tags": ["1", "latest"]}])");
  sync_plan plan;
  REQUIRE(add_entry(plan, list.entries[0], *target_of(list.entries[0], into("t.test")), {"2", "3"}));
  REQUIRE(add_entry(plan, list.entries[1], *target_of(list.entries[1], into("t.test")), {}));
  REQUIRE(plan.images.size() == 4);
  CHECK(plan.images[2].source.string() == "a.test/x:3");
  CHECK(plan.images[2].targets.front().string() == "t.test/x:3");
  CHECK(plan.images[3].source.string() == "a.test/y:9");
  REQUIRE(plan.images[3].targets.size() == 2);
  CHECK(plan.images[3].targets[1].string() == "t.test/y:latest");
  CHECK(plan.named["t.test/x"] == std::set<std::string>{"1", "2", "3"});
}

TEST_CASE("one target has one source") {
  const sync_list list = list_of(R"([{"source": "a.test/x", "tags": ["1"]}, {"source": "b.test/x", "tags": ["1"]},
    {"source": "a.test/x", "tags": ["1", "2"]}, {"source": "a.test/x:1"}, {"source": "a.test/x", "tags": ["1"], "architectures": ["arm64"]}])");
  const auto options = into("t.test");
  sync_plan plan;
  REQUIRE(add_entry(plan, list.entries[0], *target_of(list.entries[0], options), {}));
  const auto twice = add_entry(plan, list.entries[1], *target_of(list.entries[1], options), {});
  REQUIRE_FALSE(twice);
  CHECK(twice.error().text.message() ==
        "entry 1 (a.test/x, line 1) and entry 2 (b.test/x, line 1) both write t.test/x:1; give one of them another target");
  CHECK(add_entry(plan, list.entries[2], *target_of(list.entries[2], options), {}));
  CHECK(add_entry(plan, list.entries[3], *target_of(list.entries[3], options), {}));
  CHECK_FALSE(add_entry(plan, list.entries[4], *target_of(list.entries[4], options), {}));
  CHECK(plan.images.size() == 2);
}

TEST_CASE("a list does not write over what it reads, and prunes nothing of it") {
  const sync_list list = list_of(R"([{"source": "t.test/app", "tags": ["1"]}, {"source": "t.test/app:1", "tags": ["1", "2"]},
    {"source": "t.test/app:1", "tags": ["2"]}, {"source": "t.test/app", "tags": ["1"], "target": "copy"}, {"source": "a.test/app", "tags": ["3"]}])");
  sync_options options = into("t.test");
  sync_plan plan;
  for (const sync_entry& entry : list.entries) REQUIRE(add_entry(plan, entry, *target_of(entry, options), {}));
  const auto check = [&](std::size_t entry) {
    return check_source(plan, list.entries[entry], *target_of(list.entries[entry], options), options);
  };
  CHECK(check(0).error().text.message() ==
        "entry 1 (t.test/app, line 1) is source and target at once: t.test/app; give --to a namespace, or the entry a target");
  CHECK_FALSE(check(1));
  CHECK(check(2));  // another name for the same image
  CHECK(check(3));
  CHECK(check(4));
  options.find_unwanted = true;
  CHECK_FALSE(check(2));
  CHECK(check(3).error().text.message().find("comes from t.test/app, into which the list writes") != std::string::npos);
  CHECK(check(4));
  options.to = std::string("/srv/layout");
  CHECK(check(0));
}

TEST_CASE("shards cut a list into parts that are always the same") {
  CHECK(in_shard("t.test/a", {}));
  unsigned owners = 0;
  unsigned counts[4] = {};
  for (unsigned i = 0; i < 400; ++i) {
    const std::string name = "t.test/team/app" + std::to_string(i);
    unsigned owned = 0;
    for (unsigned k = 1; k <= 4; ++k) {
      if (!in_shard(name, {k, 4})) continue;
      ++owned;
      ++counts[k - 1];
    }
    owners += owned;
    CHECK(owned == 1);
  }
  CHECK(owners == 400);
  for (const unsigned count : counts) CHECK(count > 50);
  // Another hash would make several machines do one's work, and none another's, while they are updated.
  CHECK(in_shard("t.test/team/app0", {2, 2}));
}

TEST_CASE("tags that hang on manifests are not judged by their names") {
  CHECK(unwanted_tags({"1", "2", "sha256-" + hex_a, "sha256-" + hex_a + ".sig", "sha256-x"}, {"2"}) ==
        std::vector<std::string>{"1", "sha256-x"});
  CHECK(unwanted_tags({"t6", "t18", "t2", "a"}, {}) == std::vector<std::string>{"a", "t2", "t6", "t18"});
  CHECK(tag_subject("sha256-" + hex_a + ".att").string() == "sha256:" + hex_a);
  CHECK_FALSE(tag_subject("sha256-" + hex_a + ".other"));
  CHECK_FALSE(tag_subject("latest"));
}

}  // namespace gantry::jobs
