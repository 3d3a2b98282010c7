// Names that a server asks its upstream for.
#include "faults/at_once.hpp"
#include "faults/pulling_server.hpp"
#include "support/catch.hpp"
#include "support/sha256.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <vector>

using namespace gantry;
using namespace gantry::test;

TEST_CASE_METHOD(large_upstream, "a tag is asked for again each time, by HEAD, and a moved one is fetched") {
  pulling_server server(registry, place);
  http_client client(server.port());
  CHECK(client.get("/v2/team/app/manifests/1.0").header("Docker-Content-Digest") == image.manifest.digest);
  for (std::size_t layer = 0; layer < image.layers.size(); ++layer) CHECK(client.get(blob_of(image, layer)).complete);
  CHECK(client.get("/v2/team/app/blobs/" + image.config.digest).complete);
  const std::size_t before = gets(registry, "/manifests/1.0");
  CHECK(client.get("/v2/team/app/manifests/1.0").header("Docker-Content-Digest") == image.manifest.digest);
  CHECK(gets(registry, "/manifests/1.0") == before);

  const test_image second = other_image(9);
  registry.hold("team/app", "1.0", second);
  CHECK(client.get("/v2/team/app/manifests/1.0").header("Docker-Content-Digest") == second.manifest.digest);
}

TEST_CASE_METHOD(large_upstream, "many clients of one tag ask the upstream once") {
  registry.inject("/manifests/1.0", late_by(std::chrono::seconds(1)), 1, 0);
  pulling_server server(registry, place);
  // Cold, and then to be asked whether it has moved.
  for (const char* when : {"cold", "held"}) {
    CAPTURE(when);
    registry.forget_requests();
    std::vector<std::future<bool>> clients;
    for (int i = 0; i < 12; ++i) {
      clients.push_back(std::async(std::launch::async, [&] {
        return http_client(server.port()).get("/v2/team/app/manifests/1.0").header("Docker-Content-Digest") == image.manifest.digest;
      }));
    }
    for (auto& one : clients) CHECK(one.get());
    // Who comes when the answer is there asks anew.
    CHECK(registry.count("/manifests/1.0") <= 3);
  }
}

TEST_CASE_METHOD(large_upstream, "a client that leaves while it asks for a tag takes the answer from nobody") {
  registry.inject("/manifests/1.0", late_by(std::chrono::seconds(1)), 1, 0);
  pulling_server server(registry, place);
  CHECK(http_client(server.port(), std::chrono::milliseconds(200)).get("/v2/team/app/manifests/1.0").status == 0);
  CHECK(http_client(server.port()).get("/v2/team/app/manifests/1.0").header("Docker-Content-Digest") == image.manifest.digest);
}

TEST_CASE_METHOD(large_upstream, "of a tag that moves between HEAD and GET, what the GET brought decides") {
  pulling_server server(registry, place);
  http_client client(server.port());
  CHECK(client.get("/v2/team/app/manifests/1.0").header("Docker-Content-Digest") == image.manifest.digest);
  const test_image second = other_image(9);
  const test_image third = other_image(10);
  // Asked by HEAD the registry has the second image under the tag; when the GET comes it is the third.
  registry.hold("team/app", "1.0", third);
  registry.inject("/manifests/1.0",
                  answer_with(200, {{"Docker-Content-Digest", second.manifest.digest}, {"Content-Type", second.manifest.media_type}},
                              second.manifest.bytes));
  const auto answer = client.get("/v2/team/app/manifests/1.0");
  CHECK(answer.status == 200);
  CHECK(answer.header("Docker-Content-Digest") == sha256_of(answer.body));
  CHECK((answer.body == third.manifest.bytes));
}

TEST_CASE_METHOD(large_upstream,
                 "a repository that the upstream refuses is answered from the store, and all others are asked for as before") {
  registry.hold("team/shut", "1.0", image);
  pulling_server server(registry, place);
  http_client client(server.port());
  pull_all(client, "team/app", "1.0", image);
  CHECK(client.get("/v2/team/shut/manifests/1.0").status == 200);
  registry.inject("team/shut/manifests", answer_with(403), 1, 0);
  const test_image second = other_image(9);
  registry.hold("team/app", "1.0", second);
  for (int turn = 0; turn < 2; ++turn) {
    const http_reply shut = client.get("/v2/team/shut/manifests/1.0");
    CHECK(shut.header("Docker-Content-Digest") == image.manifest.digest);
    CHECK_THAT(shut.header("Warning"), Catch::StartsWith("299 - ") && Catch::Contains("refuses this repository"));
    const http_reply moved = client.get("/v2/team/app/manifests/1.0");
    CHECK(moved.header("Docker-Content-Digest") == second.manifest.digest);
    CHECK(moved.header("Warning").empty());
  }
  // A registry that is down is not asked for the next one.
  registry.heal();
  registry.inject("team/shut/manifests", answer_with(503), 1, 0);
  CHECK(client.get("/v2/team/shut/manifests/1.0").status == 200);
  const std::size_t asked = registry.count("team/app/manifests");
  CHECK(client.get("/v2/team/app/manifests/1.0").status == 200);
  CHECK(registry.count("team/app/manifests") == asked);
}

TEST_CASE("a tag whose manifest arrives damaged from upstream is answered from the store, and called neither refused nor out of reach") {
  fake_registry registry;
  const test_image first = large_image();
  registry.hold("team/app", "1.0", first);
  registry.hold("team/other", "1.0", first);
  const puller place(registry);
  pulling_server server(registry, place);
  http_client client(server.port());
  pull_all(client, "team/app", "1.0", first);
  CHECK(client.get("/v2/team/other/manifests/1.0").status == 200);
  image_recipe recipe;
  recipe.seed = 9;
  const test_image second = build_image(recipe);
  registry.hold("team/app", "1.0", second);
  registry.inject("team/app/manifests", wrong_byte_at(10), 1, 0);
  for (int turn = 0; turn < 2; ++turn) {
    const http_reply held = client.get("/v2/team/app/manifests/1.0");
    CHECK(held.header("Docker-Content-Digest") == first.manifest.digest);
    CHECK_THAT(held.header("Warning"), Catch::StartsWith("299 - ") && Catch::Contains("cannot be used"));
    CHECK_THAT(held.header("Warning"), !Catch::Contains("refuses"));
  }
  // Of another name that says nothing.
  registry.forget_requests();
  CHECK(client.get("/v2/team/other/manifests/1.0").header("Warning").empty());
  CHECK(registry.count("team/other/manifests") != 0);
  const std::vector<std::string> said = server.stop();
  REQUIRE(said.size() == 1);
  CHECK_THAT(said.front(), Catch::Contains("could not be learnt") && !Catch::Contains("refuses"));
}

TEST_CASE_METHOD(large_upstream, "a tag whose manifest is damaged in the store is fetched anew") {
  pulling_server server(registry, place);
  http_client client(server.port());
  pull_all(client, "team/app", "1.0", image);
  REQUIRE(soon_recorded(client));
  const std::filesystem::path stored = place.store() / "blobs" / "sha256" / image.manifest.digest.substr(7);
  const auto damage = [&] {
    std::string bytes = image.manifest.bytes;
    bytes[10] ^= 1;
    std::filesystem::permissions(stored, std::filesystem::perms::owner_write, std::filesystem::perm_options::add);
    std::ofstream(stored, std::ios::binary) << bytes;
  };
  damage();
  CHECK((client.get("/v2/team/app/manifests/1.0").body == image.manifest.bytes));
  CHECK((slurp(stored) == image.manifest.bytes));
  // Where nobody has a sound one, that is no fault of the upstream's clients.
  damage();
  registry.inject("/manifests/", answer_with(503), 1, 0);
  CHECK(client.get("/v2/team/app/manifests/1.0").status == 502);
  registry.heal();
}

TEST_CASE("what the store has of another registry is not given out under a bare name") {
  fake_registry other;
  fake_registry registry;
  const test_image theirs = build_image({});
  other.hold("team/app", "1.0", theirs);
  other.hold("team/only", "1.0", theirs);
  const test_image ours = other_image(9);
  registry.hold("team/app", "1.0", ours);
  const puller place(registry);
  {
    pulling_server before(other, place);
    http_client client(before.port());
    pull_all(client, "team/app", "1.0", theirs);
    pull_all(client, "team/only", "1.0", theirs);
    REQUIRE(soon([&] { return !record_of(place, "team/app", "1.0").empty() && !record_of(place, "team/only", "1.0").empty(); }));
  }
  pulling_server server(registry, place);
  http_client client(server.port());
  CHECK(client.get("/v2/team/app/manifests/1.0").header("Docker-Content-Digest") == ours.manifest.digest);
  CHECK(client.get("/v2/team/only/manifests/1.0").status == 404);
  CHECK(client.get("/v2/team/only/tags/list").status == 404);
  std::string named = other.host();
  named.replace(named.rfind(':'), 1, "_");
  CHECK(client.get("/v2/" + named + "/team/app/manifests/1.0").header("Docker-Content-Digest") == theirs.manifest.digest);
}

TEST_CASE("an upstream is asked by no more requests at once than are allowed, whatever the clients ask for") {
  fake_registry registry;
  constexpr unsigned images = 6;
  for (unsigned i = 0; i < images; ++i) registry.hold("team/app", std::to_string(i), other_image(i));
  registry.inject("/v2/", late_by(std::chrono::milliseconds(20)), 1, 0);
  puller place(registry);
  place.settings.max_per_host = 1;
  pulling_server server(registry, place);
  // The first time a GET, then a HEAD for what the store has.
  for (const char* const time : {"new", "known"}) {
    INFO(time);
    std::vector<std::future<unsigned>> clients;
    for (unsigned i = 0; i < images; ++i) {
      clients.push_back(std::async(std::launch::async, [&server, i] {
        return http_client(server.port()).get("/v2/team/app/manifests/" + std::to_string(i)).status;
      }));
    }
    for (auto& one : clients) CHECK(one.get() == 200);
  }
  CHECK(registry.count("/manifests/") >= 2 * images);
  CHECK(at_once(registry) == 1);
  // Sizes of blobs that no manifest has told.
  registry.forget_requests();
  std::vector<std::future<unsigned>> clients;
  std::vector<test_blob> blobs;
  for (std::uint32_t i = 0; i < images; ++i) {
    blobs.push_back(other_image(100 + i).layers.back());
    registry.hold_blob(blobs.back());
  }
  for (const test_blob& blob : blobs) {
    clients.push_back(std::async(std::launch::async,
                                 [&server, &blob] { return http_client(server.port()).head("/v2/team/app/blobs/" + blob.digest).status; }));
  }
  for (auto& one : clients) CHECK(one.get() == 200);
  CHECK(at_once(registry) == 1);
}
