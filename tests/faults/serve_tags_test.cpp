// Names that a server asks its upstream for, and those that its store gets.
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

TEST_CASE("an image has its name while another one is still being fetched, and when the server stops meanwhile") {
  fake_registry registry;
  const test_image slow = large_image();
  registry.hold("team/slow", "1.0", slow);
  std::vector<test_image> images;
  for (const char* name : {"team/app", "team/last"}) {
    images.push_back(other_image(20 + static_cast<std::uint32_t>(images.size())));
    registry.hold(name, "1.0", images.back());
  }
  registry.inject(slow.layers[1].digest, stall_after(1000), 1, 0);
  const puller place(registry);
  pulling_server server(registry, place);
  http_client client(server.port());
  CHECK(client.get("/v2/team/slow/manifests/1.0").status == 200);
  auto held_up =
      std::async(std::launch::async, [&] { return http_client(server.port()).get("/v2/team/slow/blobs/" + slow.layers[1].digest); });
  REQUIRE(soon([&] { return !registry.requests(slow.layers[1].digest).empty(); }));
  const auto whole = [&](const char* name) {
    const std::filesystem::path record = record_of(place, name, "1.0");
    return !record.empty() && slurp(record).find("\"manifests\":[{") != std::string::npos;
  };
  pull_all(client, "team/app", "1.0", images[0]);
  CHECK(soon([&] { return whole("team/app"); }));
  pull_all(client, "team/last", "1.0", images[1]);
  CHECK(held_up.wait_for(std::chrono::seconds(0)) == std::future_status::timeout);
  server.stop();
  CHECK_FALSE(held_up.get().complete);
  CHECK(whole("team/app"));
  CHECK(whole("team/last"));
}

TEST_CASE("a layer that images share names none of those that were only looked at") {
  fake_registry registry;
  const test_image base = build_image({});
  registry.hold("team/app", "1.0", base);
  for (const char* name : {"team/one", "team/two", "team/three"}) {
    test_image built = base;
    // Another configuration, and so another manifest, over the same layers.
    built.config = test_blob::of(base.config.media_type, base.config.bytes + std::string(std::string(name).size(), ' '));
    std::string manifest = base.manifest.bytes;
    manifest.replace(manifest.find(base.config.descriptor_members()), base.config.descriptor_members().size(),
                     built.config.descriptor_members());
    built.manifest = test_blob::of(base.manifest.media_type, manifest);
    registry.hold(name, "1.0", built);
  }
  const puller place(registry);
  {
    pulling_server server(registry, place);
    http_client client(server.port());
    for (const char* name : {"team/one", "team/two", "team/three", "team/app"}) {
      CHECK(client.get("/v2/" + std::string(name) + "/manifests/1.0").status == 200);
    }
    CHECK((client.get(blob_of(base, 0)).body == base.layers[0].bytes));
    CHECK(soon([&] { return !record_of(place, "team/app", "1.0").empty(); }));
  }
  for (const char* name : {"team/one", "team/two", "team/three"}) CHECK(record_of(place, name, "1.0").empty());
}

TEST_CASE("a platform that was fetched by digest behind a tag gets no name of its own") {
  fake_registry registry;
  const test_index only = build_index(media_family::oci, {build_image({})});
  registry.hold("team/app", "1.0", only);
  const puller place(registry);
  pulling_server server(registry, place);
  http_client client(server.port());
  CHECK(client.head("/v2/team/app/manifests/1.0").status == 200);
  CHECK(client.get("/v2/team/app/manifests/" + only.index.digest).status == 200);
  pull_all(client, "team/app", only.images[0].manifest.digest, only.images[0]);
  REQUIRE(soon([&] { return !record_of(place, "team/app", "1.0").empty(); }));
  CHECK(client.get("/v2/team/app/manifests/" + only.images[0].manifest.digest).status == 200);
  std::size_t records = 0;
  for (const auto& one : std::filesystem::recursive_directory_iterator(place.store() / "refs")) records += one.is_regular_file() ? 1 : 0;
  CHECK(records == 1);
}

TEST_CASE("what the store has of another registry gets a name by its digest only if the upstream has it") {
  fake_registry other;
  fake_registry registry;
  const test_image theirs = build_image({});
  other.hold("team/app", "1.0", theirs);
  registry.hold("team/same", "1.0", theirs);
  const puller place(registry);
  {
    pulling_server before(other, place);
    http_client client(before.port());
    pull_all(client, "team/app", "1.0", theirs);
    REQUIRE(soon([&] { return !record_of(place, "team/app", "1.0").empty(); }));
  }
  const auto records = [&] {
    std::size_t count = 0;
    for (const auto& one : std::filesystem::recursive_directory_iterator(place.store() / "refs")) count += one.is_regular_file() ? 1 : 0;
    return count;
  };
  pulling_server server(registry, place);
  http_client client(server.port());
  const std::string manifest = "/manifests/" + theirs.manifest.digest;
  CHECK(client.get("/v2/nope/one" + manifest).status == 404);
  CHECK(client.get("/v2/nope/two" + manifest).status == 404);
  CHECK(records() == 1);
  // It is asked once, and has it.
  CHECK(client.get("/v2/team/same" + manifest).status == 200);
  CHECK(client.get("/v2/team/same" + manifest).status == 200);
  CHECK(registry.count("team/same") == 1);
  CHECK(soon([&] { return !record_of(place, "team/same", theirs.manifest.digest).empty(); }));
  CHECK(records() == 2);
  // What cannot be learnt is no reason for a name.
  registry.inject("/manifests/", answer_with(503), 1, 0);
  CHECK(client.get("/v2/nope/three" + manifest).status == 200);
  CHECK(client.get("/v2/nope/four" + manifest).status == 200);
  server.stop();
  CHECK(records() == 2);
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
  CHECK(record_of(place, "team/app", image.manifest.digest).empty());
  // Where nobody has a sound one, that is no fault of the upstream's clients.
  damage();
  registry.inject("/manifests/", answer_with(503), 1, 0);
  CHECK(client.get("/v2/team/app/manifests/1.0").status == 502);
  registry.heal();
}

TEST_CASE("a name in part whose parts are all there becomes whole when it is asked for") {
  fake_registry registry;
  const test_image image = build_image({});
  registry.hold("team/app", "1.0", image);
  const puller place(registry);
  const auto whole = [&] {
    const std::filesystem::path record = record_of(place, "team/app", "1.0");
    return !record.empty() && slurp(record).find("\"manifests\":[{") != std::string::npos;
  };
  {
    pulling_server server(registry, place);
    http_client client(server.port());
    CHECK(client.get("/v2/team/app/manifests/1.0").status == 200);
    CHECK((client.get(blob_of(image, 0)).body == image.layers[0].bytes));
    REQUIRE(soon([&] { return !record_of(place, "team/app", "1.0").empty(); }));
    CHECK_FALSE(whole());
  }
  // As a server leaves it that is killed before it has recorded the last of them.
  {
    const std::string part = slurp(record_of(place, "team/app", "1.0"));
    {
      pulling_server server(registry, place);
      http_client client(server.port());
      pull_all(client, "team/app", "1.0", image);
      REQUIRE(soon(whole));
    }
    std::ofstream(record_of(place, "team/app", "1.0"), std::ios::binary) << part;
    REQUIRE_FALSE(whole());
  }
  SECTION("with the upstream") {}
  SECTION("without the upstream") { registry.inject("/v2/", answer_with(503), 1, 0); }
  pulling_server server(registry, place);
  http_client client(server.port());
  CHECK(client.get("/v2/team/app/manifests/1.0").status == 200);
  CHECK(soon(whole));
}

TEST_CASE("a platform behind an index that is held in part gets no name of its own from the next server without the upstream") {
  fake_registry registry;
  const test_image image = build_image({});
  const test_index both = build_index(media_family::oci, {image, other_image(9)});
  registry.hold("team/app", "1.0", both);
  const puller place(registry);
  const std::string child = "/v2/team/app/manifests/" + both.images[0].manifest.digest;
  {
    pulling_server server(registry, place);
    http_client client(server.port());
    CHECK(client.get("/v2/team/app/manifests/1.0").status == 200);
    CHECK(client.get(child).status == 200);
    CHECK((client.get(blob_of(both.images[0], 0)).body == both.images[0].layers[0].bytes));
    REQUIRE(soon([&] { return !record_of(place, "team/app", "1.0").empty(); }));
  }
  registry.inject("/v2/", answer_with(503), 1, 0);
  pulling_server server(registry, place);
  http_client client(server.port());
  CHECK(client.get("/v2/team/app/manifests/1.0").status == 200);
  CHECK(client.get(child).status == 200);
  server.stop();
  CHECK(record_of(place, "team/app", both.images[0].manifest.digest).empty());
}

TEST_CASE("what is recorded while the upstream is asked takes nothing from the answer") {
  fake_registry registry;
  const test_image first = other_image(20);
  const test_image second = other_image(21);
  const test_image third = other_image(22);
  const puller place(registry);
  pulling_server server(registry, place);
  http_client client(server.port());
  const auto recorded = [&](const test_image& image) {
    return soon([&] {
      const std::filesystem::path record = record_of(place, "team/app", "1.0");
      return !record.empty() && slurp(record).find(image.manifest.digest) != std::string::npos;
    });
  };
  const auto take_blobs = [&](const test_image& image) {
    CHECK((client.get("/v2/team/app/blobs/" + image.config.digest).body == image.config.bytes));
    for (std::size_t layer = 0; layer < image.layers.size(); ++layer) CHECK(client.get(blob_of(image, layer)).complete);
  };
  registry.hold("team/app", "1.0", first);
  pull_all(client, "team/app", "1.0", first);
  REQUIRE(recorded(first));
  registry.hold("team/app", "1.0", second);
  CHECK(client.get("/v2/team/app/manifests/1.0").status == 200);
  registry.hold("team/app", "1.0", third);
  registry.forget_requests();
  registry.inject("/manifests/1.0", late_by(std::chrono::seconds(2)), 1, 0);
  auto asks = std::async(std::launch::async, [&] {
    return http_client(server.port()).get("/v2/team/app/manifests/1.0").header("Docker-Content-Digest") == third.manifest.digest;
  });
  REQUIRE(soon([&] { return registry.count("/manifests/1.0") != 0; }));
  take_blobs(second);
  REQUIRE(recorded(second));
  CHECK(asks.wait_for(std::chrono::seconds(0)) == std::future_status::timeout);
  CHECK(asks.get());
  take_blobs(third);
  CHECK(recorded(third));
}

TEST_CASE("an image that a client takes only what the store has of has a name, too") {
  fake_registry registry;
  const test_image base = build_image({});
  registry.hold("team/app", "1.0", base);
  test_image built = base;
  built.layers.push_back(other_image(9).layers.back());
  std::string manifest = base.manifest.bytes;
  manifest.replace(manifest.find(base.layers[0].descriptor_members()), 0, built.layers.back().descriptor_members() + "},{");
  built.manifest = test_blob::of(base.manifest.media_type, manifest);
  registry.hold("team/built", "1.0", built);
  const puller place(registry);
  pulling_server server(registry, place);
  http_client client(server.port());
  pull_all(client, "team/app", "1.0", base);
  // The client has the layer that the store lacks.
  CHECK(client.get("/v2/team/built/manifests/1.0").status == 200);
  CHECK(record_of(place, "team/built", "1.0").empty());
  CHECK(client.get("/v2/team/built/blobs/" + base.layers[0].digest).status == 200);
  CHECK(soon([&] { return !record_of(place, "team/built", "1.0").empty(); }));
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
