#include "store_options.hpp"

#include "manual/help_page.hpp"
#include "support/catch.hpp"

#include <string>
#include <variant>
#include <vector>

using namespace gantry::app;
using namespace std::chrono_literals;

namespace {

clean_arguments cleaned(std::vector<std::string> words) {
  auto outcome = parse_clean(std::move(words));
  if (!outcome) FAIL(outcome.error().message);
  REQUIRE(std::holds_alternative<clean_arguments>(*outcome));
  return std::get<clean_arguments>(*outcome);
}

problem refused(std::vector<std::string> words) {
  auto outcome = parse_clean(std::move(words));
  REQUIRE_FALSE(outcome.has_value());
  CHECK(outcome.error().code == exit_code::usage);
  return outcome.error();
}

template <class Outcome>
std::string help_of(const Outcome& outcome) {
  REQUIRE(outcome.has_value());
  REQUIRE(std::holds_alternative<help_text>(*outcome));
  return help_page(std::get<help_text>(*outcome), 100);
}

}  // namespace

TEST_CASE("clean without words only removes what is due") {
  const auto arguments = cleaned({});
  CHECK(arguments.references.empty());
  CHECK_FALSE(arguments.all);
  CHECK_FALSE(arguments.older_than);
  CHECK_FALSE(arguments.max_size);
  CHECK_FALSE(arguments.dry_run);
}

TEST_CASE("clean reads names as pull does, times and sizes") {
  const auto arguments =
      cleaned({"nginx", "docker://quay.io/a/b:1", "--older-than", "30d", "--max-size", "1.5G", "-n", "--cache-dir", "/c"});
  REQUIRE(arguments.references.size() == 2);
  CHECK(arguments.references[0].string() == "docker.io/library/nginx:latest");
  CHECK(arguments.references[1].string() == "quay.io/a/b:1");
  CHECK(arguments.older_than == 30 * 24h);
  CHECK(arguments.max_size == 1'500'000'000U);
  CHECK(arguments.dry_run);
  CHECK(arguments.common.cache_dir == "/c");
  for (const std::string agreed : {"-f", "--force", "-y", "--yes"}) CHECK(cleaned({"--all", agreed}).force);
}

TEST_CASE("clean refuses what contradicts itself or cannot be read") {
  CHECK_THAT(refused({"--all", "nginx"}).message, Catch::Contains("--all removes everything"));
  refused({"--all", "--max-size", "1G"});
  refused({"--older-than", "soon"});
  refused({"--max-size", "big"});
  refused({"NGINX"});
  refused({"--retries", "3"});  // nothing is fetched
}

TEST_CASE("list and verify take their options, and help tells the shape of the JSON") {
  CHECK(std::get<list_arguments>(*parse_list({"--json"})).common.json);
  REQUIRE_FALSE(parse_list({"nginx"}).has_value());
  CHECK(parse_list({"nginx"}).error().message == "'gantry list' takes no words, only options; 'nginx' is one word too many");
  CHECK(std::get<verify_arguments>(*parse_verify({"--repair", "--plain-http", "-j", "2"})).repair);
  CHECK_FALSE(std::get<verify_arguments>(*parse_verify({})).repair);
  CHECK_THAT(help_of(parse_list({"--help"})), Catch::Contains("\"config_digest\""));
  CHECK_THAT(help_of(parse_clean({"--help"})), Catch::Contains("\"freed\"") && Catch::Contains("--older-than"));
  CHECK_THAT(help_of(parse_verify({"--help"})), Catch::Contains("\"quarantined\"") && Catch::Contains("--repair"));
}
