#include "file_words.hpp"

#include "support/catch.hpp"

#include <string>
#include <variant>

using namespace gantry;
using namespace gantry::app;

namespace {

bool nothing_there(const std::string&) { return false; }
bool colon_in_name(const std::string& path) { return path == "odd:dir" || path == "odd"; }

archive_input read_word(const std::string& word) { return parse_input(word, nothing_there); }
std::string whole(const archive_input& input) { return std::get<std::string>(input); }

}  // namespace

TEST_CASE("an input may say what it is, or be standard input") {
  CHECK(whole(read_word("docker-archive:in.tar")) == "in.tar");
  CHECK(whole(read_word("oci:dir")) == "dir");
  CHECK(whole(read_word("oci-archive:./x.tar")) == "./x.tar");
  CHECK(whole(read_word("dir:copied")) == "copied");
  CHECK(whole(read_word("plain:1.0")) == "plain:1.0");
  CHECK(std::get<int>(read_word("-")) == 0);
  CHECK(text_of(read_word("-")) == "standard input");
}

TEST_CASE("behind a prefix one image of a file is named as skopeo names it") {
  const auto member = [](const std::string& word) { return std::get<archive_member>(read_word(word)); };
  CHECK(member("oci:dir:1.0").path == "dir");
  CHECK(member("oci:dir:1.0").image == "1.0");
  CHECK(member("oci-archive:a.tar:docker.io/library/nginx:1.25").image == "docker.io/library/nginx:1.25");
  CHECK(member("docker-archive:a.tar:localhost:5000/x:1").path == "a.tar");
  CHECK(member("docker-archive:a.tar:@1").image == "@1");
  CHECK(text_of(read_word("oci:dir:1.0")) == "dir:1.0");
  CHECK(whole(read_word("oci:dir:")) == "dir");
}

TEST_CASE("a path with a colon that exists stays whole") {
  CHECK(whole(parse_input("oci:odd:dir", colon_in_name)) == "odd:dir");
  CHECK(std::get<archive_member>(parse_input("oci:odd:1.0", colon_in_name)).path == "odd");
}

TEST_CASE("a file that is not there is told, with the way for images when the word may be one") {
  CHECK(check_is_there(read_word("-"), "hint").has_value());
  CHECK(check_is_there(archive_input(std::string("/")), "hint").has_value());
  for (const char* word : {"registry.example/team/app:1", "nginx"}) {
    INFO(word);
    const auto told = check_is_there(read_word(word), "hint");
    REQUIRE_FALSE(told.has_value());
    CHECK(told.error().code == exit_code::not_found);
    CHECK(told.error().message == "the archive " + std::string(word) + " does not exist");
    CHECK(told.error().hint == "hint");
  }
  for (const char* word : {"no/such.tar", "./no-such", "/no/such/place", "docker-archive:no/such.tar:nginx:1"}) {
    INFO(word);
    const auto told = check_is_there(read_word(word), "hint");
    REQUIRE_FALSE(told.has_value());
    CHECK(told.error().hint.empty());
  }
}
