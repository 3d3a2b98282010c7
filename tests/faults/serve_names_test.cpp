// Names that the store of a server with an upstream gets.
#include "faults/pulling_server.hpp"
#include "support/catch.hpp"

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

namespace {

/// Without what is being written just now, which has a name that begins with a dot.
std::size_t records_in(const puller& place) {
  std::size_t count = 0;
  for (const auto& one : std::filesystem::recursive_directory_iterator(place.store() / "refs")) {
    if (one.is_regular_file() && !one.path().filename().string().starts_with('.')) ++count;
  }
  return count;
}

}  // namespace

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
  CHECK(records_in(place) == 1);
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
  pulling_server server(registry, place);
  http_client client(server.port());
  const std::string manifest = "/manifests/" + theirs.manifest.digest;
  CHECK(client.get("/v2/nope/one" + manifest).status == 404);
  CHECK(client.get("/v2/nope/two" + manifest).status == 404);
  CHECK(records_in(place) == 1);
  // It is asked once, and has it.
  CHECK(client.get("/v2/team/same" + manifest).status == 200);
  CHECK(client.get("/v2/team/same" + manifest).status == 200);
  CHECK(registry.count("team/same") == 1);
  CHECK(soon([&] { return !record_of(place, "team/same", theirs.manifest.digest).empty(); }));
  CHECK(records_in(place) == 2);
  // What cannot be learnt is no reason for a name.
  registry.inject("/manifests/", answer_with(503), 1, 0);
  CHECK(client.get("/v2/nope/three" + manifest).status == 200);
  CHECK(client.get("/v2/nope/four" + manifest).status == 200);
  server.stop();
  CHECK(records_in(place) == 2);
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
  puller place(registry);
  place.settings.timeouts.header = std::chrono::seconds(20);
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
  registry.inject("/manifests/1.0", late_by(std::chrono::seconds(4)), 1, 0);
  auto asks = std::async(std::launch::async, [&] { return http_client(server.port()).get("/v2/team/app/manifests/1.0"); });
  REQUIRE(soon([&] { return registry.count("/manifests/1.0") != 0; }));
  take_blobs(second);
  REQUIRE(recorded(second));
  CHECK(asks.wait_for(std::chrono::seconds(0)) == std::future_status::timeout);
  const http_reply told = asks.get();
  CHECK(told.header("Warning").empty());
  CHECK(told.header("Docker-Content-Digest") == third.manifest.digest);
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
