#include "registry/registry_client.hpp"

#include "support/scripted_server.hpp"
#include "unit/registry/client_fixture.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gantry::registry {
namespace {

using fixture = client_fixture;

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

}  // namespace
}  // namespace gantry::registry
