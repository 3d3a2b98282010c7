// Clean-ups beside a server with an upstream, and what it leaves for them.
#include "faults/pulling_server.hpp"
#include "store/content_store.hpp"
#include "support/catch.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <future>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;

namespace {

/// What another process that wants everything gone takes.
clean_result clean_all(const puller& place) {
  clean_options everything;
  everything.all = true;
  return clean(place, std::move(everything));
}

}  // namespace

TEST_CASE_METHOD(large_upstream, "a clean-up beside pull-through takes nothing of the image that is being fetched") {
  place.settings.timeouts.idle = 3s;
  // The first request for the large layer stops until it is given up; by then everything was cleaned up.
  registry.inject(image.layers[1].digest, stall_after(1000), 1, 1);
  pulling_server server(registry, place);
  http_client client(server.port());
  CHECK(client.get("/v2/team/app/manifests/1.0").status == 200);
  CHECK((client.get(blob_of(image, 0)).body == image.layers[0].bytes));
  CHECK((client.get("/v2/team/app/blobs/" + image.config.digest).body == image.config.bytes));
  auto large =
      std::async(std::launch::async, [&] { return http_client(server.port()).get(blob_of(image, 1)).body == image.layers[1].bytes; });
  while (registry.requests(image.layers[1].digest).empty()) std::this_thread::sleep_for(5ms);

  const clean_result gone = clean_all(place);
  CHECK(gone.blobs.empty());
  CHECK(gone.partial == 0);
  CHECK(large.get());
  CHECK(soon_recorded(client));
  // The leases end a moment after the name is there.
  CHECK(soon([&] { return place.leftovers().empty(); }));
}

TEST_CASE_METHOD(large_upstream, "a clean-up between two requests of a client takes nothing of what it fetches, and all of it afterwards") {
  {
    pulling_server server(registry, place);
    http_client client(server.port());
    CHECK(client.get("/v2/team/app/manifests/1.0").status == 200);
    CHECK(clean_all(place).blobs.empty());
    CHECK((client.get(blob_of(image, 1)).body == image.layers[1].bytes));
    CHECK(clean_all(place).blobs.empty());
    CHECK((client.get(blob_of(image, 0)).body == image.layers[0].bytes));
    CHECK((client.get("/v2/team/app/blobs/" + image.config.digest).body == image.config.bytes));
    CHECK(soon_recorded(client));
    CHECK(gets(registry, "/manifests/1.0") == 1);
  }
  // What has its name is anybody's to remove, and nothing is kept by a server that is gone.
  CHECK(clean_all(place).blobs.size() == image.layers.size() + 2);
  CHECK(place.leftovers() == "");
}

TEST_CASE("what a client asks for counts as pulled, and what others fetch meanwhile does not") {
  fake_registry registry;
  std::vector<test_image> platforms;
  for (const char* architecture : {"amd64", "arm64"}) {
    image_recipe recipe;
    recipe.architecture = architecture;
    recipe.seed = architecture[1];
    platforms.push_back(build_image(recipe));
  }
  const test_index both = build_index(media_family::oci, platforms);
  const test_image other = large_image();
  registry.hold("team/app", "1.0", both);
  registry.hold("team/other", "1.0", other);
  const puller place(registry);
  const auto long_ago = std::filesystem::file_time_type::clock::now() - std::chrono::hours(1000);
  // A name is recorded with the first blob, and again when it is complete.
  const auto recorded = [&](const std::string& name, const test_image& image) {
    return soon([&] {
      const std::filesystem::path record = record_of(place, name, "1.0");
      return !record.empty() && slurp(record).find("\"manifests\":[{") != std::string::npos &&
             slurp(record).find(image.manifest.digest) != std::string::npos;
    });
  };
  const auto used = [&] {
    return std::filesystem::last_write_time(record_of(place, "team/app", "1.0")) > long_ago + std::chrono::hours(500);
  };
  {
    pulling_server server(registry, place);
    http_client client(server.port());
    CHECK(client.get("/v2/team/app/manifests/1.0").status == 200);
    pull_all(client, "team/app", both.images[0].manifest.digest, both.images[0]);
    REQUIRE(recorded("team/app", both.images[0]));
    // One platform is not held, so that this name may always become more complete.
    std::filesystem::last_write_time(record_of(place, "team/app", "1.0"), long_ago);
    pull_all(client, "team/other", "1.0", other);
    REQUIRE(recorded("team/other", other));
    CHECK_FALSE(used());
  }
  pulling_server server(registry, place);
  http_client client(server.port());
  CHECK(client.get("/v2/team/app/manifests/1.0").status == 200);
  CHECK(used());
  // What this server did not fetch itself becomes complete too.
  const auto manifests = [&] { return std::filesystem::file_size(record_of(place, "team/app", "1.0")); };
  const auto before = manifests();
  pull_all(client, "team/app", both.images[1].manifest.digest, both.images[1]);
  CHECK(soon([&] { return manifests() > before; }));
}

TEST_CASE("what has no name yet is kept from clean-ups until the end of the server has given it one") {
  fake_registry registry;
  const test_image image = large_image();
  registry.hold("team/app", "1.0", image);
  const puller place(registry);
  std::filesystem::create_directories(place.store());
  store::store_options where;
  where.root = place.store();
  const auto store = store::content_store::open(where);
  REQUIRE(store);
  // While somebody else writes the index, nothing gets its name.
  auto writes = (*store)->try_lock_index();
  REQUIRE((writes && *writes));
  pulling_server server(registry, place);
  {
    http_client client(server.port());
    pull_all(client, "team/app", "1.0", image);
  }
  server.ask_to_stop();
  // One that keeps everything takes the place of those that say what they keep, while the server waits for the index.
  CHECK(soon([&] {
    std::size_t leases = 0;
    std::size_t of_everything = 0;
    for (const auto& one : std::filesystem::directory_iterator(place.store() / "leases")) {
      std::error_code gone;
      ++leases;
      if (std::filesystem::file_size(one.path(), gone) == 0) ++of_everything;
    }
    return leases == 1 && of_everything == 1;
  }));
  CHECK(record_of(place, "team/app", "1.0").empty());
  writes->reset();
  const std::vector<std::string> said = server.stop();
  CHECK(said.empty());
  CHECK_FALSE(record_of(place, "team/app", "1.0").empty());
  CHECK(std::filesystem::is_empty(place.store() / "leases"));
}
