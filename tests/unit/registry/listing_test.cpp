#include "registry/listing.hpp"

#include "support/catch.hpp"
#include "support/result.hpp"

namespace gantry::registry {
namespace {

using names = std::vector<std::string>;

TEST_CASE("a page of tags is read") {
  CHECK(test::must(parse_tag_page(R"({"name":"a/b","tags":["1","latest"]})", "the tags")) == names{"1", "latest"});
}

TEST_CASE("no tags are an empty list, as docker-registry writes it") {
  CHECK(test::must(parse_tag_page(R"({"name":"a/b","tags":null})", "the tags")).empty());
  CHECK(test::must(parse_tag_page(R"({"tags":null})", "the tags")).empty());
  CHECK(test::must(parse_tag_page(R"({"name":"a/b"})", "the tags")).empty());
}

TEST_CASE("names that cannot be asked for are left out") {
  CHECK(test::must(parse_tag_page(R"({"tags":["ok","../up","a\u001b[2J",""]})", "the tags")) == names{"ok"});
  CHECK(test::must(parse_repository_page(R"({"repositories":["team/app","Team/App","../x"]})", "the repositories")) == names{"team/app"});
}

TEST_CASE("an answer of another shape is a fault of the registry and no damaged content") {
  for (const char* body :
       {"{}", "[]", R"({"tags":"1"})", R"({"tags":[1]})", R"({"name":"a/b","tags":["1",2]})", R"({"name":null})", "<html>"}) {
    INFO(body);
    CHECK(parse_tag_page(body, "the tags").error().code == errc::protocol_error);
  }
}

}  // namespace
}  // namespace gantry::registry
