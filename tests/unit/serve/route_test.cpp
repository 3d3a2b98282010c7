#include "serve/route.hpp"

#include "support/catch.hpp"

#include <string>
#include <variant>

using namespace gantry::serve;

namespace {

const std::string some_digest = "sha256:" + std::string(64, 'a');

route routed(const std::string& target, const std::string& method = "GET") {
  auto found = route_request(method, target);
  INFO(target);
  REQUIRE(std::holds_alternative<route>(found));
  return std::get<route>(found);
}

unsigned refused(const std::string& target, const std::string& method = "GET") {
  auto found = route_request(method, target);
  return std::holds_alternative<answer>(found) ? std::get<answer>(found).status : 0;
}

}  // namespace

TEST_CASE("every endpoint of the pull half is found") {
  CHECK(routed("/v2/").what == endpoint::ping);
  CHECK(routed("/v2").what == endpoint::ping);
  CHECK(routed("/v2/_catalog").what == endpoint::catalog);
  CHECK(routed("/v2/a/b/tags/list").what == endpoint::tags);
  CHECK(routed("/v2/a/b/tags/list").name == "a/b");
  const route by_tag = routed("/v2/a/manifests/v1.0_x", "HEAD");
  CHECK(by_tag.what == endpoint::manifest);
  CHECK(by_tag.tag == "v1.0_x");
  CHECK(by_tag.digest.empty());
  CHECK(routed("/v2/a/manifests/" + some_digest).digest.string() == some_digest);
  CHECK(routed("/v2/a/blobs/" + some_digest).what == endpoint::blob);
  const route found = routed("/v2/a/referrers/" + some_digest + "?artifactType=application%2Fx");
  CHECK(found.what == endpoint::referrers);
  CHECK(found.artifact_type == "application/x");
}

TEST_CASE("names that look like endpoints stay names") {
  CHECK(routed("/v2/tags/list/tags/list").name == "tags/list");
  CHECK(routed("/v2/a/blobs/manifests/latest").name == "a/blobs");
  CHECK(routed("/v2/localhost:5000/a/tags/list").name == "localhost:5000/a");
  CHECK(routed("/v2/docker.io/library/nginx/tags/list").name == "docker.io/library/nginx");
}

TEST_CASE("escapes are decoded once and open no way around the grammar") {
  CHECK(routed("/v2/a/blobs/sha256%3A" + std::string(64, 'a')).digest.string() == some_digest);
  for (const char* target : {"/v2/..%2f..%2fetc/manifests/x", "/v2/%2e%2e/manifests/x", "/v2/../../etc/manifests/x",
                             "/v2/a/../b/manifests/x", "/v2/a%2fb/manifests/x", "/v2/a%252fb/manifests/x", "/v2/a%00b/manifests/x",
                             "/v2//a/manifests/x", "/v2/a/manifests/..", "/v2/a/manifests/%2e%2e%2fx", "/v2/A/manifests/x",
                             "/v2/a/manifests/", "/v2/a@b/manifests/x", "/v2/a/b:c/manifests/x", "/v2/_/manifests/x"}) {
    CAPTURE(target);
    CHECK(refused(target) == 404);
  }
  CHECK(refused("/v2/a%2/manifests/x") == 400);
  CHECK(refused("/v2/a%zz/manifests/x") == 400);
  CHECK(refused("/v2/a/tags/list?last=%") == 400);
}

TEST_CASE("what is not there is not found") {
  for (const char* target : {"/", "/v1/", "/v2/x", "/v2/a/b", "/v2/a/tags/other", "/v3/a/tags/list", "/v2/a/b/c/d"}) {
    CAPTURE(target);
    CHECK(refused(target) == 404);
  }
}

TEST_CASE("digests that cannot be verified are bad requests") {
  for (const char* value : {"sha256:abc", "md5:abc", "sha256:", "not-a-digest"}) {
    CAPTURE(value);
    CHECK(refused("/v2/a/blobs/" + std::string(value)) == 400);
    CHECK(refused("/v2/a/referrers/" + std::string(value)) == 400);
  }
  CHECK(refused("/v2/a/manifests/sha256:baddigest") == 400);
}

TEST_CASE("pages are read") {
  CHECK_FALSE(routed("/v2/_catalog").page.count.has_value());
  CHECK(routed("/v2/_catalog?n=0").page.count == 0);
  CHECK(routed("/v2/a/tags/list?n=5&last=1.0%2b").page.count == 5);
  CHECK(routed("/v2/a/tags/list?n=5&last=1.0%2b").page.last == "1.0+");
  CHECK(routed("/v2/a/tags/list?ns=docker.io").ns == "docker.io");
  CHECK(routed("/v2/a/tags/list?other&=&x=y").what == endpoint::tags);
  for (const char* n : {"n=", "n=-1", "n=x", "n=1x", "n=99999999999999999999", "n"}) {
    CAPTURE(n);
    CHECK(refused("/v2/_catalog?" + std::string(n)) == 400);
  }
}

TEST_CASE("every write is refused, whatever its path") {
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "CONNECT"}) {
    CAPTURE(method);
    for (const char* target : {"/v2/", "/v2/a/blobs/uploads/", "/v2/a/manifests/x", "/nowhere"}) CHECK(refused(target, method) == 405);
  }
  const auto refusal = std::get<answer>(route_request("PUT", "/v2/a/manifests/x"));
  CHECK(refusal.header("Allow") == "GET, HEAD");
}

TEST_CASE("query values are encoded so that they are read back") {
  const std::string value = "a b&c=d%/+\xc3\xa9";
  CHECK(routed("/v2/_catalog?last=" + encode_query(value)).page.last == value);
}
