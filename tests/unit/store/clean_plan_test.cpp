#include "store/clean_plan.hpp"

#include "unit/store/fixture.hpp"

#include <algorithm>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;
using store::clean_plan;
using store::clean_view;
using store::clean_wish;
using store::stored_file;

namespace {

const store::file_time now = store::file_time(std::chrono::hours(24 * 365 * 50));

digest named(const std::string& text) { return descriptor_of(text).digest; }

reference name_of(const std::string& text) {
  error_code ec;
  const reference name = reference::parse(text, ec);
  REQUIRE_FALSE(ec);
  return name;
}

/// A store in words: references with their blobs, blobs of 100 bytes with their ages.
struct shop {
  clean_view view;

  void blob(const std::string& text, std::chrono::hours age, std::uint64_t size = 100) {
    view.files.blobs.push_back({"blobs/" + text, size, now - age, false, named(text)});
  }
  void part(const std::string& text, std::chrono::hours age) {
    view.files.partial.push_back({"ingest/" + text, 10, now - age, false, named(text)});
  }
  void name(const std::string& text, std::chrono::hours age, const std::vector<std::string>& blobs) {
    clean_view::named one;
    one.name = name_of(text);
    one.used = now - age;
    for (const std::string& blob : blobs) one.blobs.insert(named(blob));
    view.references.push_back(one);
  }
  clean_plan plan(const clean_wish& wish = {}) const { return plan_clean(view, wish, now); }
};

std::string gone(const std::vector<stored_file>& files) {
  std::vector<std::string> names;
  for (const stored_file& one : files) names.push_back(one.path.filename().string());
  std::sort(names.begin(), names.end());
  std::string text;
  for (const std::string& one : names) text += one + " ";
  return text;
}

std::string names(const clean_plan& plan) {
  std::string text;
  for (const reference& one : plan.references) text += one.familiar() + " ";
  return text;
}

/// Two images with a shared layer, an orphan that is old and one that is young.
shop usual() {
  shop s;
  s.name("old:1", 100h, {"m1", "base", "l1"});
  s.name("new:1", 1h, {"m2", "base", "l2"});
  for (const char* blob : {"m1", "base", "l1", "m2", "l2"}) s.blob(blob, 100h);
  s.blob("orphan", 25h);
  s.blob("young", 23h);
  s.part("p-old", 7 * 24h);
  s.part("p-new", 7 * 24h - 1h);
  return s;
}

}  // namespace

TEST_CASE("a clean-up removes what no reference needs, after a day, and old partial data") {
  const clean_plan plan = usual().plan();
  CHECK(names(plan) == "");
  CHECK(gone(plan.blobs) == "orphan ");
  CHECK(gone(plan.partial) == "p-old ");
  CHECK(plan.remaining == 610);
  CHECK(plan.notes.empty());
}

TEST_CASE("a removed reference takes the blobs along that it alone needs, at once") {
  clean_wish wish;
  wish.names.push_back(name_of("old:1"));
  const clean_plan plan = usual().plan(wish);
  CHECK(names(plan) == "old:1 ");
  CHECK(gone(plan.blobs) == "l1 m1 orphan ");
  CHECK(plan.remaining == 410);
}

TEST_CASE("blobs of a running operation stay, and are told of") {
  shop s = usual();
  s.view.leases.digests = {named("orphan"), named("l1"), named("p-old")};
  clean_wish wish;
  wish.names.push_back(name_of("old:1"));
  const clean_plan plan = s.plan(wish);
  CHECK(gone(plan.blobs) == "m1 ");
  CHECK(gone(plan.partial) == "");
  CHECK(plan.in_use == 210);
  REQUIRE(plan.notes.size() == 1);
  CHECK_THAT(plan.notes.front(), Catch::Contains("210 B stay: a running operation"));
  s.view.leases.everything = true;
  CHECK(gone(s.plan(wish).blobs) == "");
  CHECK(names(s.plan(wish)) == "old:1 ");
}

TEST_CASE("all means all that nobody works with") {
  shop s = usual();
  clean_wish wish;
  wish.all = true;
  CHECK(gone(s.plan(wish).blobs) == "base l1 l2 m1 m2 orphan young ");
  CHECK(gone(s.plan(wish).partial) == "p-new p-old ");
  CHECK(s.plan(wish).remaining == 0);
  s.view.leases.digests = {named("base"), named("p-new")};
  CHECK(gone(s.plan(wish).blobs) == "l1 l2 m1 m2 orphan young ");
  CHECK(gone(s.plan(wish).partial) == "p-old ");
}

TEST_CASE("what was abandoned goes with any clean-up, whoever works in the store") {
  shop s = usual();
  store::stored_file dead;
  dead.path = "ingest/incoming.0123";
  dead.size = 7;
  dead.modified = now;
  dead.abandoned = true;
  s.view.files.partial.push_back(dead);
  s.view.leases.anything = true;
  const clean_plan plan = s.plan({});
  CHECK(std::count(plan.partial.begin(), plan.partial.end(), dead) == 1);
}

TEST_CASE("files without a digest belong to whoever works in the store") {
  shop s = usual();
  store::stored_file unnamed;
  unnamed.path = "ingest/incoming.0123";
  unnamed.size = 7;
  unnamed.modified = now;
  s.view.files.partial.push_back(unnamed);
  store::stored_file temporary = unnamed;
  temporary.path = ".oci-layout.0123";
  s.view.files.temporary.push_back(temporary);
  clean_wish wish;
  wish.all = true;
  const clean_plan alone = s.plan(wish);
  CHECK(alone.partial.size() == 3);
  CHECK(std::count(alone.others.begin(), alone.others.end(), temporary) == 1);
  s.view.leases.anything = true;
  const clean_plan beside = s.plan(wish);
  CHECK(gone(beside.partial) == "p-new p-old ");
  CHECK(std::count(beside.others.begin(), beside.others.end(), temporary) == 0);
  CHECK(beside.in_use == 7);
  clean_wish small;
  small.max_size = 0;
  CHECK(s.plan(small).remaining == 7);
  // Nobody works for a week on one file.
  s.view.files.temporary.back().modified = now - store::partial_life;
  CHECK(s.plan(wish).others.size() == alone.others.size());
}

TEST_CASE("references go by the time of their last pull") {
  clean_wish wish;
  wish.older_than = 100h;
  CHECK(names(usual().plan(wish)) == "");
  wish.older_than = 99h;
  CHECK(names(usual().plan(wish)) == "old:1 ");
  wish.older_than = 30min;
  CHECK(names(usual().plan(wish)) == "old:1 new:1 ");
}

TEST_CASE("a size limit takes orphans first, then partial data, then the least recently pulled") {
  clean_wish wish;
  wish.max_size = 620;
  CHECK(gone(usual().plan(wish).blobs) == "orphan ");
  wish.max_size = 510;
  CHECK(gone(usual().plan(wish).blobs) == "orphan young ");
  CHECK(gone(usual().plan(wish).partial) == "p-old ");
  wish.max_size = 509;
  CHECK(gone(usual().plan(wish).partial) == "p-new p-old ");
  CHECK(names(usual().plan(wish)) == "");
  wish.max_size = 499;
  CHECK(names(usual().plan(wish)) == "old:1 ");
  CHECK(usual().plan(wish).remaining == 300);
  wish.max_size = 0;
  CHECK(usual().plan(wish).remaining == 0);
  shop s = usual();
  s.view.leases.digests = {named("base")};
  const clean_plan plan = s.plan(wish);
  CHECK(plan.remaining == 100);
  REQUIRE(plan.notes.size() == 2);
  CHECK_THAT(plan.notes.front(), Catch::Contains("100 B remain, more than the 0 B"));
}

TEST_CASE("while a manifest is missing or damaged nobody knows what is needed, and blobs stay") {
  shop s = usual();
  s.view.references.back().readable = false;
  const clean_plan plan = s.plan();
  CHECK(gone(plan.blobs) == "");
  CHECK(gone(plan.partial) == "p-old ");
  REQUIRE(plan.notes.size() == 1);
  CHECK_THAT(plan.notes.front(), Catch::Contains("verify --repair"));
  clean_wish wish;
  wish.names.push_back(name_of("new:1"));
  CHECK(gone(s.plan(wish).blobs) == "l2 m2 orphan ");
}

TEST_CASE("a size limit removes no name for nothing while another's needs are unknown") {
  shop s = usual();
  s.view.references.back().readable = false;  // new:1
  clean_wish wish;
  wish.max_size = 0;
  const clean_plan plan = s.plan(wish);
  CHECK(names(plan) == "");
  CHECK(gone(plan.blobs) == "");
  REQUIRE(plan.notes.size() >= 2);
  CHECK_THAT(plan.notes.back(), Catch::Contains("no other name is removed for the limit") && Catch::Contains("new:1"));
  // Its own turn may come.
  s = usual();
  s.view.references.front().readable = false;  // old:1
  wish.max_size = 500;
  CHECK(names(s.plan(wish)) == "old:1 ");
}

TEST_CASE("without locks only age tells what may go") {
  shop s = usual();
  s.view.locks = false;
  s.blob("fresh", 1h);
  s.name("fresh:1", 1h, {"fresh"});
  clean_wish wish;
  wish.all = true;
  CHECK(gone(s.plan(wish).blobs) == "base l1 l2 m1 m2 orphan ");
  CHECK(gone(s.plan(wish).partial) == "p-old ");
  CHECK(names(s.plan(wish)) == "old:1 new:1 fresh:1 ");
}

TEST_CASE("facts go with their blobs; quarantine and unnamed files go after a week") {
  shop s = usual();
  s.view.files.meta = {{"meta/l1", 1, now - 1h, false, named("l1")},
                       {"meta/l2", 1, now - 100h, false, named("l2")},
                       {"meta/nowhere", 1, now - 25h, false, named("nowhere")},
                       {"meta/soon", 1, now - 1h, false, named("soon")}};
  s.view.files.quarantined = {{"q-old", 1, now - 7 * 24h, false, {}}, {"q-new", 1, now - 1h, false, {}}};
  s.view.files.temporary = {{".t-old", 1, now - 8 * 24h, false, {}}, {".t-new", 1, now, false, {}}};
  clean_wish wish;
  wish.names.push_back(name_of("old:1"));
  CHECK(gone(s.plan(wish).others) == ".t-old l1 nowhere q-old ");
}

TEST_CASE("a name with a digest stands for the digest, whatever its tag") {
  const std::string at = "@" + named("x").string();
  CHECK(store::same_record(name_of("a:1" + at), name_of("a" + at)));
  CHECK_FALSE(store::same_record(name_of("a:1" + at), name_of("a:1")));
  CHECK_FALSE(store::same_record(name_of("a:1"), name_of("quay.io/library/a:1")));
}
