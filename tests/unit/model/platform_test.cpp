#include <gantry/platform.hpp>

#include "model/platform_match.hpp"
#include "support/catch.hpp"
#include "support/vectors.hpp"

namespace gantry {
namespace {

const platform linux_amd64{"linux", "amd64", "", "", {}};

std::string word(const boost::json::value& object, const char* key) {
  const boost::json::value* member = object.as_object().if_contains(key);
  return member != nullptr && member->is_string() ? std::string(member->as_string()) : std::string();
}

platform from_json(const boost::json::value& object) {
  platform value{word(object, "os"), word(object, "architecture"), word(object, "variant"), word(object, "os_version"), {}};
  if (const auto* features = object.as_object().if_contains("os_features"); features != nullptr && features->is_array()) {
    for (const auto& feature : features->as_array()) value.os_features.emplace_back(feature.as_string());
  }
  return value;
}

}  // namespace

TEST_CASE("vectors: platform_parse", "[vectors]") {
  test::for_each_row("platform_parse", [](const test::vector_row& row) {
    error_code ec;
    // Rows that depend on the host have a column of what a linux/amd64 machine answered.
    const platform value = platform::parse(std::string(row.input.as_string()), ec, linux_amd64);
    if (row.out_true("error")) {
      CHECK(ec == errc::invalid_platform);
      return;
    }
    CHECK_FALSE(ec);
    const boost::json::value* executed = row.members.if_contains("executed_on_linux_amd64");
    const boost::json::value& expected = executed != nullptr ? *executed : row.expected;
    CHECK(value == from_json(expected));
    CHECK(to_string_all(value) == word(expected, "formatted"));
    const boost::json::value* also = row.members.if_contains("also_matched_by");
    if (also == nullptr) return;
    for (const auto& other : also->as_array()) {
      INFO("also matched by " << to_string(from_json(other)));
      CHECK(model::matches_strictly(value, from_json(other)));
    }
  });
}

TEST_CASE("vectors: platform_format", "[vectors]") {
  test::for_each_row("platform_format", [](const test::vector_row& row) {
    const platform value = from_json(row.input);
    CHECK(to_string_all(value) == std::string(row.expected.as_string()));
    error_code ec;
    CHECK(to_string_all(platform::parse(to_string_all(value), ec)) == to_string_all(value));
    CHECK_FALSE(ec);
  });
}

TEST_CASE("vectors: platform_normalize", "[vectors]") {
  test::for_each_row("platform_normalize", [](const test::vector_row& row) {
    const platform value = normalise(from_json(row.input));
    CHECK(value == from_json(row.expected));
    CHECK(normalise(value) == value);
  });
}

TEST_CASE("the host is a linux machine of a known architecture") {
  const platform host = platform::host();
  CHECK(host.os == "linux");
  error_code ec;
  CHECK(platform::parse(host.architecture, ec) == host);
  CHECK_FALSE(ec);
}

TEST_CASE("malformed platforms are refused") {
  for (const char* bad : {"", "/", "linux/", "/amd64", "linux//v7", "linux(x/amd64", "linux)x(/amd64", "linux(%2)/amd64",
                          "linux(%1b)/amd64", "toaster", "linux/amd64\n"}) {
    INFO(bad);
    error_code ec;
    platform::parse(bad, ec);
    CHECK(ec == errc::invalid_platform);
  }
}

}  // namespace gantry
