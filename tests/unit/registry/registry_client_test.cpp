#include "registry/registry_client.hpp"

#include "registry/manifest_requests.hpp"
#include "support/fake_registry.hpp"
#include "support/loop.hpp"
#include "support/result.hpp"
#include "support/scripted_server.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gantry::registry {
namespace {

using namespace std::chrono_literals;

struct one_credential final : credential_source {
  one_credential(std::string name, std::string secret) : known{std::move(name), std::move(secret), "", "the test"} {}
  std::optional<credential> find(const std::string&, const std::string&, diagnostics&) override { return known; }
  credential known;
};

struct fixture {
  explicit fixture(const test::fake_registry& at, std::shared_ptr<credential_source> credentials = nullptr, bool plain = true)
      : host(at.host()), client(http, workers, settings(plain ? at.host() : "none.test", std::move(credentials))) {}

  registry_settings settings(const std::string& plain, std::shared_ptr<credential_source> credentials) {
    registry_settings made;
    made.plain_http = {plain};
    made.credentials = std::move(credentials);
    made.log = [this](const std::string& line) { log += line + "\n"; };
    return made;
  }

  test::loop loop;  // outlives the connections that are kept
  std::string host;
  std::string log;
  runtime::lanes workers;
  net::connector connections{workers, net::connect_limits{10s, 10s}};
  http::client http{connections, http::exchange_limits{5s, 5s}, [](const http::origin&) { return net::tls_settings(); }};
  registry_client client;
  runtime::stop_source stop;

  reference name(const std::string& text) const {
    error_code ec;
    reference parsed = reference::parse(host + "/" + text, ec);
    REQUIRE_FALSE(ec);
    return parsed;
  }
  result<document> manifest(const std::string& image = "team/app:1.0") { return loop.run(client.get_manifest(name(image), stop)); }
  result<std::string> blob(const test::test_blob& wanted) {
    error_code ec;
    descriptor entry;
    entry.digest = digest::parse(wanted.digest, ec);
    entry.size = wanted.bytes.size();
    return loop.run(client.read_blob(name("team/app:1.0"), entry, stop));
  }
};

/// A client of a registry on this machine behind a proxy at \p host.
struct proxied {
  explicit proxied(std::string host) : via(std::move(host)) { settings.credentials = std::make_shared<one_credential>("alice", "wonder"); }
  result<net::endpoint> route() const {
    net::endpoint made;
    made.via.emplace();
    made.via->host = via;
    made.via->port = 3128;
    return made;
  }

  test::loop loop;
  std::string via;
  runtime::lanes workers;
  net::connector connections{workers, net::connect_limits{10s, 10s}};
  http::client http{connections, http::exchange_limits{5s, 5s}, [this](const http::origin&) { return route(); }};
  registry_settings settings;
};

test::fake_registry_options with_auth(test::fake_auth kind, std::string username, std::string secret) {
  test::fake_registry_options options;
  options.auth = kind;
  options.username = std::move(username);
  options.password = std::move(secret);
  return options;
}

test::test_image small_image() {
  test::image_recipe recipe;
  recipe.layers = {2000};
  return test::build_image(recipe);
}

TEST_CASE("a manifest comes with its type and its verified digest") {
  test::fake_registry registry;
  const test::test_image image = small_image();
  registry.hold("team/app", "1.0", image);
  fixture f(registry);
  const document found = test::must(f.manifest());
  CHECK(found.bytes == image.manifest.bytes);
  CHECK(found.top.digest.string() == image.manifest.digest);
  CHECK(found.top.media_type == image.manifest.media_type);
  CHECK(found.top.size == image.manifest.bytes.size());
  CHECK(test::must(f.manifest("team/app@" + image.manifest.digest)).bytes == image.manifest.bytes);
  const auto asked = registry.requests("/manifests/");
  REQUIRE(asked.size() == 2);
  CHECK(asked[0].header("Accept").find("application/vnd.oci.image.index.v1+json") != std::string::npos);
  CHECK(asked[0].connection == asked[1].connection);
}

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

TEST_CASE("a registry that speaks TLS and was asked in clear text is named, in the words of Go and of nginx") {
  for (const std::string words : {"Client sent an HTTP request to an HTTPS server.\n",
                                  "<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>"}) {
    INFO(words);
    test::scripted_server server(
        {test::answers({"HTTP/1.1 400 Bad Request\r\nContent-Length: " + std::to_string(words.size()) + "\r\n\r\n" + words})});
    test::fake_registry unused;
    fixture f(unused);
    f.host = "127.0.0.1:" + std::to_string(server.port());
    registry_client client(f.http, f.workers, f.settings(f.host, nullptr));
    const failure said = test::must_fail(f.loop.run(client.get_manifest(f.name("team/app:1.0"), f.stop)), errc::tls_expected);
    CHECK(said.text.message().find("--plain-http") != std::string::npos);
  }
}

TEST_CASE("a registry on this machine is tried with TLS first and then in clear text, once") {
  test::fake_registry registry;
  registry.hold("team/app", "1.0", small_image());
  fixture f(registry, nullptr, false);
  test::must(f.manifest());
  CHECK(registry.strangers(1) == 1);
  test::must(f.manifest());
  CHECK(registry.strangers(1) == 1);
}

TEST_CASE("a warning of the registry is shown once for each text, cleaned") {
  std::vector<std::string> sent{
      "299 - \"closes on \xe2\x80\xae"
      "Monday\"",
      "299 - \"second\"", "199 - \"for caches\"", "299 - \"second\""};
  const auto reply = [&](std::size_t from) {
    std::string head = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n";
    for (std::size_t i = from; i < from + 2; ++i) head += "Warning: " + sent[i] + "\r\n";
    return head + "\r\n";
  };
  test::scripted_server server({test::answers({reply(0), reply(2), reply(0), reply(0), reply(0), reply(0)})});
  test::fake_registry unused;
  std::vector<std::string> warned;
  {
    fixture f(unused);
    f.host = "127.0.0.1:" + std::to_string(server.port());
    registry_settings settings = f.settings(f.host, nullptr);
    settings.warn = [&warned](const std::string& text) { warned.push_back(text); };
    registry_client client(f.http, f.workers, std::move(settings));
    for (int i = 0; i < 3; ++i) test::must_fail(f.loop.run(client.get_manifest(f.name("team/app:1.0"), f.stop)), errc::not_found);
    REQUIRE(warned.size() == 2);
    CHECK(warned[0] == f.host + " says: closes on ?Monday");
    CHECK(warned[1] == f.host + " says: second");
  }
}

TEST_CASE("a registry has no more than a few warnings to give") {
  std::string flood = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n";
  for (int i = 0; i < 50; ++i) flood += "Warning: 299 - \"number " + std::to_string(i) + "\"\r\n";
  test::scripted_server server({test::answers({flood + "\r\n", flood + "\r\n"})});
  test::fake_registry unused;
  std::size_t warned = 0;
  {
    fixture f(unused);
    f.host = "127.0.0.1:" + std::to_string(server.port());
    registry_settings settings = f.settings(f.host, nullptr);
    settings.warn = [&warned](const std::string&) { ++warned; };
    registry_client client(f.http, f.workers, std::move(settings));
    test::must_fail(f.loop.run(client.get_manifest(f.name("team/app:1.0"), f.stop)), errc::not_found);
  }
  CHECK(warned == 10);
}

/// The registry itself at its own name.
config::endpoint place_at(const std::string& host, const std::string& repository) {
  config::endpoint made;
  made.registry = host;
  made.repository = repository;
  made.source = "the test";
  return made;
}

TEST_CASE("a registry on this machine is not asked in clear text where https was written") {
  test::fake_registry registry;
  registry.hold("team/app", "1.0", small_image());
  fixture f(registry, nullptr, false);
  registry_settings settings = f.settings("none.test", nullptr);
  settings.endpoints = [](const std::string& host, const std::string& repository) {
    std::vector<config::endpoint> found(1, place_at(host, repository));
    found[0].tls_only = true;
    found[0].insecure = true;
    return result<std::vector<config::endpoint>>(std::move(found));
  };
  registry_client client(f.http, f.workers, std::move(settings));
  const failure said = test::must_fail(f.loop.run(client.get_manifest(f.name("team/app:1.0"), f.stop)), errc::tls_expected);
  CHECK(said.text.message() ==
        registry.host() + " answers without TLS, and the test writes https:// before it; http:// there is for clear text");
  CHECK(registry.requests().empty());
}

TEST_CASE("places of one name with other schemes and rules of TLS share nothing that was learnt") {
  test::fake_registry registry;
  for (const char* name : {"team/app", "team/other", "team/third"}) registry.hold(name, "1.0", small_image());
  fixture f(registry, nullptr, false);
  registry_settings settings = f.settings("none.test", nullptr);
  settings.endpoints = [](const std::string& host, const std::string& repository) {
    std::vector<config::endpoint> found(1, place_at(host, repository));
    found[0].tls_only = repository == "team/other";
    found[0].plain_http = repository == "team/third";
    return result<std::vector<config::endpoint>>(std::move(found));
  };
  registry_client client(f.http, f.workers, std::move(settings));
  test::must(f.loop.run(client.get_manifest(f.name("team/app:1.0"), f.stop)));
  test::must_fail(f.loop.run(client.get_manifest(f.name("team/other:1.0"), f.stop)), errc::tls_expected);
  CHECK(registry.strangers(2) == 2);
  test::must(f.loop.run(client.get_manifest(f.name("team/third:1.0"), f.stop)));
  CHECK(registry.strangers(2) == 2);
}

TEST_CASE("a mirror that wants credentials is logged in to, since flags are for the registry that is named") {
  for (const test::fake_auth kind : {test::fake_auth::basic, test::fake_auth::bearer}) {
    test::fake_registry mirror(with_auth(kind, "alice", "secret"));
    test::fake_registry registry;
    registry.hold("team/app", "1.0", small_image());
    fixture f(registry);
    std::string warned;
    registry_settings settings = f.settings(registry.host(), nullptr);
    settings.plain_http.insert(mirror.host());
    settings.warn = [&warned](const std::string& text) { warned += text; };
    settings.endpoints = [&mirror](const std::string& host, const std::string& repository) {
      std::vector<config::endpoint> found{place_at(mirror.host(), repository), place_at(host, repository)};
      found[0].is_mirror = true;
      return result<std::vector<config::endpoint>>(std::move(found));
    };
    registry_client client(f.http, f.workers, std::move(settings));
    test::must(f.loop.run(client.get_manifest(f.name("team/app:1.0"), f.stop)));
    INFO(warned);
    CHECK(warned.find("'gantry login " + mirror.host() + "'") != std::string::npos);
    CHECK(warned.find("--username") == std::string::npos);
  }
}

TEST_CASE("what is not there is said with the registry's words") {
  test::fake_registry registry;
  fixture f(registry);
  const failure said = test::must_fail(f.manifest(), errc::not_found);
  CHECK(said.text.message().find("team/app:1.0") != std::string::npos);
  CHECK(said.text.server_message().find("unknown to registry") != std::string::npos);
}

TEST_CASE("a manifest with another digest than the one asked for or announced is refused") {
  test::fake_registry registry;
  const test::test_image image = small_image();
  registry.hold("team/app", "1.0", image);
  registry.inject("/manifests/", test::wrong_byte_at(5), 1, 0);
  fixture f(registry);
  test::must_fail(f.manifest(), errc::digest_mismatch);
  test::must_fail(f.manifest("team/app@" + image.manifest.digest), errc::digest_mismatch);
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

TEST_CASE("redirected content is fetched without Authorization, and the registry's connection is kept") {
  auto options = with_auth(test::fake_auth::bearer, "alice", "secret");
  options.redirect_blobs = true;
  test::fake_registry registry(options);
  const test::test_image image = small_image();
  registry.hold("team/app", "1.0", image);
  fixture f(registry, std::make_shared<one_credential>("alice", "secret"));
  test::must(f.manifest());
  CHECK(test::must(f.blob(image.config)) == image.config.bytes);
  CHECK(test::must(f.blob(image.layers[0])) == image.layers[0].bytes);
  const auto stored = registry.requests("/storage/");
  REQUIRE(stored.size() == 2);
  for (const test::recorded_request& one : stored) CHECK(one.header("Authorization").empty());
  CHECK(f.log.find("X-Signature") == std::string::npos);
  const auto redirected = registry.requests("/blobs/");
  REQUIRE(redirected.size() == 2);
  CHECK(redirected[0].connection == redirected[1].connection);
}

TEST_CASE("a redirect with a body leaves its connection fit for the next request") {
  test::fake_registry registry;
  const test::test_image image = small_image();
  registry.hold("team/app", "1.0", image);
  const std::string there = "http://127.0.0.1:" + std::to_string(registry.storage_port()) + "/storage/" + image.config.digest;
  registry.inject("/blobs/", test::answer_with(307, {{"Location", there}}, "<a href=\"elsewhere\">Temporary Redirect</a>.\n\n"), 1, 0);
  fixture f(registry);
  CHECK(test::must(f.blob(image.config)) == image.config.bytes);
  CHECK(test::must(f.blob(image.config)) == image.config.bytes);
  const auto redirected = registry.requests("/blobs/");
  REQUIRE(redirected.size() == 2);
  CHECK(redirected[0].connection == redirected[1].connection);
}

TEST_CASE("redirects end, and lead nowhere private") {
  test::fake_registry registry;
  registry.hold("team/app", "1.0", small_image());
  registry.inject("/manifests/", test::redirect_to("{self}"), 1, 20);
  fixture f(registry);
  test::must_fail(f.manifest(), errc::redirect_refused);
  CHECK(registry.count("/manifests/") == 11);
  registry.heal();
  registry.inject("/manifests/", test::redirect_to("http://169.254.169.254/latest/meta-data"), 1, 0);
  test::must_fail(f.manifest(), errc::redirect_refused);
}

TEST_CASE("statuses are told apart") {
  struct row {
    unsigned status;
    errc code;
  };
  for (const row& one :
       {row{403, errc::forbidden}, row{500, errc::server_error}, row{503, errc::server_error}, row{418, errc::unexpected_status}}) {
    INFO(one.status);
    test::fake_registry registry;
    registry.inject("/manifests/", test::answer_with(one.status), 1, 0);
    fixture f(registry);
    test::must_fail(f.manifest(), one.code);
  }
  test::fake_registry registry;
  registry.inject("/manifests/", test::too_many_requests("17"), 1, 0);
  fixture f(registry);
  const failure said = test::must_fail(f.manifest(), errc::rate_limited);
  REQUIRE(said.retry_after);
  CHECK(*said.retry_after == 17s);
}

TEST_CASE("a small blob is verified") {
  test::fake_registry registry;
  const test::test_image image = small_image();
  registry.hold("team/app", "1.0", image);
  fixture f(registry);
  registry.inject("/blobs/", test::wrong_byte_at(3), 1, 1);
  test::must_fail(f.blob(image.config), errc::digest_mismatch);
  registry.inject("/blobs/", test::resized_to(10), 1, 1);
  test::must_fail(f.blob(image.config), errc::size_mismatch);
  test::test_blob huge = image.config;
  error_code ec;
  descriptor entry;
  entry.digest = digest::parse(huge.digest, ec);
  entry.size = std::uint64_t{9} << 20;
  const std::size_t before = registry.count();
  test::must_fail(f.loop.run(f.client.read_blob(f.name("team/app:1.0"), entry, f.stop)), errc::limit_exceeded);
  CHECK(registry.count() == before);
}

TEST_CASE("a stop ends a request, and one of the past sends none") {
  test::fake_registry registry;
  registry.hold("team/app", "1.0", small_image());
  fixture f(registry);
  test::must(f.manifest());  // leaves a connection that would be used without waiting
  registry.inject("/manifests/", test::no_answer(), 1, 0);
  std::optional<result<document>> outcome;
  f.loop.spawn(f.client.get_manifest(f.name("team/app:1.0"), f.stop), outcome);
  const test::stopwatch watch;
  while (registry.count("/manifests/") == 1 && watch.elapsed() < 10s) f.loop.run_for(5ms);
  f.stop.request_stop();
  f.loop.drain();
  REQUIRE(outcome);
  test::must_fail(*outcome, errc::cancelled);
  const std::size_t before = registry.count();
  test::must_fail(f.manifest(), errc::cancelled);
  CHECK(registry.count() == before);
}

TEST_CASE("localhost behind a proxy elsewhere is asked in clear text by nobody, and gets no secrets so") {
  error_code ec;
  const reference image = reference::parse("localhost:5000/team/app:1.0", ec);
  runtime::stop_source stop;
  for (const auto& [proxy, here] : {std::pair("proxy.test", false), std::pair("127.0.0.1", true)}) {
    INFO(proxy);
    proxied p(proxy);
    registry_client client(p.http, p.workers, p.settings);
    const auto seen = test::must(p.loop.run(client.view(image, stop)));
    REQUIRE(seen.size() == 1);
    CHECK(seen.front().may_fall_back == here);
    const authenticator who(p.http, p.workers, {"localhost:5000", p.settings.credentials});
    CHECK(who.may_carry_secrets(test::must(http::endpoint_of("localhost:5000", "http"))) == here);
    CHECK(who.may_carry_secrets(test::must(http::endpoint_of("localhost:5000", "https"))));
  }
  // Whoever says so may.
  proxied p("proxy.test");
  p.settings.plain_http = {"localhost:5000"};
  registry_client client(p.http, p.workers, p.settings);
  CHECK(test::must(p.loop.run(client.view(image, stop))).front().origin.scheme == "http");
}

}  // namespace
}  // namespace gantry::registry
