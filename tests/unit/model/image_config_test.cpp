#include "model/image_config.hpp"

#include "model/digester.hpp"
#include "support/catch.hpp"
#include "support/vectors.hpp"

namespace gantry::model {

TEST_CASE("vectors: oci_config_schema", "[vectors]") {
  test::for_each_row("oci_config_schema", [](const test::vector_row& row) {
    CHECK(parse_image_config(std::string(row.input.as_string())).has_value() == row.out_true("valid"));
  });
}

TEST_CASE("vectors: chain_id", "[vectors]") {
  test::for_each_row("chain_id", [](const test::vector_row& row) {
    std::vector<std::string> diff_ids;
    for (const auto& diff_id : row.input.as_array()) diff_ids.emplace_back(diff_id.as_string());
    std::vector<std::string> expected;
    for (const auto& link : row.expected.as_array()) {
      if (link.is_string()) {
        expected.emplace_back(link.as_string());
        continue;
      }
      // The digest of a text; "$(...)" in it stands for the link before and a blank.
      std::string text(link.at("args").as_array().at(0).as_string());
      if (text.starts_with("$(")) text = expected.back() + " " + text.substr(text.rfind(')') + 1);
      expected.push_back(digest_of(text).string());
    }
    CHECK(chain_ids(std::span<const std::string>(diff_ids)) == expected);
  });
}

TEST_CASE("a configuration is read with what it runs, on what, and how it was made") {
  const std::string layer = digest_of("layer").string();
  const auto parsed = parse_image_config(
      R"({"architecture":"arm","variant":"v7","os":"linux","os.features":["f"],"created":"2024-01-01T00:00:00Z","author":"me",
    "config":{"User":"1","Env":["A=b","odd"],"Entrypoint":["/x"],"Cmd":null,"Volumes":{"/v":{}},"ExposedPorts":{"80/tcp":{}},"Labels":{"l":"m"},
    "WorkingDir":"/w","StopSignal":"SIGINT","Healthcheck":{"Interval":30000000000}},
    "rootfs":{"type":"layers","diff_ids":[")" +
      layer + R"("]},"history":[{"created_by":"RUN","empty_layer":true},{"comment":"c"}],"moby.x":[1.5]})");
  REQUIRE(parsed);
  CHECK(parsed->platform == platform{"linux", "arm", "v7", "", {"f"}});
  CHECK(parsed->diff_ids == std::vector<digest>{digest_of("layer")});
  CHECK(chain_ids(std::span<const digest>(parsed->diff_ids)) == std::vector<std::string>{layer});
  CHECK(parsed->environment == std::vector<std::string>{"A=b", "odd"});
  CHECK(parsed->entrypoint == std::vector<std::string>{"/x"});
  CHECK(parsed->command.empty());
  CHECK(parsed->volumes == std::vector<std::string>{"/v"});
  CHECK(parsed->exposed_ports == std::vector<std::string>{"80/tcp"});
  CHECK(parsed->labels.at("l") == "m");
  REQUIRE(parsed->history.size() == 2);
  CHECK(parsed->history[0].empty_layer);
  CHECK(parsed->history[1].comment == "c");
}

TEST_CASE("an unusable configuration is refused") {
  const auto code = [](std::string_view text) { return parse_image_config(text).error().code; };
  CHECK(code(R"({"os":"linux","rootfs":{"type":"layers","diff_ids":[]}})") == errc::malformed_document);
  CHECK(code(R"({"os":"linux","architecture":"x"})") == errc::malformed_document);
  CHECK(code(R"({"os":"linux","architecture":"x","rootfs":{"type":"layers","diff_ids":["sha256:1"]}})") == errc::malformed_document);
  CHECK(code(R"({"os":"linux","architecture":"x","rootfs":{"type":"base","diff_ids":[]}})") == errc::malformed_document);
  CHECK(code(R"({"os":"linux","os":"windows"})") == errc::malformed_document);
  CHECK(code(std::string((std::size_t{8} << 20) + 1, ' ')) == errc::limit_exceeded);
}

}  // namespace gantry::model
