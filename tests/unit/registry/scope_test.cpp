#include "registry/scope.hpp"

#include "support/catch.hpp"
#include "support/vectors.hpp"

#include <string>
#include <vector>

using namespace gantry::registry;

namespace {

std::vector<std::string> strings_of(const boost::json::value& list) {
  std::vector<std::string> strings;
  for (const auto& value : list.as_array()) strings.emplace_back(value.as_string());
  return strings;
}

}  // namespace

TEST_CASE("vectors: token_scopes", "[vectors]") {
  gantry::test::for_each_row("token_scopes", [](const gantry::test::vector_row& row) {
    const auto& input = row.input.as_object();
    if (const auto* actions = input.if_contains("actions")) {
      CHECK(repository_scope(row.in("repository"), strings_of(*actions)) == std::string(row.expected.as_string()));
    } else {
      CHECK(clean_scopes(strings_of(input.at("scopes"))) == strings_of(row.expected));
    }
  });
}

TEST_CASE("a wish for everything swallows the single actions") { CHECK(repository_scope("a/b", {"pull", "*"}) == "repository:a/b:*"); }

TEST_CASE("names of resources may hold a port") {
  CHECK(clean_scopes({"repository:host:5000/a:push", "repository:host:5000/a:pull"}) ==
        std::vector<std::string>{"repository:host:5000/a:pull,push"});
}

TEST_CASE("a scope parameter may hold several scopes") {
  CHECK(parse_scopes("repository:b:pull  repository:a:push,pull ") ==
        std::vector<std::string>{"repository:a:pull,push", "repository:b:pull"});
  CHECK(parse_scopes("").empty());
}

TEST_CASE("a token is asked for with what the challenge names and the rights that the request needs") {
  CHECK(join_scopes("repository:a:pull,push", "repository:a:pull") == "repository:a:pull,push");
  CHECK(join_scopes("repository:a:pull", "repository:a:pull") == "repository:a:pull");
  CHECK(join_scopes("repository:a:pull,push repository:b:pull", "repository:a:pull,push") == "repository:a:pull,push repository:b:pull");
  CHECK(join_scopes("repository:a:pull", "") == "repository:a:pull");
  CHECK(join_scopes("", "registry:catalog:*") == "registry:catalog:*");
  CHECK(join_scopes("", "") == "");
}

TEST_CASE("a registry that knows a repository by another name has the last word") {
  CHECK(join_scopes("repository:a:pull", "repository:project/a:pull") == "repository:project/a:pull");
}
