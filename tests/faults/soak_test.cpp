#include "faults/puller.hpp"
#include "faults/tally.hpp"

#include "support/catch.hpp"
#include "support/fault.hpp"
#include "support/relay.hpp"
#include "support/sanitizer.hpp"
#include "support/store_check.hpp"

#include <gantry/engine.hpp>

#include <boost/asio/use_future.hpp>

#include <malloc.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <string>

namespace gantry::test {
namespace {

namespace fs = std::filesystem;

/// A line of /proc/self/status, e.g. `Threads` or `VmRSS`, without its unit.
std::uint64_t status_of(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name + ":")) return std::stoull(line.substr(name.size() + 1));
  }
  return 0;
}

std::size_t open_descriptors() {
  const fs::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

struct usage {
  std::size_t descriptors = open_descriptors();
  std::uint64_t threads = status_of("Threads");
  std::uint64_t resident_kib = status_of("VmRSS");
  /// Given out by malloc and not returned yet, in all its arenas. What is resident besides are pages that malloc keeps.
  std::uint64_t allocated_kib = allocated() / 1024;

 private:
  static std::size_t allocated() {
    const struct mallinfo2 all = ::mallinfo2();
    return all.uordblks + all.hblkhd;
  }
};

/// The server's threads and sockets are in this process, too: they get a moment to go.
usage settled(const usage& before) {
  usage now;
  for (int i = 0; i < 600 && (now.descriptors > before.descriptors || now.threads > before.threads); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    now = {};
  }
  return now;
}

std::vector<test_image> mixed_images() {
  std::vector<test_image> images;
  for (const std::vector<std::size_t>& layers :
       {std::vector<std::size_t>{500}, {3000, 70'000}, {20'000, 20'000, 20'000}, {400'000}, {1'200'000, 100}}) {
    image_recipe recipe;
    recipe.layers = layers;
    recipe.seed = static_cast<std::uint32_t>(images.size() + 1);
    recipe.family = images.size() % 2 == 0 ? media_family::oci : media_family::docker;
    images.push_back(build_image(recipe));
  }
  return images;
}

/// Every other connection or so meets trouble: with one that is kept as long as it can be, a pull would meet little else.
bad_line lossy() {
  bad_line line;
  line.seed = 11;
  line.cut = 120;
  line.reset = 120;
  line.stall = 60;
  line.crawl = 100;
  line.within = 600'000;
  line.delay = std::chrono::milliseconds(3);
  return line;
}

/// So that the next pull fetches everything: a store without its blobs, nor what leads to them.
void clear(const fs::path& store) {
  fs::remove(store / "index.json");
  for (const char* below : {"blobs", "refs"}) {
    if (!fs::exists(store / below)) continue;
    for (const fs::directory_entry& one : fs::recursive_directory_iterator(store / below)) {
      if (one.is_regular_file()) fs::remove(one.path());
    }
  }
}

}  // namespace

TEST_CASE("many pulls over a bad line leave no memory, descriptor or thread behind", "[faults]") {
  const char* wanted = std::getenv("GANTRY_FAULTS");
  const char* number = std::getenv("GANTRY_SOAK_PULLS");
  const int pulls = number != nullptr ? std::atoi(number) : wanted != nullptr && std::string(wanted) == "full" ? 2000 : 60;
  const int warm_up = pulls / 4;
  fake_registry registry;
  const std::vector<test_image> images = mixed_images();
  for (std::size_t i = 0; i < images.size(); ++i) registry.hold("team/app" + std::to_string(i), "1", images[i]);
  relay line(registry.port());
  line.worsen(lossy());
  const std::string host = "127.0.0.1:" + std::to_string(line.port());
  puller place(host);
  place.settings.jobs = 4;
  place.settings.timeouts.idle = std::chrono::milliseconds(250);
  const usage empty;
  usage roomy = empty;
  roomy.descriptors += 64;
  roomy.threads += 64;
  usage warm;
  int failed = 0;
  unsigned injected = 0;
  unsigned endured = 0;
  std::string wrong;
  {
    engine one(place.settings);
    std::mt19937 random(7);
    for (int round = 0; round < pulls; ++round) {
      const std::size_t which = random() % images.size();
      const test_image& image = images[which];
      const test_blob& layer = image.layers[random() % image.layers.size()];
      const auto first = static_cast<unsigned>(1 + random() % 2);
      registry.heal();
      registry.forget_requests();
      const unsigned before = registry.faults_met() + line.troubled();
      switch (random() % 6) {
        case 0:
          registry.inject(layer.digest, truncate_after(random() % (layer.bytes.size() + 1)), first);
          break;
        case 1:
          registry.inject(layer.digest, reset_after(random() % (layer.bytes.size() + 1)), first);
          break;
        case 2:
          registry.inject("/manifests/", answer_with(503), first);
          break;
        case 3:
          registry.inject("/blobs/", answer_with(500), first, 2);
          break;
        case 4:
          registry.drop_blob(layer.digest);
          break;
        default:
          break;
      }
      pull_options options;
      options.output = archive_file{place.archive()};
      error_code ec;
      options.platforms = {platform::parse("linux/amd64", ec)};
      auto done = one.async_pull(reference::parse(host + "/team/app" + std::to_string(which) + ":1", ec), std::move(options),
                                 boost::asio::use_future);
      bool well = true;
      try {
        done.get();
      } catch (const boost::system::system_error&) {
        well = false;
        ++failed;
      }
      const unsigned met = registry.faults_met() + line.troubled() - before;
      injected += met;
      endured += well ? met : 0;
      wrong += store_problems(place.store(), failed > 0);
      clear(place.store());
      if (round == warm_up) warm = settled(roomy);
    }
    const usage last = settled(warm);
    std::cerr << pulls << " pulls, " << failed << " of them failed, " << injected << " faults, " << line.troubled() << " of them of "
              << line.connections() << " connections; descriptors " << warm.descriptors << " -> " << last.descriptors << ", threads "
              << warm.threads << " -> " << last.threads << ", resident KiB " << warm.resident_kib << " -> " << last.resident_kib
              << ", allocated KiB " << warm.allocated_kib << " -> " << last.allocated_kib << "\n";
    // Kept connections come and go, with both ends in this process; one that is lost with each pull would be many.
    CHECK(last.descriptors <= warm.descriptors + 16);
    CHECK(last.threads <= warm.threads + 16);
    if (!keeps_freed_memory()) {
      CHECK(last.resident_kib < warm.resident_kib + 16'384);
      // A kilobyte that is lost with each of 2,000 pulls would be seen.
      CHECK(last.allocated_kib < warm.allocated_kib + 1024);
    }
  }
  CHECK(wrong == "");
  CHECK(line.troubled() > static_cast<unsigned>(pulls) / 4);
  CHECK(failed < pulls / 2);
  tally(injected, endured, static_cast<unsigned>(pulls));
  const usage after = settled(empty);
  CHECK(after.descriptors <= empty.descriptors + 2);
  CHECK(after.threads <= empty.threads);
}

}  // namespace gantry::test
