#include "archive/file_set.hpp"

#include "archive/tar_header.hpp"
#include "support/catch.hpp"
#include "support/result.hpp"

#include <optional>
#include <string>

namespace gantry::archive {
namespace {

using test::must;
using test::must_fail;

tar_member link_to(std::string name, std::string target) {
  tar_member member;
  member.name = std::move(name);
  member.kind = member_kind::symbolic_link;
  member.target = std::move(target);
  return member;
}

}  // namespace

TEST_CASE("all names of one file have one real name") {
  member_list names;
  tar_member file;
  file.name = "a/file";
  must(names.add(file, 7));
  must(names.add(link_to("b/link", "../a/file"), 8));
  must(names.add(link_to("far", "b/link"), 9));
  must(names.add(link_to("nowhere", "gone"), 10));
  for (const char* name : {"a/file", "b/link", "far"}) {
    CAPTURE(name);
    CHECK(names.real_name(name) == "a/file");
    CHECK(must(names.find(name)) == std::optional<std::size_t>(7));
  }
  CHECK(names.real_name("nowhere") == "nowhere");
  CHECK_FALSE(must(names.find("nowhere")));
}

TEST_CASE("the names and targets of an archive are limited together") {
  member_list names;
  const std::string target(tar_name_limit, 't');
  constexpr std::size_t fit = member_text_limit / (tar_name_limit + 5);
  for (std::size_t i = 0; i < fit; ++i) must(names.add(link_to(std::to_string(10'000 + i), target), i));
  must_fail(names.add(link_to("last", target), fit), errc::limit_exceeded);
}

}  // namespace gantry::archive
