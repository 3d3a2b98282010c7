#include "jobs/extract_names.hpp"

#include "model/digester.hpp"
#include "support/result.hpp"

#include <map>
#include <string>
#include <vector>

namespace gantry::jobs {
namespace {

using test::must;
using test::must_fail;

reference named(const std::string& text) {
  error_code ec;
  reference name = reference::parse(text, ec);
  REQUIRE_FALSE(ec);
  return name;
}

archive::source_image image(const std::string& content, const std::vector<std::string>& names) {
  archive::source_image made;
  made.content.top.digest = model::digest_of(content);
  for (const std::string& name : names) made.content.names.push_back(named(name));
  return made;
}

result<name_plan> plan(const std::vector<archive::source_image>& images, const std::map<std::string, std::string>& store,
                       const std::string& wanted = {}, bool force = false) {
  const auto held = [&store](const reference& name) {
    const auto found = store.find(name.familiar());
    return found == store.end() ? digest() : model::digest_of(found->second);
  };
  return plan_names(images, wanted.empty() ? std::nullopt : std::optional(named(wanted)), force, held, "in.tar");
}

std::vector<std::string> taken(const name_plan& made) {
  std::vector<std::string> list;
  for (std::size_t i = 0; i < made.names.size(); ++i) {
    for (const reference& name : made.names[i]) list.push_back(std::to_string(i) + " " + name.familiar());
  }
  return list;
}

using strings = std::vector<std::string>;

}  // namespace

TEST_CASE("images get the names of the archive") {
  const name_plan made = must(plan({image("a", {"app:1", "app:latest"}), image("b", {"example.com/b:2"})}, {}));
  CHECK(taken(made) == strings{"0 app:1", "0 app:latest", "1 example.com/b:2"});
  CHECK(made.refused.empty());
}

TEST_CASE("a name under which the store has another digest is not taken") {
  const name_plan made = must(plan({image("a", {"app:1", "app:2"})}, {{"app:1", "another"}, {"app:2", "a"}}));
  CHECK(taken(made) == strings{"0 app:2"});
  REQUIRE(made.refused.size() == 1);
  CHECK(made.refused.front().find("--force") != std::string::npos);
  CHECK(taken(must(plan({image("a", {"app:1"})}, {{"app:1", "another"}}, {}, true))) == strings{"0 app:1"});
}

TEST_CASE("when no name is left nothing is extracted") {
  const failure why = must_fail(plan({image("a", {"app:1"})}, {{"app:1", "another"}}), errc::invalid_option);
  CHECK(why.text.message().find("docker.io/library/app:1 is already in the store") != std::string::npos);
}

TEST_CASE("an image without a name needs one") {
  const failure why = must_fail(plan({image("a", {})}, {}), errc::invalid_option);
  CHECK(why.text.message().find("NAME") != std::string::npos);
  CHECK(taken(must(plan({image("a", {})}, {}, "app:1"))) == strings{"0 app:1"});
  const name_plan made = must(plan({image("a", {}), image("b", {"b:1"})}, {}));
  CHECK(taken(made) == strings{"1 b:1"});
  CHECK(made.refused.size() == 1);
}

TEST_CASE("an image without a name is told with the words that mean it alone") {
  const auto tagged = [](const std::string& content, const std::vector<std::string>& tags) {
    archive::source_image made = image(content, {});
    made.tags = tags;
    return made;
  };
  const auto hint = [](const failure& why) { return why.text.message().substr(why.text.message().find("name it with ")); };
  CHECK(hint(must_fail(plan({tagged("a", {"v7"})}, {}), errc::invalid_option)) == "name it with 'gantry extract FILE NAME'");
  const strings refused =
      must(plan({image("x", {"b:1"}), image("a", {}), tagged("b", {"v7"}), tagged("c", {"1"}), tagged("d", {"no tag", "v8"})}, {})).refused;
  REQUIRE(refused.size() == 4);
  const strings words{"docker-archive:FILE:@1", "oci:FILE:v7", "docker-archive:FILE:@3", "oci:FILE:v8"};
  for (std::size_t i = 0; i < words.size(); ++i) CHECK(refused[i].ends_with("name it with 'gantry extract " + words[i] + " NAME'"));
}

TEST_CASE("a name that is given is used, whatever has it") {
  CHECK(taken(must(plan({image("a", {"app:1"})}, {{"mine:1", "another"}}, "mine:1"))) == strings{"0 mine:1"});
}

TEST_CASE("of several images the name chooses") {
  const std::vector<archive::source_image> images{image("a", {"app:1", "app:2"}), image("b", {"b:1"})};
  CHECK(taken(must(plan(images, {}, "app:2"))) == strings{"0 app:2"});
  const failure why = must_fail(plan(images, {}, "c:1"), errc::not_found);
  CHECK(why.text.message().find("docker.io/library/b:1") != std::string::npos);
}

TEST_CASE("one name for two images stays with the first") {
  const name_plan made = must(plan({image("a", {"app:1"}), image("b", {"app:1"})}, {}));
  CHECK(taken(made) == strings{"0 app:1"});
  CHECK(made.refused.size() == 1);
}

TEST_CASE("an archive without images has nothing to extract") { must_fail(plan({}, {}), errc::not_found); }

}  // namespace gantry::jobs
