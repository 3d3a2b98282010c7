#include "settings/defaults.hpp"

#include "explain_options.hpp"
#include "options.hpp"
#include "support/catch.hpp"

#include <cstdlib>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

using namespace gantry::app;

namespace {

environment variables_of(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const char* name) {
    const auto found = values.find(name);
    return found == values.end() ? std::string() : found->second;
  };
}

outcome<user_defaults> checked(std::string_view text) {
  auto settings = parse_settings(text, "c.json");
  if (!settings) return settings.error();
  return check_settings({"c.json", std::move(*settings)}, variables_of({{"HOME", "/home/me"}}), {"output", "jobs"});
}

problem refused(std::string_view text) {
  auto done = checked(text);
  REQUIRE_FALSE(done.has_value());
  return done.error();
}

/// Gives parsers the defaults of \p text as long as it lives.
class with_defaults {
 public:
  explicit with_defaults(std::string text) {
    // It would win.
    ::unsetenv("GANTRY_CACHE_DIR");
    current_defaults() = [text = std::move(text)] { return checked(text); };
  }
  ~with_defaults() { current_defaults() = {}; }
  with_defaults(const with_defaults&) = delete;
  with_defaults& operator=(const with_defaults&) = delete;
};

pull_arguments pulled(std::vector<std::string> words) {
  auto outcome = parse_pull(std::move(words));
  if (!outcome) FAIL(outcome.error().message);
  return std::get<pull_arguments>(*outcome);
}

std::string origin_of(const common_options& options, std::string_view name) {
  for (const option_origin& one : options.origins) {
    if (one.option == name) return one.origin;
  }
  return "not told";
}

}  // namespace

TEST_CASE("settings are where XDG says") {
  CHECK(settings_path(variables_of({{"HOME", "/home/me"}})) == "/home/me/.config/gantry/config.json");
  CHECK(settings_path(variables_of({{"HOME", "/home/me"}, {"XDG_CONFIG_HOME", "/x"}})) == "/x/gantry/config.json");
  CHECK(settings_path(variables_of({{"HOME", "/home/me"}, {"XDG_CONFIG_HOME", "relative"}})) == "/home/me/.config/gantry/config.json");
  CHECK(settings_path(variables_of({{"GANTRY_CONFIG", "/f"}, {"XDG_CONFIG_HOME", "/x"}})) == "/f");
  CHECK(settings_path(variables_of({})).empty());
}

TEST_CASE("a mistake in the settings is told with file and line") {
  CHECK(refused("{\n  \"jobs\": 8,\n  \"retrys\": 2\n}").message == "c.json, line 3: there is no setting 'retrys'");
  CHECK(refused("{\n  \"jobs\": 8,\n  \"retrys\": 2\n}").hint == "did you mean 'retries'?");
  CHECK(refused("{\"workers\": 8}").hint == "did you mean 'jobs'?");
  CHECK(refused("{\"jobs\": 8,\n\"jobs\": 9}").message == "c.json, line 2: 'jobs' stands there twice, first in line 1");
  CHECK(refused("{\"output\": \"x\"}").message == "c.json, line 1: 'output' is for one command at a time and cannot have a default");
  CHECK(refused("{\"password\": \"x\"}").message.find("credentials do not belong there") != std::string::npos);
  CHECK(refused("{\"quiet\": \"yes\"}").message == "c.json, line 1: 'quiet' takes true or false");
  CHECK(refused("{\"jobs\": 1.5}").message == "c.json, line 1: 'jobs' is not a whole number");
  CHECK(refused("{\"jobs\": null}").message.find("is null") != std::string::npos);
  CHECK(refused("{\"jobs\": {}}").message == "c.json, line 1: 'jobs' cannot be an object");
  for (const char* const value : {"{\"docker.io\": \"https://m\"}", "[\"docker.io=https://m\"]", "null", "1.5", "[1]"}) {
    const auto misspelt = refused(std::string("{\"mirrors\": ") + value + "}");
    INFO(value);
    CHECK(misspelt.message == "c.json, line 1: there is no setting 'mirrors'");
    CHECK(misspelt.hint == "did you mean 'mirror'?");
  }
  CHECK(refused("{\"max-concurrent\": {}}").hint == "did you mean 'jobs'?");
  CHECK(refused("{\"mirror\": [1]}").message == "c.json, line 1: a list, as of 'mirror', holds strings alone");
  CHECK(refused("{\"mirror\": [[\"a\"]]}").message == "c.json, line 1: a list, as of 'mirror', holds strings alone");
  CHECK(refused("{\"insecure\": [\"true\"]}").message == "c.json, line 1: 'insecure' takes the hosts that are meant, not all");
  CHECK(refused("{\"insecure\": true}").message == "c.json, line 1: 'insecure' takes a list of hosts");
  CHECK(refused("{\"cache-dir\": \"store\"}").message.find("is relative") != std::string::npos);
  CHECK(refused("{\"proxy\": \"\"}").message.find("is empty") != std::string::npos);
  CHECK(refused("[]").message == "c.json, line 1: settings are one JSON object, { ... }");
  CHECK(refused("7").message == "c.json, line 1: settings are one JSON object, { ... }");
  CHECK(refused("{\n\n\"jobs\" 8}").message.starts_with("c.json, line 3: this is not JSON: "));
  CHECK(refused("{\n\"jobs\": 8").message.starts_with("c.json, line 2: this is not JSON: "));
  CHECK(refused("{}\n{}").message == "c.json, line 2: something follows the closing brace");
}

TEST_CASE("a number is no proxy and no word") {
  for (const char* name : {"proxy", "progress", "platform", "arch", "format", "cache-dir", "authfile", "ca-cert", "log-file"}) {
    INFO(name);
    const std::string text = std::string("{\n\"") + name + "\": 7}";
    CHECK(refused(text.c_str()).message == std::string("c.json, line 2: '") + name + "' takes a string");
    const std::string flag = std::string("{\"") + name + "\": true}";
    CHECK(refused(flag.c_str()).message == std::string("c.json, line 1: '") + name + "' takes a string");
  }
  for (const char* name : {"jobs", "max-per-host", "limit-rate", "retries", "timeout"}) {
    INFO(name);
    const std::string text = std::string("{\"") + name + "\": false}";
    CHECK(refused(text.c_str()).message == std::string("c.json, line 1: '") + name + "' takes a string or a number");
  }
  CHECK(refused("{\"mirror\": 7}").message == "c.json, line 1: 'mirror' takes a list of strings");
  CHECK(refused("{\"jobs\": [8]}").message == "c.json, line 1: a list, as of 'jobs', holds strings alone");
}

TEST_CASE("settings without a member are none") {
  for (const char* text : {"", " \n", "{}", "{\n}\n", "\xEF\xBB\xBF{}"}) CHECK(checked(text).value().settings.empty());
}

TEST_CASE("explain refuses settings of other commands that these would refuse") {
  const with_defaults defaults("{\"quiet\": false,\n\"format\": \"oci-tar\"}");
  const auto told = parse_explain({"nginx"});
  REQUIRE_FALSE(told.has_value());
  CHECK(told.error().code == exit_code::usage);
  CHECK(told.error().message.starts_with("c.json, line 2: "));
  CHECK(told.error().message.find("oci-tar") != std::string::npos);
}

TEST_CASE("settings stand in for options that are not given") {
  const with_defaults defaults(
      "{\"jobs\": 8,\n\"retries\": \"2\",\n\"cache-dir\": \"~/store\",\n\"no-sync\": true,\n\"quiet\": false,\n"
      "\"insecure\": [\"a.test\", \"b.test\"],\n\"mirror\": \"docker.io=https://m.test\",\n\"format\": \"oci\",\n\"arch\": \"arm64\"}");
  const pull_arguments plain = pulled({"nginx"});
  CHECK(plain.common.jobs == 8);
  CHECK(plain.common.retries == 2);
  CHECK(plain.common.cache_dir == "/home/me/store");
  CHECK_FALSE(plain.common.sync);
  CHECK_FALSE(plain.common.quiet);
  CHECK(plain.common.insecure == std::vector<std::string>{"a.test", "b.test"});
  CHECK(plain.common.mirrors.size() == 1);
  CHECK(plain.format == gantry::archive_format::oci);
  REQUIRE(plain.platforms.size() == 1);
  CHECK(plain.platforms.front().architecture == "arm64");
  CHECK(origin_of(plain.common, "jobs") == "c.json, line 1");
  CHECK(origin_of(plain.common, "timeout") == "default");

  const pull_arguments chosen = pulled({"nginx", "-j", "3", "--platform", "linux/s390x", "--mirror", "quay.io=https://q.test"});
  CHECK(chosen.common.jobs == 3);
  CHECK(origin_of(chosen.common, "jobs") == "command line");
  CHECK(chosen.platforms.front().architecture == "s390x");
  CHECK(chosen.common.mirrors.size() == 1);
  CHECK(chosen.common.mirrors.front().registry == "quay.io");
  CHECK(pulled({"nginx", "--store-only"}).store_only);
}

TEST_CASE("a value that the option refuses is told with file and line") {
  const with_defaults defaults("{\n\"jobs\": 0}");
  const auto done = parse_pull({"nginx"});
  REQUIRE_FALSE(done.has_value());
  CHECK(done.error().message == "c.json, line 2: --jobs takes 'auto' or a number from 1 to 256, not '0'");
}

TEST_CASE("help and mistakes on the command line do not depend on the settings") {
  const with_defaults defaults("{");
  CHECK(std::holds_alternative<help_text>(parse_pull({"--help"}).value()));
  const auto mistaken = parse_pull({"--nonsense", "x"});
  REQUIRE_FALSE(mistaken.has_value());
  CHECK(mistaken.error().message == "unknown option '--nonsense'");
  CHECK_FALSE(parse_pull({"nginx"}).has_value());
}

TEST_CASE("bars by default are bars where there is a terminal") {
  const with_defaults defaults("{\"progress\": \"bar\"}");
  CHECK(pulled({"nginx"}).common.progress == progress_mode::automatic);
}
