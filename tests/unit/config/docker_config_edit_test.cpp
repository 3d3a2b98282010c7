#include "config/docker_config_edit.hpp"

#include "support/catch.hpp"

#include <string>

using namespace gantry::config;

namespace {

auth_entry jane() { return {"jane", "secret", {}, {}}; }
constexpr const char* janes = "amFuZTpzZWNyZXQ=";

std::string with(const std::string& before, const std::string& registry, const auth_entry& entry = jane()) {
  return with_entry(before, "config.json", registry, entry).value();
}

}  // namespace

TEST_CASE("a file that was not there gets one entry, as docker would write it") {
  CHECK(with("", "r.test:5000") ==
        std::string("{\n\t\"auths\": {\n\t\t\"r.test:5000\": {\n\t\t\t\"auth\": \"") + janes + "\"\n\t\t}\n\t}\n}\n");
}

TEST_CASE("Docker Hub stands under docker's own key") {
  CHECK(with("", "docker.io").find("\"https://index.docker.io/v1/\"") != std::string::npos);
}

TEST_CASE("what is unknown stays, in its order") {
  const std::string text =
      with(R"({"z":[1,{"a":null}],"auths":{"a.test":{"auth":"eDp5","email":"x@y"}},"credsStore":"","b":18446744073709551615})", "r.test");
  CHECK(text.find("\"z\": [\n\t\t1,\n\t\t{\n\t\t\t\"a\": null\n\t\t}\n\t]") != std::string::npos);
  CHECK(text.find("\"email\": \"x@y\"") != std::string::npos);
  CHECK(text.find("18446744073709551615") != std::string::npos);
  CHECK(text.find("\"z\"") < text.find("\"auths\""));
  CHECK(text.find("\"auths\"") < text.find("\"credsStore\""));
}

TEST_CASE("an entry of the same host is replaced under the key that it has") {
  const std::string text = with(R"({"auths":{"https://r.test/v2/":{"auth":"eDp5"},"r.test/team":{"auth":"eDp5"}}})", "r.test");
  CHECK(text.find("\"r.test\"") == std::string::npos);
  CHECK(text.find("\"https://r.test/v2/\": {\n\t\t\t\"auth\": \"" + std::string(janes)) != std::string::npos);
  CHECK(text.find("\"r.test/team\": {\n\t\t\t\"auth\": \"eDp5\"") != std::string::npos);
}

TEST_CASE("what was written is found again") {
  for (const char* registry : {"docker.io", "r.test", "localhost:5000"}) {
    const auto parsed = docker_config::parse(with("", registry), "config.json").value();
    CHECK(parsed.lookup(registry, "a/b").value()->password == "secret");
    const auto token = docker_config::parse(with("", registry, {"jane", {}, "refresh", {}}), "config.json").value();
    CHECK(token.lookup(registry, "a/b").value()->identity_token == "refresh");
  }
}

TEST_CASE("entries of the host go, those of its repositories and of others stay") {
  const std::string before = R"({"auths":{"r.test":{"auth":"eDp5"},"https://r.test":{},"r.test/team":{},"other.test":{}},"x":1})";
  const auto after = without_entry(before, "config.json", "r.test").value();
  REQUIRE(after.has_value());
  CHECK(*after == "{\n\t\"auths\": {\n\t\t\"r.test/team\": {},\n\t\t\"other.test\": {}\n\t},\n\t\"x\": 1\n}\n");
  CHECK_FALSE(without_entry(*after, "config.json", "r.test").value().has_value());
  CHECK_FALSE(without_entry("{}", "config.json", "r.test").value().has_value());
  CHECK(has_entry(before, "config.json", "r.test").value());
  CHECK_FALSE(has_entry(*after, "config.json", "r.test").value());
}

TEST_CASE("a file that cannot be read is not written over") {
  for (const char* text : {"no JSON", "[]", "{"}) {
    CHECK_FALSE(with_entry(text, "config.json", "r.test", jane()).has_value());
    CHECK_FALSE(without_entry(text, "config.json", "r.test").has_value());
  }
}
