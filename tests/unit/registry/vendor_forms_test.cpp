// Challenges and token answers in the forms that the large registries are known for.
#include "registry/challenge.hpp"
#include "registry/token_response.hpp"

#include "support/catch.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

using namespace gantry::registry;

namespace {

struct vendor {
  const char* name;
  const char* challenge;  ///< value of WWW-Authenticate
  const char* scheme;
  const char* realm;
  const char* service;
  const char* scope;
  const char* answer;  ///< of the token service; empty: there is none
};

const vendor vendors[] = {
    {"Docker Hub", R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull")",
     "bearer", "https://auth.docker.io/token", "registry.docker.io", "repository:library/nginx:pull",
     R"({"token":"t0k","access_token":"t0k","expires_in":300,"issued_at":"2026-08-01T00:00:00.123456789Z"})"},
    {"GHCR", R"(Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:team/app:pull")", "bearer",
     "https://ghcr.io/token", "ghcr.io", "repository:team/app:pull", R"({"token":"t0k"})"},
    {"Quay", R"(Bearer realm="https://quay.io/v2/auth",service="quay.io",scope="repository:team/app:pull")", "bearer",
     "https://quay.io/v2/auth", "quay.io", "repository:team/app:pull", R"({"token":"t0k"})"},
    {"GCR", R"(Bearer realm="https://gcr.io/v2/token",service="gcr.io",scope="repository:team/app:pull")", "bearer",
     "https://gcr.io/v2/token", "gcr.io", "repository:team/app:pull",
     R"({"expires_in":43200,"issued_at":"2026-08-01T00:00:00.0+00:00","token":"t0k"})"},
    {"ECR", R"(Basic realm="https://1234.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com")", "basic",
     "https://1234.dkr.ecr.eu-west-1.amazonaws.com/", "ecr.amazonaws.com", "", ""},
    {"ECR Public", R"(Bearer realm="https://public.ecr.aws/token/",service="public.ecr.aws",scope="aws")", "bearer",
     "https://public.ecr.aws/token/", "public.ecr.aws", "aws", R"({"token":"t0k"})"},
    {"ACR", R"(Bearer realm="https://team.azurecr.io/oauth2/token",service="team.azurecr.io",scope="repository:app:pull")", "bearer",
     "https://team.azurecr.io/oauth2/token", "team.azurecr.io", "repository:app:pull", R"({"access_token":"t0k"})"},
    {"Harbor", R"(Bearer realm="https://harbor.test/service/token",service="harbor-registry",scope="repository:team/app:pull")", "bearer",
     "https://harbor.test/service/token", "harbor-registry", "repository:team/app:pull",
     R"({"token":"t0k","access_token":"","expires_in":1800,"issued_at":"2026-08-01T00:00:00Z"})"},
    {"Aliyun",
     R"(Bearer realm="https://dockerauth.cn-hangzhou.aliyuncs.com/auth",service="registry.aliyuncs.com:cn-hangzhou:26842",scope="repository:team/app:pull")",
     "bearer", "https://dockerauth.cn-hangzhou.aliyuncs.com/auth", "registry.aliyuncs.com:cn-hangzhou:26842", "repository:team/app:pull",
     R"({"access_token":"t0k","token":"t0k"})"},
};

std::string value_of(const challenge& asked, std::string_view name) {
  const std::string* const value = asked.find(name);
  return value == nullptr ? std::string() : *value;
}

}  // namespace

TEST_CASE("challenges and tokens of the large registries are understood") {
  const std::chrono::system_clock::time_point now = std::chrono::sys_days(std::chrono::year(2026) / 8 / 1);
  for (const vendor& one : vendors) {
    INFO(one.name);
    const auto read = parse_challenges({std::string_view(one.challenge)});
    REQUIRE(read);
    REQUIRE(read->size() == 1);
    const challenge* const wanted = preferred(*read);
    REQUIRE(wanted != nullptr);
    CHECK(wanted->scheme == one.scheme);
    CHECK(value_of(*wanted, "realm") == one.realm);
    CHECK(value_of(*wanted, "service") == one.service);
    CHECK(value_of(*wanted, "scope") == one.scope);
    if (std::string_view(one.answer).empty()) continue;
    const auto token = parse_token_response(one.answer, now);
    REQUIRE(token);
    CHECK(token->token == "t0k");
    CHECK(token->expires_at > now);
  }
}
