// Blobs that a server with an upstream gives out while it fetches them.
#include "faults/pulling_server.hpp"
#include "support/catch.hpp"
#include "support/environment.hpp"
#include "support/small_disk.hpp"
#include "support/socket.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <thread>
#include <vector>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;

namespace {

/// The store is on a file system of 4 MiB, where the large layer finds no room.
struct on_small_disk : large_upstream {
  on_small_disk() { place.settings.cache_dir = disk.path() / "store"; }
  bool usable() const {
    if (!disk.usable()) WARN("skipped: no file system can be mounted here");
    return disk.usable();
  }

  small_disk disk{"4m"};
};

template <class Matcher>
void check_said_once(pulling_server& server, const Matcher& what) {
  const std::vector<std::string> said = server.stop();
  CHECK(said.size() == 1);
  for (const std::string& one : said) CHECK_THAT(one, what);
}

}  // namespace

TEST_CASE_METHOD(large_upstream, "what the store lacks comes from upstream, once, and stays") {
  {
    pulling_server server(registry, place);
    http_client client(server.port());
    const http_reply manifest = client.get("/v2/team/app/manifests/1.0");
    CHECK(manifest.status == 200);
    CHECK(manifest.body == image.manifest.bytes);
    CHECK(client.head(blob_of(image, 1)).header("Content-Length") == std::to_string(image.layers[1].bytes.size()));
    CHECK((client.get(blob_of(image, 1)).body == image.layers[1].bytes));
    CHECK((client.get(blob_of(image, 0)).body == image.layers[0].bytes));
    CHECK((client.get("/v2/team/app/blobs/" + image.config.digest).body == image.config.bytes));
    const std::uint64_t sent = registry.body_sent(image.layers[1].digest);
    // Once, but for what the last requests fetch twice.
    CHECK(sent >= image.layers[1].bytes.size());
    CHECK(sent < image.layers[1].bytes.size() * 3 / 2);
    CHECK((client.get(blob_of(image, 1)).body == image.layers[1].bytes));
    CHECK(registry.body_sent(image.layers[1].digest) == sent);
    CHECK(client.get("/v2/team/missing/manifests/1.0").status == 404);
    CHECK(client.get("/v2/team/app/blobs/sha256:" + std::string(64, '0')).status == 404);
  }
  CHECK(place.leftovers().empty());
}

TEST_CASE_METHOD(large_upstream, "many clients of one cold blob cause one fetch") {
  pulling_server server(registry, place);
  CHECK(http_client(server.port()).get("/v2/team/app/manifests/1.0").status == 200);
  std::vector<std::future<bool>> clients;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(
        std::async(std::launch::async, [&] { return http_client(server.port()).get(blob_of(image, 1)).body == image.layers[1].bytes; }));
  }
  for (auto& one : clients) CHECK(one.get());
  CHECK(registry.body_sent(image.layers[1].digest) < image.layers[1].bytes.size() * 3 / 2);
}

TEST_CASE_METHOD(large_upstream, "no client gets all bytes of a blob that is wrong") {
  // In the first half, which is given out before the end is known; always, so that the second fetch fails too.
  registry.inject(image.layers[1].digest, wrong_byte_at(100'000), 1, 0);
  pulling_server server(registry, place);
  CHECK(http_client(server.port()).get("/v2/team/app/manifests/1.0").status == 200);
  const http_reply cut = http_client(server.port()).get(blob_of(image, 1));
  CHECK_FALSE(cut.complete);
  registry.heal();
  // A client that comes while the second attempt still fails shares its fate; the next fetch is a new one.
  CHECK(soon([&] { return http_client(server.port()).get(blob_of(image, 1)).body == image.layers[1].bytes; }));
}

TEST_CASE_METHOD(large_upstream, "a small blob that is wrong or not there is refused before a byte of it goes out") {
  registry.inject(image.layers[0].digest, wrong_byte_at(100), 1, 0);
  registry.inject(image.config.digest, wrong_byte_at(10), 1, 0);
  pulling_server server(registry, place);
  http_client client(server.port());
  CHECK(client.get("/v2/team/app/manifests/1.0").status == 200);
  const std::string config = "/v2/team/app/blobs/" + image.config.digest;
  for (const std::string& path : {blob_of(image, 0), config}) {
    const http_reply refused = client.get(path);
    CHECK(refused.status == 502);
    CHECK(refused.complete);
    CHECK_THAT(refused.body, Catch::Contains("was damaged"));
  }
  registry.heal();
  CHECK(soon([&] { return client.get(config).body == image.config.bytes; }));
  CHECK(soon([&] { return client.get(blob_of(image, 0)).body == image.layers[0].bytes; }));

  // The size is known from the manifest; that there is no such blob turns out with the fetch.
  registry.drop_blob(image.layers[1].digest);
  CHECK(client.get(blob_of(image, 1)).status == 404);
}

TEST_CASE_METHOD(large_upstream, "the size of a blob is asked for once, however many want it") {
  registry.inject(image.layers[1].digest, late_by(500ms), 1, 1);
  pulling_server server(registry, place);
  // No manifest was asked for here, and so nothing has told how large the blob is.
  std::vector<std::future<bool>> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(
        std::async(std::launch::async, [&] { return http_client(server.port()).get(blob_of(image, 1)).body == image.layers[1].bytes; }));
    clients.push_back(std::async(std::launch::async, [&] {
      return http_client(server.port()).head(blob_of(image, 1)).header("Content-Length") == std::to_string(image.layers[1].bytes.size());
    }));
  }
  for (auto& one : clients) CHECK(one.get());
  std::size_t asked = 0;
  for (const recorded_request& one : registry.requests(image.layers[1].digest)) asked += one.header("Range") == "bytes=0-0" ? 1 : 0;
  CHECK(asked == 1);
}

TEST_CASE_METHOD(on_small_disk, "what a full store cannot keep is passed on to the clients, which is said once") {
  if (!usable()) return;
  pulling_server server(registry, place);
  http_client client(server.port());
  CHECK(client.get("/v2/team/app/manifests/1.0").body == image.manifest.bytes);
  for (int turn = 0; turn < 2; ++turn) {
    CHECK((client.get(blob_of(image, 1)).body == image.layers[1].bytes));
    CHECK(client.get(blob_of(image, 1), {{"Range", "bytes=5000000-5000099"}}).body == image.layers[1].bytes.substr(5'000'000, 100));
  }
  // Nothing fits there any more, not even a manifest.
  {
    std::ofstream rest(disk.path() / "rest", std::ios::binary);
    for (std::string filler(4096, 'x'); rest.write(filler.data(), 4096).flush();) continue;
  }
  const test_image second = other_image(9);
  registry.hold("team/app", "1.0", second);
  CHECK(client.get("/v2/team/app/manifests/1.0").body == second.manifest.bytes);
  CHECK((client.get(blob_of(second, 0)).body == second.layers[0].bytes));
  check_said_once(server, Catch::Contains("passed on and not kept") && Catch::Contains("no space"));
}

TEST_CASE_METHOD(on_small_disk, "what a store on a disk for reading cannot keep is passed on to the clients, which is said once") {
  if (!usable()) return;
  {
    pulling_server before(registry, place);
    CHECK((http_client(before.port()).get(blob_of(image, 0)).body == image.layers[0].bytes));
  }
  REQUIRE(disk.make_read_only());
  pulling_server server(registry, place);
  http_client client(server.port());
  for (int turn = 0; turn < 2; ++turn) {
    CHECK(client.get("/v2/team/app/manifests/1.0").body == image.manifest.bytes);
    CHECK((client.get("/v2/team/app/blobs/" + image.config.digest).body == image.config.bytes));
    CHECK((client.get(blob_of(image, 0)).body == image.layers[0].bytes));
    CHECK((client.get(blob_of(image, 1)).body == image.layers[1].bytes));
  }
  check_said_once(server, Catch::Contains("passed on and not kept"));
}

TEST_CASE_METHOD(on_small_disk, "what can be neither kept nor passed on is refused as the server's own trouble, and said once") {
  if (!usable()) return;
  {
    pulling_server before(registry, place);
    CHECK((http_client(before.port()).get(blob_of(image, 0)).body == image.layers[0].bytes));
  }
  REQUIRE(disk.make_read_only());
  const environment nowhere("TMPDIR", (disk.path() / "missing").string());
  pulling_server server(registry, place);
  http_client client(server.port());
  for (int turn = 0; turn < 3; ++turn) CHECK(client.get(blob_of(image, 1)).status == 503);
  const std::vector<std::string> said = server.stop();
  REQUIRE(said.size() == 2);
  CHECK_THAT(said.front(), Catch::Contains("passed on and not kept"));
  CHECK_THAT(said.back(), Catch::Contains("neither kept nor passed on") && Catch::Contains("missing"));
}

TEST_CASE_METHOD(large_upstream, "the fetch of a blob that nobody wants any more ends, and the next client goes on with what arrived") {
  place.settings.limit_rate = 1'500'000;
  pulling_server server(registry, place);
  http_client client(server.port());
  CHECK(client.get("/v2/team/app/manifests/1.0").status == 200);
  // Eight seconds of a layer, of which the client takes the beginning.
  CHECK(client.get(blob_of(image, 1), {{"Range", "bytes=0-999"}}).body == image.layers[1].bytes.substr(0, 1000));
  std::this_thread::sleep_for(10s);
  CHECK_FALSE(std::filesystem::exists(place.store() / "blobs/sha256" / image.layers[1].digest.substr(7)));
  registry.forget_requests();
  CHECK((client.get(blob_of(image, 1)).body == image.layers[1].bytes));
  for (const recorded_request& one : registry.requests(image.layers[1].digest)) {
    CHECK_FALSE(one.header("Range").empty());
    CHECK_FALSE(one.header("Range").starts_with("bytes=0-"));
  }
}

TEST_CASE("clients that take nothing of a blob while it arrives are cut, and neither its fetch nor another client waits for them") {
  fake_registry registry;
  image_recipe recipe;
  recipe.layers = {3000, 40'000'000};
  const test_image image = build_image(recipe);
  registry.hold("team/app", "1.0", image);
  puller place(registry);
  // It is on its way for some seconds.
  place.settings.limit_rate = 10'000'000;
  serve_limits limits = pulling_server::brief_limits();
  limits.stall = 1s;
  pulling_server server(registry, place, limits);
  CHECK(http_client(server.port()).get("/v2/team/app/manifests/1.0").status == 200);
  std::vector<socket_handle> lazy;
  for (int i = 0; i < 8; ++i) {
    lazy.push_back(connect_to_loopback(server.port()));
    CHECK(lazy.back().send("GET " + blob_of(image, 1) + " HTTP/1.1\r\nHost: h\r\n\r\n"));
  }
  CHECK((http_client(server.port()).get(blob_of(image, 1)).body == image.layers[1].bytes));
  const auto cut = [&] {
    std::vector<served_request> entries = server.log();
    std::erase_if(entries, [](const served_request& one) { return one.complete; });
    return entries;
  };
  CHECK(soon([&] { return cut().size() == lazy.size(); }));
  for (const served_request& one : cut()) {
    CHECK(one.target == blob_of(image, 1));
    // No more than the sockets hold.
    CHECK(one.bytes < image.layers[1].bytes.size() / 2);
  }
  CHECK(std::filesystem::exists(place.store() / "blobs/sha256" / image.layers[1].digest.substr(7)));
  CHECK(registry.body_sent(image.layers[1].digest) < image.layers[1].bytes.size() * 3 / 2);
  // Whoever was cut and comes again gets all of it.
  lazy.clear();
  CHECK((http_client(server.port()).get(blob_of(image, 1)).body == image.layers[1].bytes));
}
