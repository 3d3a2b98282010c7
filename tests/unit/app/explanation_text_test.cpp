#include "explanation_text.hpp"

#include "support/catch.hpp"

#include <string>
#include <utility>

using namespace gantry;
using namespace gantry::app;

namespace {

explanation example() {
  explanation told;
  error_code ec;
  told.reference = reference::parse("quay.io/a/b:1", ec);
  explained_endpoint mirror;
  mirror.url = "https://mirror.test";
  mirror.origin = "/etc/containers/registries.conf";
  mirror.is_mirror = true;
  explained_endpoint own;
  own.url = "https://quay.io";
  own.origin = "default";
  own.facts = {{"credential", "user jane", "option"}, {"client_certificate", "none", "default"}};
  told.endpoints = {mirror, own};
  told.settings = {{"store", "/tmp/s", "GANTRY_CACHE_DIR"}};
  return told;
}

}  // namespace

TEST_CASE("an explanation names endpoints in order, and each decision with its origin") {
  CHECK(explanation_text(example(), {}) ==
        "quay.io/a/b:1\n"
        "1. mirror https://mirror.test (/etc/containers/registries.conf)\n"
        "2. registry https://quay.io (default)\n"
        "   credential          user jane (command line)\n"
        "   client certificate  none (default)\n"
        "store               /tmp/s (GANTRY_CACHE_DIR)\n");
}

TEST_CASE("an explanation fits the terminal, and has no columns on a narrow one") {
  explanation told = example();
  told.endpoints.back().facts = {{"credential", "user jane", "option"},
                                 {"ca", "/etc/ssl/certs/ca-certificates.crt and /etc/ssl/certs", "default"}};
  const environment none = [](const char*) { return std::string(); };
  CHECK(explanation_text(told, {}, none, 40) ==
        "quay.io/a/b:1\n"
        "1. mirror https://mirror.test\n"
        "   (/etc/containers/registries.conf)\n"
        "2. registry https://quay.io (default)\n"
        "   credential: user jane (command line)\n"
        "   ca:\n"
        "     /etc/ssl/certs/ca-certificates.crt\n"
        "     and /etc/ssl/certs (default)\n"
        "store: /tmp/s (GANTRY_CACHE_DIR)\n");
  const std::string usual = explanation_text(told, {}, none, 80);
  CHECK(usual.find("   ca                  /etc/ssl/certs/ca-certificates.crt and /etc/ssl/certs\n"
                   "                       (default)\n") != std::string::npos);
  CHECK(usual.find("store               /tmp/s (GANTRY_CACHE_DIR)\n") != std::string::npos);
}

TEST_CASE("an explanation as JSON has a member for each decision") {
  CHECK(
      explanation_json(example(), {}) ==
      R"({"version":1,"reference":"quay.io/a/b:1","endpoints":[{"url":"https://mirror.test","origin":"/etc/containers/registries.conf",)"
      R"("mirror":true},{"url":"https://quay.io","origin":"default","mirror":false,"credential":{"value":"user jane","origin":"command line"},)"
      R"("client_certificate":{"value":"none","origin":"default"}}],"store":{"value":"/tmp/s","origin":"GANTRY_CACHE_DIR"},)"
      R"("options":{},"settings_file":null})"
      "\n");
}

TEST_CASE("an explanation names the line of the settings file that an option came from") {
  explanation told = example();
  told.endpoints.front().origin = "option";
  told.settings = {{"store", "/tmp/s", "option"}, {"connections", "8", "option"}};
  common_options options;
  options.settings_file = "/c.json";
  options.origins = {{"jobs", "8", "/c.json, line 2"}, {"retries", "5", "default"}, {"mirror", "m", "/c.json, line 4"}};
  const std::string text = explanation_text(told, options);
  CHECK(text.find("1. mirror https://mirror.test (/c.json, line 4)\n") != std::string::npos);
  CHECK(text.find("store               /tmp/s (command line)\n") != std::string::npos);
  CHECK(text.find("connections         8 (/c.json, line 2)\n") != std::string::npos);
  CHECK(text.find("retries             5 (default)\n") != std::string::npos);
  CHECK(text.find("settings            /c.json (read)\n") != std::string::npos);
  CHECK(text.find("jobs  ") == std::string::npos);
}

TEST_CASE("a mirror of the settings file has the file's line as its origin and one of the command line that") {
  explanation told = example();
  told.endpoints.front().origin = "--mirror";
  told.endpoints.front().facts = {{"repository", "a/b", "--mirror"}};
  CHECK(explanation_text(told, {}).find("1. mirror https://mirror.test (command line)\n") != std::string::npos);
  common_options options;
  options.origins = {{"mirror", "m", "/c.json, line 1"}};
  const std::string text = explanation_text(told, options);
  CHECK(text.find("1. mirror https://mirror.test (/c.json, line 1)\n") != std::string::npos);
  CHECK(text.find("repository          a/b (/c.json, line 1)\n") != std::string::npos);
  CHECK(explanation_json(told, options).find(R"("url":"https://mirror.test","origin":"/c.json, line 1")") != std::string::npos);
}

TEST_CASE("what the environment decides is told with the name of the variable") {
  explanation told = example();
  told.endpoints.back().facts = {{"proxy", "http://p.test:80", "environment"}, {"ca", "x", "option, environment, certs.d"}};
  const auto one = [](const char* set) { return [set](const char* name) { return std::string(std::string(name) == set ? "value" : ""); }; };
  const auto has = [&](const char* set, const std::string& line) {
    return explanation_text(told, {}, one(set)).find(line) != std::string::npos;
  };
  CHECK(has("HTTPS_PROXY", "proxy               http://p.test:80 (HTTPS_PROXY)\n"));
  CHECK(has("all_proxy", "proxy               http://p.test:80 (all_proxy)\n"));
  CHECK_FALSE(has("HTTP_PROXY", "(HTTP_PROXY)"));
  CHECK(has("CURL_CA_BUNDLE", "ca                  x (command line, CURL_CA_BUNDLE, certs.d)\n"));
  told.endpoints.back().url = "http://quay.io";
  CHECK(has("HTTP_PROXY", "proxy               http://p.test:80 (HTTP_PROXY)\n"));
  common_options options;
  options.spare_proxy_origin = "/c.json, line 3";
  CHECK(explanation_text(told, options, one("HTTPS_PROXY")).find("(/c.json, line 3)") != std::string::npos);
}

TEST_CASE("an architecture and a platform, two words for one thing, are explained in one line") {
  const auto lines = [](const std::string& platform_from, const std::string& arch_from) {
    common_options options;
    options.origins = {{"platform", platform_from == "default" ? "linux and this machine's architecture" : "linux/s390x", platform_from},
                       {"arch", arch_from == "default" ? "this machine's" : "arm64,arm/v7", arch_from}};
    const std::string text = explanation_text(example(), options);
    return std::pair(text.substr(text.find("store")), explanation_json(example(), options));
  };
  const std::string store = "store               /tmp/s (GANTRY_CACHE_DIR)\n";
  CHECK(lines("default", "default").first == store + "platform            linux and this machine's architecture (default)\n");
  CHECK(lines("default", "c.json, line 6").first == store + "platform            linux/arm64,linux/arm/v7 (c.json, line 6: arch)\n");
  CHECK(lines("c.json, line 5", "default").first == store + "platform            linux/s390x (c.json, line 5)\n");
  CHECK(lines("default", "c.json, line 6").second.find(R"("platform":{"value":null,"origin":"default"},"arch":{"value":"arm64,arm/v7")") !=
        std::string::npos);
  CHECK(lines("c.json, line 5", "default").second.find(R"("arch":{"value":null,"origin":"default"})") != std::string::npos);
  CHECK(lines("default", "default").second.find(R"("value":null)") == std::string::npos);
}
