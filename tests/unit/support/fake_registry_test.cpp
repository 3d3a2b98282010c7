#include "support/fake_registry.hpp"

#include "support/catch.hpp"
#include "support/sha256.hpp"

using namespace gantry::test;

namespace {

const test_image& image() {
  static const test_image result = build_image({});
  return result;
}

std::string blob_target(const test_blob& blob) { return "/v2/team/app/blobs/" + blob.digest; }

struct served {
  explicit served(fake_registry_options options = {})
      : registry(std::move(options)), client(registry.port(), std::chrono::milliseconds(500)) {
    registry.hold("team/app", "1.0", image());
  }
  fake_registry registry;
  http_client client;
};

}  // namespace

TEST_CASE("the fake registry serves manifests by tag and digest and blobs", "[fake_registry]") {
  served s;
  const http_reply manifest = s.client.get("/v2/team/app/manifests/1.0");
  CHECK(manifest.status == 200);
  CHECK(manifest.header("content-type") == "application/vnd.oci.image.manifest.v1+json");
  CHECK(manifest.header("docker-content-digest") == image().manifest.digest);
  CHECK(manifest.body == image().manifest.bytes);
  CHECK(s.client.get("/v2/team/app/manifests/" + image().manifest.digest).body == image().manifest.bytes);
  CHECK(s.client.get("/v2/team/app/manifests/2.0").status == 404);
  CHECK(sha256_of(s.client.get(blob_target(image().layers[1])).body) == image().layers[1].digest);
  const std::vector<recorded_request> seen = s.registry.requests();
  REQUIRE(seen.size() == 4);
  CHECK(seen[3].connection == seen[0].connection);
  CHECK(seen[3].status == 200);
}

TEST_CASE("the fake registry answers ranges as a registry does", "[fake_registry]") {
  served s;
  const std::string& whole = image().layers[1].bytes;
  const http_reply part = s.client.get(blob_target(image().layers[1]), {{"Range", "bytes=100-199"}});
  CHECK(part.status == 206);
  CHECK(part.header("content-range") == "bytes 100-199/" + std::to_string(whole.size()));
  CHECK(part.body == whole.substr(100, 100));
  CHECK(s.client.get(blob_target(image().layers[1]), {{"Range", "bytes=100-"}}).body == whole.substr(100));
  CHECK(s.client.get(blob_target(image().layers[1]), {{"Range", "bytes=" + std::to_string(whole.size()) + "-"}}).status == 416);
}

TEST_CASE("the fake registry asks for tokens and keeps them apart from its storage", "[fake_registry]") {
  served s({fake_auth::bearer, "jane", "secret", std::chrono::seconds(300), true});
  const http_reply refused = s.client.get("/v2/team/app/manifests/1.0");
  CHECK(refused.status == 401);
  CHECK(refused.header("www-authenticate") == "Bearer realm=\"http://127.0.0.1:" + std::to_string(s.registry.token_port()) +
                                                  "/token\",service=\"fake registry\",scope=\"repository:team/app:pull\"");
  http_client tokens(s.registry.token_port());
  CHECK(tokens.get("/token").status == 401);
  const http_reply granted = tokens.get("/token", {{"Authorization", "Basic amFuZTpzZWNyZXQ="}});
  REQUIRE(granted.status == 200);
  const std::string token = granted.body.substr(10, granted.body.find('"', 10) - 10);
  const header_list authorization{{"Authorization", "Bearer " + token}};
  CHECK(s.client.get("/v2/team/app/manifests/1.0", authorization).status == 200);

  const http_reply redirect = s.client.get(blob_target(image().layers[0]), authorization);
  REQUIRE(redirect.status == 307);
  const std::string target = redirect.header("location").substr(redirect.header("location").find("/storage/"));
  http_client storage(s.registry.storage_port());
  CHECK(storage.get(target).body == image().layers[0].bytes);
  CHECK(storage.get(target, authorization).status == 400);

  s.registry.revoke_tokens();
  CHECK(s.client.get("/v2/team/app/manifests/1.0", authorization).status == 401);
}

TEST_CASE("each fault does what it is called", "[fake_registry]") {
  served s;
  const test_blob& layer = image().layers[1];
  const std::string target = blob_target(layer);
  const auto met_with = [&](fault what, const header_list& headers = {}) {
    s.registry.heal();
    s.registry.inject(target, std::move(what));
    return s.client.get(target, headers);
  };

  CHECK(met_with(truncate_after(1000)).body == layer.bytes.substr(0, 1000));
  CHECK(met_with(stall_after(70'000)).body == layer.bytes.substr(0, 70'000));
  CHECK(met_with(reset_after(2000)).body.size() == 2000);
  CHECK(met_with(no_answer()).status == 0);
  CHECK(met_with(not_http()).raw_head.starts_with("SSH-"));
  CHECK(met_with(too_many_requests("7")).header("retry-after") == "7");
  CHECK(met_with(answer_with(503, {}, "later")).status == 503);
  CHECK(met_with(redirect_to("{self}?again")).header("location") == "http://" + s.registry.host() + target + "?again");
  CHECK(met_with(header_of(40'000)).raw_head.size() > 40'000);

  const http_reply wrong = met_with(wrong_byte_at(9));
  CHECK(wrong.complete);
  CHECK(wrong.body[9] != layer.bytes[9]);
  CHECK(wrong.body.substr(10) == layer.bytes.substr(10));

  CHECK(met_with(range_ignored(), {{"Range", "bytes=5-9"}}).status == 200);
  const auto lie = [](std::uint64_t first, std::uint64_t last, std::uint64_t total) {
    return "bytes " + std::to_string(first + 1) + "-" + std::to_string(last) + "/" + std::to_string(total);
  };
  CHECK(met_with(content_range_of(lie), {{"Range", "bytes=5-9"}}).header("content-range") ==
        "bytes 6-9/" + std::to_string(layer.bytes.size()));
  CHECK(met_with(resized_to(10)).header("content-length") == "10");
  CHECK(met_with(resized_to(layer.bytes.size() + 10)).body.size() == layer.bytes.size() + 10);
  CHECK(met_with(drip_of(100'000, std::chrono::milliseconds(10))).body == layer.bytes);
  // Last, since what is left over spoils the connection for whoever comes next.
  CHECK(met_with(surplus_of(5)).body.size() >= layer.bytes.size());
}

TEST_CASE("a fault meets the requests it was given for and no others", "[fake_registry]") {
  served s;
  s.registry.inject("/manifests/", answer_with(500), 2, 2);
  const std::string target = "/v2/team/app/manifests/1.0";
  CHECK(s.client.get(target).status == 200);
  CHECK(s.client.get(blob_target(image().config)).status == 200);
  CHECK(s.client.get(target).status == 500);
  CHECK(s.client.get(target).status == 500);
  CHECK(s.client.get(target).status == 200);
}

TEST_CASE("what has no end comes until the client leaves", "[fake_registry]") {
  served s;
  const test_blob& layer = image().layers[1];
  const auto first_bytes = [&](fault what, std::size_t enough) {
    s.registry.heal();
    s.registry.inject("/blobs/", std::move(what));
    socket_handle connection = connect_to_loopback(s.registry.port());
    connection.send("GET " + blob_target(layer) + " HTTP/1.1\r\nHost: x\r\n\r\n");
    std::string got;
    while (got.size() < enough) {
      const std::string more = connection.receive(65536);
      if (more.empty()) break;
      got += more;
    }
    return got;
  };
  const std::string hints = first_bytes(endless_hints(), 1'000'000);
  CHECK(hints.size() >= 1'000'000);
  CHECK(hints.starts_with("HTTP/1.1 103 "));
  CHECK(hints.find(" 200 ") == std::string::npos);
  const std::string header = first_bytes(endless_header(), 1'000'000);
  CHECK(header.size() >= 1'000'000);
  CHECK(header.starts_with("HTTP/1.1 200 OK\r\nX-Padding: p"));
  CHECK(header.find("\r\n\r\n") == std::string::npos);
  CHECK(first_bytes(dripping_header(std::chrono::milliseconds(1)), 100).ends_with("ppp"));
  const std::string body = first_bytes(endless_body(), layer.bytes.size() + 3'000'000);
  CHECK(body.size() >= layer.bytes.size() + 3'000'000);
  CHECK(body.find("\r\n0\r\n") == std::string::npos);
  CHECK(s.registry.faults_met() == 4);
}

TEST_CASE("a registry that is healed has again what was dropped", "[fake_registry]") {
  served s;
  const std::string target = blob_target(image().config);
  s.registry.drop_blob(image().config.digest);
  CHECK(s.client.get(target).status == 404);
  s.registry.heal();
  CHECK(s.client.get(target).body == image().config.bytes);
}

TEST_CASE("the fake registry tells a TLS handshake that it speaks http", "[fake_registry]") {
  served s;
  socket_handle connection = connect_to_loopback(s.registry.port());
  connection.send(std::string("\x16\x03\x01\x00\x05hello", 10));
  CHECK(connection.receive(1000).starts_with("HTTP/1.1 400"));
  CHECK(s.registry.strangers(1) == 1);
  CHECK(s.registry.count() == 0);
}
