#include "other_words.hpp"

#include "command.hpp"
#include "manual/tables.hpp"
#include "support/catch.hpp"

using namespace gantry::app;

TEST_CASE("commands of other tools are answered with the own one") {
  CHECK(hint_for_command("ls") == "did you mean 'list'?");
  CHECK(hint_for_command("images") == "did you mean 'list'?");
  CHECK(hint_for_command("load") == "did you mean 'extract'?");
  CHECK(hint_for_command("version") == "did you mean '--version'?");
  CHECK(hint_for_command("-V") == "did you mean '--version'?");
  CHECK_THAT(hint_for_command("rm"), Catch::Contains("gantry clean") && Catch::Contains("gantry delete"));
  CHECK(hint_for_command("frobnicate").empty());
  for (const command& verb : commands()) {
    INFO(verb.name);
    CHECK(hint_for_command(verb.name).empty());
  }
}

TEST_CASE("options of other tools are answered with one that the command has") {
  CHECK(own_option("--tag", {"--jobs", "--reference"}) == "--reference");
  CHECK(own_option("--tag", {"--jobs"}).empty());
  CHECK(own_option("--tls-verify", {"--insecure"}) == "--insecure");
  CHECK(own_option("--input", {"--from"}) == "--from");
  CHECK(own_option("--input", {"--file", "--from"}) == "--file");
}

TEST_CASE("a mistaken option is answered with the own word before the nearest one") {
  const auto hint = [](std::vector<std::string> words) { return parse_pull(std::move(words)).error().hint; };
  CHECK(hint({"nginx", "--tag", "1"}) == "did you mean '--reference'?");
  CHECK(hint({"nginx", "--tls-verify=false"}) == "did you mean '--insecure'?");
  CHECK(hint({"nginx", "--fromat", "oci"}) == "did you mean '--format'?");
  CHECK(hint({"nginx", "--zzyzx"}) == "see 'gantry pull --help'");
}
