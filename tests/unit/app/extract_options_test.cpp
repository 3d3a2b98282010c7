#include "extract_options.hpp"

#include "convert_options.hpp"

#include "support/catch.hpp"

#include <filesystem>
#include <string>
#include <variant>
#include <vector>

using namespace gantry;
using namespace gantry::app;

namespace {

template <class Arguments>
Arguments parsed(outcome<std::variant<Arguments, help_text>> outcome) {
  if (!outcome) FAIL(outcome.error().message);
  REQUIRE(std::holds_alternative<Arguments>(*outcome));
  return std::get<Arguments>(*outcome);
}

template <class Outcome>
std::string refused(const Outcome& outcome) {
  REQUIRE_FALSE(outcome.has_value());
  CHECK(outcome.error().code == exit_code::usage);
  return outcome.error().message;
}

std::string path_of(const archive_input& input) { return std::get<std::string>(input); }

}  // namespace

TEST_CASE("extract takes an archive and perhaps a name") {
  const auto plain = parsed(parse_extract({"in.tar"}));
  CHECK(path_of(plain.file) == "in.tar");
  CHECK_FALSE(plain.name);
  CHECK_FALSE(plain.force);
  const auto named = parsed(parse_extract({"--force", "in.tar", "app:1"}));
  REQUIRE(named.name);
  CHECK(named.name->string() == "docker.io/library/app:1");
  CHECK(named.force);
  const auto option = parsed(parse_extract({"--file", "in.tar", "app:1"}));
  CHECK(path_of(option.file) == "in.tar");
  CHECK(option.name);
}

TEST_CASE("extract says what is missing or too much") {
  CHECK(refused(parse_extract({})).find("no archive") != std::string::npos);
  CHECK(refused(parse_extract({""})).find("no archive") != std::string::npos);
  CHECK(refused(parse_extract({"a", "b", "c"})).find("at most") != std::string::npos);
  CHECK(refused(parse_extract({"in.tar", "NO"})).find("NO") != std::string::npos);
}

TEST_CASE("convert takes an archive, an output and perhaps images of it") {
  const auto arguments = parsed(parse_convert({"in.tar", "app:1", "b:2", "-o", "out.tgz", "-f", "oci"}));
  CHECK(path_of(arguments.file) == "in.tar");
  REQUIRE(arguments.images.size() == 2);
  CHECK(arguments.images[1].familiar() == "b:2");
  CHECK(arguments.output == "out.tgz");
  CHECK(arguments.format == archive_format::oci);
  CHECK(arguments.gzip);
  CHECK_FALSE(parsed(parse_convert({"in.tar", "-o", "out.tar"})).gzip);
  CHECK(parsed(parse_convert({"in.tar", "-o", "out.tar", "--name", "x:1"})).name->familiar() == "x:1");
  const auto chosen = parsed(parse_convert({"in.tar", "-o", "/dev/stdout", "--platform", "linux/arm64"}));
  CHECK(chosen.output == "-");
  REQUIRE(chosen.platforms.size() == 1);
  CHECK(chosen.platforms.front().architecture == "arm64");
  CHECK(parsed(parse_convert({"in.tar", "-o", "a.tar", "-a", "arm64,amd64"})).platforms.size() == 2);
  CHECK(parsed(parse_convert({"in.tar", "-o", "a.tar", "--all-platforms"})).platforms.empty());
  CHECK_FALSE(parsed(parse_convert({"in.tar", "-o", "a.tar"})).attestations);
  CHECK(parsed(parse_convert({"in.tar", "-o", "a.tar", "--attestations"})).attestations);
}

TEST_CASE("convert says what is missing or wrong") {
  CHECK(refused(parse_convert({"-o", "out.tar"})).find("no archive") != std::string::npos);
  CHECK(refused(parse_convert({"in.tar"})).find("no output") != std::string::npos);
  CHECK(refused(parse_convert({"in.tar", "-o", "-", "--json"})).find("standard output") != std::string::npos);
  CHECK(refused(parse_convert({"in.tar", "-o", "x", "-f", "zip"})).find("zip") != std::string::npos);
  CHECK(refused(parse_convert({"in.tar", "-o", "x", "-f", "synology", "--attestations"})).find("--attestations") == 0);
  CHECK(refused(parse_convert({"in.tar", "-o", "x", "-a", "arm64", "--all-platforms"})).find("exclude") != std::string::npos);
}
