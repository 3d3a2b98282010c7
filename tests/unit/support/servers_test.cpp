#include "support/servers.hpp"

#include "support/catch.hpp"
#include "support/http_client.hpp"
#include "support/image_builder.hpp"
#include "support/relay.hpp"
#include "support/temp_dir.hpp"

using namespace gantry::test;

TEST_CASE("a docker-registry takes an image and gives it back through a relay", "[servers]") {
  const temp_dir directory;
  docker_registry registry(directory.path() / "plain", {directory.path() / "storage"});
  const test_image image = build_image({});
  push(registry.port(), "team/app", "1.0", image);

  relay counted(registry.port());
  http_client client(counted.port());
  CHECK(client.get("/v2/team/app/manifests/" + image.manifest.digest, {{"Accept", image.manifest.media_type}}).body ==
        image.manifest.bytes);
  CHECK(client.get("/v2/team/app/blobs/" + image.layers[1].digest).body == image.layers[1].bytes);
  CHECK(counted.bytes_down() > image.layers[1].bytes.size());
  CHECK(counted.connections() == 1);
}

TEST_CASE("an index and its images can be pushed", "[servers]") {
  const temp_dir directory;
  docker_registry registry(directory.path(), {directory.path() / "storage"});
  const test_index index = build_index(media_family::docker, {build_image({media_family::docker})});
  push(registry.port(), "team/app", "all", index);
  http_client client(registry.port());
  CHECK(client.get("/v2/team/app/manifests/all", {{"Accept", index.index.media_type}}).body == index.index.bytes);
}

TEST_CASE("a docker-registry with htpasswd lets only its user in", "[servers]") {
  const temp_dir directory;
  docker_registry registry(directory.path(), {directory.path() / "storage", "jane", "secret"});
  http_client client(registry.port());
  CHECK(client.get("/v2/").status == 401);
  CHECK(client.get("/v2/", {{"Authorization", "Basic amFuZTpzZWNyZXQ="}}).status == 200);
}

TEST_CASE("a docker-registry with TLS has a certificate of the test authority", "[servers]") {
  const temp_dir directory;
  docker_registry registry(directory.path(), {directory.path() / "storage", "", "", true});
  const outcome checked = run({{"openssl", "s_client", "-connect", registry.host(), "-CAfile", registry.certificates().authority.string(),
                                "-verify_return_error", "-verify_ip", "127.0.0.1"}});
  INFO(checked.err);
  CHECK(checked.ok());
}

TEST_CASE("a slowed relay passes bytes at about its rate", "[servers]") {
  const temp_dir directory;
  docker_registry registry(directory.path(), {directory.path() / "storage"});
  const test_image image = build_image({media_family::oci, "linux", "amd64", "", {1'000'000}});
  push(registry.port(), "team/app", "1.0", image);
  relay slow(registry.port());
  slow.limit(2'000'000);
  http_client client(slow.port());
  const auto start = std::chrono::steady_clock::now();
  CHECK(client.get("/v2/team/app/blobs/" + image.layers[0].digest).complete);
  CHECK(std::chrono::steady_clock::now() - start > std::chrono::milliseconds(400));
}
