#include "jobs/mount_facts.hpp"

#include "model/digester.hpp"

#include "support/catch.hpp"

#include <string>

namespace gantry::jobs {
namespace {

const std::string there = "registry.test:5000";

digest numbered(std::size_t number) { return model::digest_of(std::to_string(number)); }

}  // namespace

TEST_CASE("a blob is mounted from where it was seen last, never from where it goes") {
  mount_facts facts;
  CHECK(facts.empty());
  CHECK(facts.find(there, numbered(1), "new").empty());
  facts.know(there, numbered(1), "first");
  facts.know(there, numbered(1), "second");
  CHECK(facts.find(there, numbered(1), "new") == "second");
  CHECK(facts.find(there, numbered(1), "second") == "first");
  CHECK(facts.find("else.test", numbered(1), "new").empty());
  CHECK(facts.find(there, numbered(2), "new").empty());
  facts.know(there, numbered(1), "first");
  CHECK(facts.find(there, numbered(1), "new") == "first");
  facts.know(there, numbered(1), "third");
  facts.forget(there, numbered(1), "third");
  CHECK(facts.find(there, numbered(1), "new") == "first");  // of three places the oldest was given up
  facts.forget(there, numbered(1), "first");
  CHECK(facts.find(there, numbered(1), "new").empty());
  CHECK(facts.empty());
}

TEST_CASE("what was remembered of mounts is read as it was written") {
  mount_facts facts;
  facts.know(there, numbered(1), "team/a");
  facts.know("[::1]:5000", numbered(1), "team/b");
  facts.know(there, numbered(2), "team/c");
  facts.know(there, numbered(1), "team/d");
  const mount_facts again = mount_facts::read(facts.write());
  CHECK(again.write() == facts.write());
  CHECK(again.find(there, numbered(1), "new") == "team/d");
  CHECK(again.find(there, numbered(1), "team/d") == "team/a");
  CHECK(again.find("[::1]:5000", numbered(1), "new") == "team/b");
}

TEST_CASE("a memory of mounts that is damaged, or says what is no name, is none") {
  const std::string id = numbered(1).string();
  const auto line = [&](const std::string& registry, const std::string& blob, const std::string& repository) {
    return R"({"blobs":[{"registry":")" + registry + R"(","digest":")" + blob + R"(","repositories":[")" + repository + R"("]}]})";
  };
  CHECK_FALSE(mount_facts::read(line("a.test", id, "team/app")).empty());
  CHECK(mount_facts::read("").empty());
  CHECK(mount_facts::read("{}").empty());
  CHECK(mount_facts::read("[]").empty());
  CHECK(mount_facts::read(R"({"blobs":[{"registry":"a.test"}]})").empty());
  CHECK(mount_facts::read(line("a.test", "sha256:12", "team/app")).empty());
  CHECK(mount_facts::read(line("a.test", id, "team/app&x=1")).empty());
  CHECK(mount_facts::read(line("a.test", id, "")).empty());
  CHECK(mount_facts::read(line("a test", id, "team/app")).empty());
}

TEST_CASE("of many blobs those that were used last are remembered") {
  constexpr std::size_t many = 3 * mount_facts::limit;
  mount_facts facts;
  for (std::size_t i = 0; i < many; ++i) {
    facts.know(there, numbered(i), "team/app");
    if (i % 100 == 0) facts.know(there, numbered(0), "team/app");
  }
  const mount_facts kept = mount_facts::read(facts.write());
  CHECK(kept.find(there, numbered(many - 1), "new") == "team/app");
  CHECK(kept.find(there, numbered(many - mount_facts::limit + 1), "new") == "team/app");
  CHECK(kept.find(there, numbered(many - mount_facts::limit - 1), "new").empty());
  CHECK(kept.find(there, numbered(1), "new").empty());
  CHECK(kept.find(there, numbered(0), "new") == "team/app");
}

TEST_CASE("what another process wrote meanwhile stays, behind what is known here") {
  mount_facts mine;
  mine.know(there, numbered(1), "mine");
  mount_facts others;
  others.know(there, numbered(1), "others");
  others.know(there, numbered(2), "others");
  mine.add_older(others);
  CHECK(mine.find(there, numbered(1), "new") == "mine");
  CHECK(mine.find(there, numbered(1), "mine") == "others");
  CHECK(mine.find(there, numbered(2), "new") == "others");
}

}  // namespace gantry::jobs
