// What the conformance suite of the OCI distribution-spec asks of a registry that can be pulled from: the rows of "Pull" in its pull test
// (01_pull_test.go), each by the name that it has there.
#include "support/catch.hpp"
#include "unit/serve/running_server.hpp"

#include <boost/json/parse.hpp>

#include <string>
#include <vector>

using namespace gantry::test;

namespace {

/// Two images in a repository, one with a tag and one without, as the suite sets them up.
struct prepared {
  prepared() {
    image_recipe recipe;
    images.push_back(build_image(recipe));
    recipe.seed = 2;
    images.push_back(build_image(recipe));
    for (const test_image& image : images) content.put(image);
    const auto held = [&](std::size_t i) { return filled_store::descriptor_of(images[i].manifest); };
    content.name("docker.io/team/app:tagtest0", images[0].manifest, {held(0)});
    content.name("docker.io/team/app@" + images[1].manifest.digest, images[1].manifest, {held(1)});
  }
  filled_store content;
  std::vector<test_image> images;
};

struct row {
  const char* name;
  std::string method;
  std::string target;
  unsigned status;
  std::string digest{};   ///< that Docker-Content-Digest has to name
  std::string content{};  ///< of a GET
};

}  // namespace

TEST_CASE("the pull part of the conformance suite holds") {
  prepared p;
  running_server server(p.content);
  const std::string blobs = "/v2/team/app/blobs/";
  const std::string manifests = "/v2/team/app/manifests/";
  const std::string dummy = "sha256:" + std::string(64, 'a');
  const test_blob& config = p.images[0].config;
  const test_blob& layer = p.images[0].layers[0];
  const test_blob& first = p.images[0].manifest;
  const test_blob& second = p.images[1].manifest;
  const std::vector<row> rows{
      {"HEAD request to nonexistent blob should result in 404 response", "HEAD", blobs + dummy, 404},
      {"HEAD request to existing blob should yield 200", "HEAD", blobs + config.digest, 200, config.digest},
      {"GET nonexistent blob should result in 404 response", "GET", blobs + dummy, 404},
      {"GET request to existing blob URL should yield 200", "GET", blobs + config.digest, 200, config.digest, config.bytes},
      {"GET request to existing blob URL should yield 200 (layer)", "GET", blobs + layer.digest, 200, layer.digest, layer.bytes},
      {"HEAD request to nonexistent manifest should return 404", "HEAD", manifests + ".INVALID_MANIFEST_NAME", 404},
      {"HEAD request to manifest[0] path (digest) should yield 200 response", "HEAD", manifests + first.digest, 200, first.digest},
      {"HEAD request to manifest[1] path (digest) should yield 200 response", "HEAD", manifests + second.digest, 200, second.digest},
      {"HEAD request to manifest path (tag) should yield 200 response", "HEAD", manifests + "tagtest0", 200, first.digest},
      {"GET nonexistent manifest should return 404", "GET", manifests + ".INVALID_MANIFEST_NAME", 404},
      {"GET request to manifest[0] path (digest) should yield 200 response", "GET", manifests + first.digest, 200, first.digest,
       first.bytes},
      {"GET request to manifest[1] path (digest) should yield 200 response", "GET", manifests + second.digest, 200, second.digest,
       second.bytes},
      {"GET request to manifest path (tag) should yield 200 response", "GET", manifests + "tagtest0", 200, first.digest, first.bytes},
  };
  http_client client(server.port());
  for (const row& one : rows) {
    CAPTURE(one.name);
    const http_reply reply = one.method == "HEAD" ? client.head(one.target) : client.get(one.target);
    CHECK(reply.status == one.status);
    CHECK(reply.header("Docker-Content-Digest") == one.digest);
    if (one.method == "GET" && one.status == 200) CHECK((reply.body == one.content));
    if (one.method == "GET" && one.status == 404) CHECK(boost::json::parse(reply.body).at("errors").at(0).at("code").is_string());
  }

  INFO("4xx response body should contain OCI-conforming JSON message");
  const http_reply refused = http_client(server.port())
                                 .send("PUT", manifests + "sha256:totallywrong",
                                       {{"Content-Type", "application/vnd.oci.image.manifest.v1+json"}}, R"({"blablabla": true})");
  CHECK(refused.status >= 400);
  CHECK(refused.status < 500);
  const auto errors = boost::json::parse(refused.body).at("errors").as_array();
  REQUIRE_FALSE(errors.empty());
  CHECK(errors[0].at("code").is_string());
  CHECK(errors[0].at("message").is_string());
}
