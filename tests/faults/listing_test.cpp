// Lists that come in pages, and registries that lead astray from one to the next.
#include "faults/puller.hpp"

#include "support/catch.hpp"

#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace gantry;
using namespace gantry::test;

namespace {

struct paged {
  static fault page(const std::string& tags, const std::string& link) {
    header_list headers{{"Content-Type", "application/json"}};
    if (!link.empty()) headers.emplace_back("Link", link);
    return answer_with(200, std::move(headers), R"({"name":"team/app","tags":[)" + tags + "]}");
  }

  error_code list() {
    engine one(pulls.settings);
    error_code ec;
    // No future of the library's: an exception that two threads hold looks like a race to the thread sanitizer, which does not see into it.
    const auto done = std::make_shared<std::promise<error_code>>();
    auto ended = done->get_future();
    one.async_tags(reference::parse(registry.host() + "/team/app", ec), tags_options(), text,
                   [this, done](error_code failed, tags_result found) {
                     tags = std::move(found.tags);
                     done->set_value(failed);
                   });
    return ended.get();
  }

  fake_registry registry;
  puller pulls{registry};
  std::vector<std::string> tags;
  diagnostics text;
};

}  // namespace

TEST_CASE("tags are collected page by page", "[faults]") {
  paged p;
  p.registry.inject("tags/list?last=b", paged::page(R"("c","d")", "</v2/team/app/tags/list?last=d&n=2>; rel=\"next\""), 1, 0);
  p.registry.inject("tags/list?last=d", paged::page(R"("e")", ""), 1, 0);
  // An address in full counts when it is the registry's own.
  p.registry.inject("tags/list?n=", paged::page(R"("a","b")", "<http://" + p.registry.host() + "/v2/team/app/tags/list?last=b>; rel=next"),
                    1, 0);
  const error_code ec = p.list();
  INFO(p.text.message());
  CHECK_FALSE(ec);
  CHECK(p.tags == std::vector<std::string>{"a", "b", "c", "d", "e"});
  CHECK(p.registry.count("tags/list") == 3);
}

TEST_CASE("a repository that the registry does not have is named, with what to do and the registry's words", "[faults]") {
  paged p;
  p.registry.inject("tags/list",
                    answer_with(404, {{"Content-Type", "application/json"}}, R"({"errors":[{"code":"NAME_UNKNOWN","message":"unknown"}]})"),
                    1, 0);
  CHECK(p.list() == errc::not_found);
  CHECK(p.text.message() ==
        "the repository " + p.registry.host() + "/team/app was not found; check its spelling, and log in if it is a private one");
  CHECK(p.text.server_message() == "NAME_UNKNOWN: unknown");
}

TEST_CASE("a list does not go on at another origin, nor for ever", "[faults]") {
  paged p;
  SECTION("another origin") {
    p.registry.inject(
        "tags/list",
        paged::page(R"("a")", "<http://127.0.0.1:" + std::to_string(p.registry.storage_port()) + "/v2/team/app/tags/list>; rel=\"next\""),
        1, 0);
  }
  SECTION("the same page again") {
    p.registry.inject("tags/list", paged::page(R"("a")", "</v2/team/app/tags/list?n=1000>; rel=\"next\""), 1, 0);
  }
  SECTION("two pages that name each other") {
    p.registry.inject("tags/list?last=b", paged::page(R"("c")", "</v2/team/app/tags/list?last=c>; rel=\"next\""), 1, 0);
    p.registry.inject("tags/list?last=c", paged::page(R"("b")", "</v2/team/app/tags/list?last=b>; rel=\"next\""), 1, 0);
    p.registry.inject("tags/list?n=", paged::page(R"("a","b")", "</v2/team/app/tags/list?last=b>; rel=\"next\""), 1, 0);
  }
  SECTION("an empty page with a next one") {
    p.registry.inject("tags/list", paged::page("", "</v2/team/app/tags/list?last=x>; rel=\"next\""), 1, 0);
  }
  const error_code ec = p.list();
  INFO(p.text.message());
  CHECK(ec);
  CHECK_FALSE(ec == make_error_condition(condition::cancelled));
  CHECK(p.registry.count("tags/list") <= 3);
  for (const recorded_request& one : p.registry.requests()) CHECK(one.at == fake_origin::registry);
}

TEST_CASE("pages without names are passed", "[faults]") {
  paged p;
  p.registry.inject("tags/list?last=a", paged::page("", "</v2/team/app/tags/list?last=b>; rel=\"next\""), 1, 0);
  p.registry.inject("tags/list?last=b", paged::page(R"("c")", ""), 1, 0);
  p.registry.inject("tags/list?n=", paged::page("", "</v2/team/app/tags/list?last=a>; rel=\"next\""), 1, 0);
  const error_code ec = p.list();
  INFO(p.text.message());
  CHECK_FALSE(ec);
  CHECK(p.tags == std::vector<std::string>{"c"});
}
