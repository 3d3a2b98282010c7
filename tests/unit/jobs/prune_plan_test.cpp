#include "jobs/prune_plan.hpp"

#include "support/catch.hpp"

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace gantry::jobs {
namespace {

digest named(char letter) {
  error_code ec;
  return digest::parse("sha256:" + std::string(64, letter), ec);
}

std::string removed(const prune_plan& plan) {
  std::string all;
  for (const auto& one : plan.remove) {
    for (const std::string& tag : one.tags) all += tag.substr(0, 9) + tag.substr(tag.size() < 64 ? tag.size() : 71) + " ";
  }
  return all;
}

}  // namespace

TEST_CASE("a manifest goes when nobody needs it") {
  struct row {
    const char* what;
    prune_facts facts;
    const char* removed;
    const char* why;
  };
  const std::string sig = "sha256-" + std::string(64, 'a') + ".sig";
  const row rows[] = {
      {"unwanted alone", {{{"old", named('a')}, {"new", named('b')}}, {"old"}, {}, {}}, "old ", ""},
      {"two unwanted tags", {{{"o1", named('a')}, {"o2", named('a')}}, {"o1", "o2"}, {}, {}}, "o1 o2 ", ""},
      {"a kept tag of the same digest", {{{"old", named('a')}, {"new", named('a')}}, {"old"}, {}, {}}, "", "the tag new names the same"},
      {"a child of a kept index",
       {{{"old", named('a')}, {"new", named('b')}}, {"old"}, {{named('b'), {named('a')}}}, {}},
       "",
       "an index that is kept"},
      {"referred to", {{{"old", named('a')}}, {"old"}, {}, {named('a')}}, "", "other manifests refer to it"},
      {"its signature goes first", {{{"old", named('a')}, {sig, named('c')}}, {"old"}, {}, {}}, "sha256-aa.sig old ", ""},
      {"a signature of what stays stays", {{{"old", named('b')}, {"new", named('a')}, {sig, named('c')}}, {"old"}, {}, {}}, "old ", ""},
      {"a tag that is gone meanwhile", {{{"new", named('a')}}, {"old"}, {}, {}}, "", ""},
  };
  for (const row& one : rows) {
    INFO(one.what);
    const prune_plan plan = plan_prune(one.facts);
    CHECK(removed(plan) == one.removed);
    REQUIRE(plan.keep.size() == (*one.why == '\0' ? 0 : 1));
    if (*one.why != '\0') CHECK(plan.keep.front().why.find(one.why) != std::string::npos);
  }
}

TEST_CASE("a signature whose bytes are in use elsewhere stays") {
  const std::string sig = "sha256-" + std::string(64, 'a') + ".sig";
  prune_facts facts{{{"old", named('a')}, {sig, named('c')}, {"copy", named('c')}}, {"old"}, {}, {}};
  CHECK(removed(plan_prune(facts)) == "old ");
}

TEST_CASE("an index that stays although nobody named it keeps what it is made of") {
  const std::map<digest, std::set<digest>> nested{{named('f'), {named('a'), named('e')}}, {named('e'), {named('a')}}};
  // Its referrer needs the outer index, the outer one the inner, and both the manifest.
  prune_facts facts{{{"child", named('a')}, {"inner", named('e')}, {"outer", named('f')}, {"other", named('b')}},
                    {"child", "inner", "outer", "other"},
                    nested,
                    {named('f')}};
  const prune_plan some = plan_prune(facts);
  CHECK(removed(some) == "other ");
  CHECK(some.keep.size() == 3);
  // With nobody to need it all goes, the outer first.
  facts.referred.clear();
  CHECK(removed(plan_prune(facts)) == "outer inner child other ");
}

TEST_CASE("indexes and signatures go in rounds before what they hang on") {
  const std::string sig = "sha256-" + std::string(64, 'a') + ".sig";
  prune_facts facts;
  facts.tags = {{"other", named('e')}, {"child", named('a')}, {"index", named('b')}, {sig, named('c')}};
  facts.unwanted = {"other", "child", "index"};
  facts.children[named('b')] = {named('a')};
  const prune_plan plan = plan_prune(facts);
  REQUIRE(plan.remove.size() == 4);
  std::map<digest, std::size_t> round_of;
  const auto rounds = removal_rounds(plan, facts);
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    for (const std::size_t one : rounds[i]) CHECK(round_of.emplace(plan.remove[one].manifest, i).second);
  }
  CHECK(round_of.size() == 4);
  CHECK(round_of[named('b')] == 0);
  CHECK(round_of[named('e')] == 0);
  CHECK(round_of[named('c')] == 1);
  CHECK(round_of[named('a')] == 2);
}

TEST_CASE("who refers to a manifest is a question only when nothing kept needs it") {
  prune_facts facts;
  facts.tags = {{"kept", named('a')}, {"same", named('a')}, {"index", named('b')}, {"child", named('c')}, {"old", named('d')}};
  facts.unwanted = {"same", "child", "old", "gone"};
  facts.children[named('b')] = {named('c')};
  CHECK(open_questions(facts) == std::vector<digest>(1, named('d')));
}

}  // namespace gantry::jobs
