#include "model/tag_selection.hpp"

#include "support/catch.hpp"
#include "support/result.hpp"

namespace gantry::model {
namespace {

using names = std::vector<std::string>;

const names tags = {"latest", "1.9.0", "1.10.0", "v1.11.0", "1.11.0-rc.1", "2.0.0", "edge"};

names selected(const tag_filter& filter) { return test::must(select_tags(tags, filter)); }

TEST_CASE("without conditions all tags stay in their order") { CHECK(selected({}) == tags); }

TEST_CASE("an expression has to match the whole tag") {
  tag_filter filter;
  filter.regex = "1\\.[0-9]+\\.0";
  CHECK(selected(filter) == names{"1.9.0", "1.10.0"});
  filter.regex = "1";
  CHECK(selected(filter).empty());
}

TEST_CASE("versions come newest first, without the rest") {
  tag_filter filter;
  filter.semver = "";
  CHECK(selected(filter) == names{"2.0.0", "v1.11.0", "1.10.0", "1.9.0"});
  filter.semver = "1.x";
  filter.latest = 2;
  CHECK(selected(filter) == names{"v1.11.0", "1.10.0"});
}

TEST_CASE("the newest without versions are the last in natural order") {
  tag_filter filter;
  filter.latest = 2;
  CHECK(selected(filter) == names{"v1.11.0", "latest"});
}

TEST_CASE("a wrong expression or range is an error, whatever the tags") {
  tag_filter filter;
  filter.regex = "(";
  CHECK(select_tags({}, filter).error().code == errc::invalid_option);
  filter.regex.clear();
  filter.semver = "newest";
  CHECK(select_tags({}, filter).error().code == errc::invalid_option);
}

}  // namespace
}  // namespace gantry::model
