// Who is let in, and what of a login goes where.
#include "registry/registry_client.hpp"

#include "registry/manifest_requests.hpp"
#include "support/scripted_server.hpp"
#include "unit/registry/client_fixture.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gantry::registry {
namespace {

using fixture = client_fixture;

TEST_CASE("the base of the API says whether credentials were asked for and are good") {
  for (const test::fake_auth kind : {test::fake_auth::none, test::fake_auth::basic, test::fake_auth::bearer}) {
    test::fake_registry registry(with_auth(kind, "alice", "secret"));
    fixture good(registry, std::make_shared<one_credential>("alice", "secret"));
    const ping seen = test::must(good.loop.run(good.client.get_base(good.host, good.stop)));
    CHECK(seen.authenticated == (kind != test::fake_auth::none));
    CHECK(seen.endpoint == "http://" + registry.host());
    if (kind == test::fake_auth::none) continue;
    fixture bad(registry, std::make_shared<one_credential>("alice", "wrong"));
    test::must_fail(bad.loop.run(bad.client.get_base(bad.host, bad.stop)), errc::unauthorized);
  }
}

TEST_CASE("a presigned address on the registry's own origin is asked once more without Authorization") {
  std::vector<std::string> heads;
  const auto reply = [](const std::string& head, const std::string& body = {}) {
    return "HTTP/1.1 " + head + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  };
  test::scripted_server server({[&](test::socket_handle& connection) {
    for (const std::string& text :
         {reply("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\""), reply("307 Moved\r\nLocation: /storage/x?X-Amz-Signature=1"),
          reply("400 Bad Request", "two kinds"), reply("200 OK", "bytes")}) {
      const std::string head = test::receive_head(connection);
      if (head.empty()) return;
      heads.push_back(head);
      connection.send(text);
    }
    test::await_end(connection);
  }});
  test::fake_registry unused;
  std::string body;
  {
    fixture f(unused, std::make_shared<one_credential>("alice", "secret"));
    f.host = "127.0.0.1:" + std::to_string(server.port());
    registry_client client(f.http, f.workers, f.settings(f.host, std::make_shared<one_credential>("alice", "secret")));
    error_code ec;
    descriptor entry;
    const test::test_image image = small_image();
    entry.digest = digest::parse(image.config.digest, ec);
    auto got = f.loop.run(client.get_blob(test::must(client.sites(f.name("team/app:1.0"), true)).back(), entry.digest, {}, f.stop));
    REQUIRE(got);
    body = test::must(f.loop.run(got->read_all(100)));
  }
  CHECK(body == "bytes");
  REQUIRE(heads.size() == 4);
  CHECK(heads[2].find("Authorization: ") != std::string::npos);
  CHECK(heads[3].find("Authorization: ") == std::string::npos);
}

TEST_CASE("what is written is not sent a second time without its body") {
  std::vector<std::string> heads;
  const auto reply = [](const std::string& head) { return "HTTP/1.1 " + head + "\r\nContent-Length: 0\r\n\r\n"; };
  const std::string bytes = small_image().manifest.bytes;
  test::scripted_server server({[&](test::socket_handle& connection) {
    for (const std::string& text : {reply("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\""),
                                    reply("307 Moved\r\nLocation: /elsewhere"), reply("400 Bad Request"), reply("201 Created")}) {
      std::string head = test::receive_head(connection);
      if (head.empty()) return;
      // The body stands behind the head.
      for (std::size_t left = bytes.size(); left > 0;) {
        const std::size_t got = connection.receive(left).size();
        if (got == 0) return;
        left -= got;
      }
      heads.push_back(std::move(head));
      connection.send(text);
    }
    test::await_end(connection);
  }});
  test::fake_registry unused;
  {
    fixture f(unused);
    f.host = "127.0.0.1:" + std::to_string(server.port());
    registry_client client(f.http, f.workers, f.settings(f.host, std::make_shared<one_credential>("alice", "secret")));
    descriptor manifest;
    manifest.media_type = "application/vnd.oci.image.manifest.v1+json";
    CHECK_FALSE(f.loop.run(put_manifest(client, f.name("team/app:1.0"), manifest, bytes, f.stop)));
  }
  REQUIRE(heads.size() == 3);
  for (const std::string& head : heads) CHECK(head.starts_with("PUT "));
}

TEST_CASE("a HEAD that is refused although credentials were shown leaves the word to GET") {
  std::vector<std::string> heads;
  const std::string manifest = small_image().manifest.bytes;
  const auto reply = [](const std::string& head, const std::string& body = {}) {
    return "HTTP/1.1 " + head + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  };
  const std::string refused = reply("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"");
  test::scripted_server server({[&](test::socket_handle& connection) {
    for (const std::string& text :
         {refused, refused, reply("200 OK\r\nContent-Type: application/vnd.oci.image.manifest.v1+json", manifest)}) {
      const std::string head = test::receive_head(connection);
      if (head.empty()) return;
      heads.push_back(head);
      connection.send(text);
    }
    test::await_end(connection);
  }});
  test::fake_registry unused;
  {
    fixture f(unused);
    f.host = "127.0.0.1:" + std::to_string(server.port());
    registry_client client(f.http, f.workers, f.settings(f.host, std::make_shared<one_credential>("alice", "secret")));
    CHECK_FALSE(test::must(f.loop.run(head_manifest(client, f.name("team/app:1.0"), f.stop))));
    CHECK(test::must(f.loop.run(client.get_manifest(f.name("team/app:1.0"), f.stop))).bytes == manifest);
  }
  REQUIRE(heads.size() == 3);
  CHECK(heads[1].starts_with("HEAD "));
  CHECK(heads[1].find("Authorization: Basic ") != std::string::npos);
  CHECK(heads[2].starts_with("GET "));
}

TEST_CASE("one token serves the manifest, the blobs and ten requests at once") {
  test::fake_registry registry(with_auth(test::fake_auth::bearer, "alice", "secret"));
  const test::test_image image = small_image();
  registry.hold("team/app", "1.0", image);
  fixture f(registry, std::make_shared<one_credential>("alice", "secret"));
  std::vector<std::optional<result<document>>> found(10);
  for (auto& one : found) f.loop.spawn(f.client.get_manifest(f.name("team/app:1.0"), f.stop), one);
  f.loop.drain();
  for (const auto& one : found) {
    REQUIRE(one);
    CHECK(*one);
  }
  CHECK(test::must(f.blob(image.config)) == image.config.bytes);
  CHECK(registry.count("/token") == 1);
  CHECK(f.log.find("secret") == std::string::npos);
  CHECK(f.log.find("token-1") == std::string::npos);
  CHECK(f.log.find("/manifests/1.0") != std::string::npos);
}

TEST_CASE("a token that was withdrawn is replaced") {
  test::fake_registry registry(with_auth(test::fake_auth::bearer, "", ""));
  registry.hold("team/app", "1.0", small_image());
  fixture f(registry);
  test::must(f.manifest());
  registry.revoke_tokens();
  test::must(f.manifest());
  CHECK(registry.count("/token") == 2);
}

TEST_CASE("a wrong password ends after one token request, without the password in any text") {
  test::fake_registry registry(with_auth(test::fake_auth::bearer, "alice", "secret"));
  registry.hold("team/app", "1.0", small_image());
  fixture f(registry, std::make_shared<one_credential>("alice", "wr0ng"));
  const failure said = test::must_fail(f.manifest(), errc::unauthorized);
  CHECK(said.text.message().find("as alice") != std::string::npos);
  CHECK((said.text.message() + said.text.server_message() + f.log).find("wr0ng") == std::string::npos);
  CHECK(registry.count("/token") == 1);
}

TEST_CASE("a registry with Basic lets the right password in and is asked twice at most") {
  test::fake_registry registry(with_auth(test::fake_auth::basic, "alice", "secret"));
  registry.hold("team/app", "1.0", small_image());
  fixture right(registry, std::make_shared<one_credential>("alice", "secret"));
  test::must(right.manifest());
  CHECK(registry.count("/manifests/") == 2);
  test::must(right.manifest());
  CHECK(registry.count("/manifests/") == 3);
  registry.forget_requests();
  fixture wrong(registry, std::make_shared<one_credential>("alice", "wr0ng"));
  test::must_fail(wrong.manifest(), errc::unauthorized);
  CHECK(registry.count("/manifests/") == 2);
  fixture nobody(registry);
  test::must_fail(nobody.manifest(), errc::unauthorized);
}

TEST_CASE("a registry that refuses every token is not asked for ever") {
  test::fake_registry registry(with_auth(test::fake_auth::bearer, "", ""));
  registry.hold("team/app", "1.0", small_image());
  const std::string realm = "Bearer realm=\"http://127.0.0.1:" + std::to_string(registry.token_port()) + "/token\",service=\"x\"";
  registry.inject("/manifests/", test::answer_with(401, {{"WWW-Authenticate", realm}}), 1, 0);
  fixture f(registry);
  test::must_fail(f.manifest(), errc::unauthorized);
  CHECK(registry.count("/manifests/") == 3);
  CHECK(registry.count("/token") == 2);
}

TEST_CASE("a token service on another host in clear text is not asked") {
  test::fake_registry registry;
  registry.inject("/manifests/", test::answer_with(401, {{"WWW-Authenticate", "Bearer realm=\"http://auth.elsewhere.test/token\""}}), 1, 0);
  fixture f(registry, std::make_shared<one_credential>("alice", "secret"));
  test::must_fail(f.manifest(), errc::redirect_refused);
}

}  // namespace
}  // namespace gantry::registry
