#include "config/docker_config.hpp"

#include "support/catch.hpp"
#include "support/vectors.hpp"

#include <string>

using gantry::config::auth_entry;
using gantry::config::decode_auth;
using gantry::config::docker_config;

namespace {

struct names {
  std::string registry;
  std::string repository;
};

/// A key such as `docker.io/library/busybox`, or a whole URL, as the two arguments of a lookup.
names split(const std::string& key) {
  if (key.find("://") != std::string::npos) return {key, ""};
  const std::size_t slash = key.find('/');
  return {key.substr(0, slash), slash == std::string::npos ? "" : key.substr(slash + 1)};
}

docker_config parse(std::string_view text) { return docker_config::parse(text, "config.json").value(); }

}  // namespace

TEST_CASE("vectors: docker_config_auth_lookup", "[vectors]") {
  gantry::test::for_each_row("docker_config_auth_lookup", [](const gantry::test::vector_row& row) {
    const bool legacy = !row.in("legacy_dockercfg").empty();
    const auto config = legacy ? docker_config::parse_legacy(row.in("legacy_dockercfg"), "dockercfg")
                               : docker_config::parse(row.in("config") + row.in("config_text"), "config.json");
    const auto [registry, repository] = split(row.in("lookup"));
    const bool found_any = config && config->find(registry, repository);
    CHECK(found_any == !row.out_true("error"));
    if (!found_any) return;
    const auto found = config->find(registry, repository).value();
    CHECK(found.has_value() == !row.out_true("none"));
    if (!found) return;
    if (row.expected.as_object().contains("username")) {
      CHECK(found->username == row.out("username"));
      CHECK(found->password == row.out("password"));
    }
    CHECK(found->identity_token == row.out("identity_token"));
    CHECK(found->registry_token == row.out("registry_token"));
    if (const std::string field = row.out("auth_field"); !field.empty()) CHECK(found->basic() == field);
  });
}

TEST_CASE("vectors: auth_field_decode", "[vectors]") {
  gantry::test::for_each_row("auth_field_decode", [](const gantry::test::vector_row& row) {
    std::optional<auth_entry> found;
    if (row.input.is_string()) {
      found = decode_auth(std::string(row.input.as_string()));
    } else {
      const auto config = docker_config::parse("{\"auths\":{\"h\":" + row.in("entry") + "}}", "config.json");
      const auto entry = config.value().find("h", "");
      if (entry) found = *entry;
    }
    CHECK(found.has_value() == !row.out_true("error"));
    if (!found) return;
    CHECK(found->username == row.out("username"));
    CHECK(found->password == row.out("password"));
    CHECK(found->identity_token == row.out("identity_token"));
    CHECK(found->registry_token == row.out("registry_token"));
    if (const std::string field = row.out("auth"); !field.empty()) CHECK(found->basic() == field);
  });
}

TEST_CASE("a lookup says where the credential came from") {
  const auto config = parse(R"({"auths":{"https://index.docker.io/v1/":{"auth":"dXNlcjpwYXNz"}}})");
  const auto found = config.lookup("docker.io", "library/nginx").value();
  REQUIRE(found.has_value());
  CHECK(*found == gantry::credential{"user", "pass", "", "config.json"});
  CHECK_FALSE(config.lookup("quay.io", "a/b").value().has_value());
}

TEST_CASE("one broken entry does not hide the others") {
  const auto config = parse(R"({"auths":{"a.example":"x","b.example":{"auth":"dXNlcjpwYXNz"}}})");
  CHECK(config.lookup("b.example", "x").value().has_value());
  const auto broken = config.lookup("a.example", "x");
  REQUIRE_FALSE(broken.has_value());
  CHECK(broken.error().code == gantry::errc::bad_credentials);
  CHECK(broken.error().text.message().find("a.example") != std::string::npos);
}

TEST_CASE("no error repeats a secret") {
  const auto broken = parse(R"({"auths":{"h":{"auth":"hunter2!"}}})").lookup("h", "");
  REQUIRE_FALSE(broken.has_value());
  CHECK(broken.error().text.message().find("hunter2") == std::string::npos);
}

TEST_CASE("a repository's key never serves another registry or a longer name") {
  const auto config = parse(R"({"auths":{"example.org/team":{"auth":"dXNlcjpwYXNz"}}})");
  CHECK(config.lookup("example.org", "team/app").value().has_value());
  CHECK_FALSE(config.lookup("example.org", "teammate/app").value().has_value());
  CHECK_FALSE(config.lookup("example.org", "other").value().has_value());
  CHECK_FALSE(config.lookup("example.org:5000", "team/app").value().has_value());
  CHECK_FALSE(parse(R"({"auths":{"example.org/v1tools":{"auth":"dXNlcjpwYXNz"}}})").lookup("example.org", "other").value().has_value());
}

TEST_CASE("a bare registry token is a credential") {
  const auto config = parse(R"({"auths":{"h":{"registrytoken":"t"}}})");
  CHECK(config.find("h", "").value()->registry_token == "t");
  const auto found = config.lookup("h", "").value();
  REQUIRE(found.has_value());
  CHECK(*found == gantry::credential{"", "", "", "config.json", "t"});
}

TEST_CASE("helpers are kept for the registry they are meant for") {
  const auto config = parse(R"({"credHelpers":{"gcr.io":"gcloud","index.docker.io":"hub"},"credsStore":"desktop"})");
  CHECK(config.helper_for("gcr.io") == "gcloud");
  CHECK(config.helper_for("docker.io") == "hub");
  CHECK(config.helper_for("quay.io") == "desktop");
  CHECK(parse("{}").helper_for("gcr.io").empty());
}

TEST_CASE("a mistake in the JSON is named by its line") {
  const auto at = [](const std::string& text) {
    const auto config = docker_config::parse(text, "/home/x/config.json");
    REQUIRE_FALSE(config.has_value());
    return config.error().text.message();
  };
  CHECK(at("{\n  \"auths\": {\n    \"a.example\": {},\n  }\n}\n").find("/home/x/config.json cannot be read: line 4 is not valid JSON") !=
        std::string::npos);
  CHECK(at("{\n\"auths\": {").find("line 2 ") != std::string::npos);
  CHECK(at("").find("line 1 ") != std::string::npos);
  CHECK(at("{}\n\nx").find("line 3 ") != std::string::npos);
}

TEST_CASE("a byte order mark in front is no mistake") {
  const auto config = docker_config::parse("\xEF\xBB\xBF{\"auths\": {\"a.example\": {\"auth\": \"YTpi\"}}}", "config.json");
  REQUIRE(config.has_value());
  CHECK(config->lookup("a.example", "x").has_value());
}

TEST_CASE("files that are no configuration are refused") {
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("{\"auths\":[]}"), std::string("{\"credsStore\":1}"),
        std::string("{\"credHelpers\":{\"a\":1}}"), std::string("{\"credHelpers\":\"a\"}"), std::string("{} x"),
        std::string("{\"a\":") + std::string(100, '[') + std::string(100, ']') + "}", std::string(1024 * 1024 + 1, ' ')}) {
    const auto config = docker_config::parse(text, "config.json");
    REQUIRE_FALSE(config.has_value());
    CHECK(config.error().code == gantry::errc::bad_credentials);
  }
  CHECK(docker_config::parse("{\"auths\":null,\"credHelpers\":null,\"HttpHeaders\":{\"x\":1}}", "config.json").has_value());
}

TEST_CASE("an auth that base64(1) wrapped is read over its line ends and blanks") {
  const auto wrapped = decode_auth("\tdXNlcjpw\r\nYXNz\n ");
  REQUIRE(wrapped);
  CHECK(wrapped->username == "user");
  CHECK(wrapped->password == "pass");
  const auto config = docker_config::parse(R"({"auths":{"a.test":{"auth":"dXNlcjpw\nYXNz\n"}}})", "config.json");
  REQUIRE(config);
  CHECK(config->find("a.test", "").value()->password == "pass");
  CHECK_FALSE(decode_auth("dXNl-jpwYXNz"));
}
