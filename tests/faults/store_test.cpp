// The store's operations through the public interface: list, clean, verify and its repair.
#include "faults/puller.hpp"

#include "support/catch.hpp"
#include "support/store_check.hpp"

#include <boost/asio/use_future.hpp>

#include <atomic>
#include <fstream>
#include <thread>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;
namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace {

struct kept {
  kept() {
    registry.hold("team/app", "1.0", image);
    REQUIRE_FALSE(pulls.pull().ec);
  }

  fs::path blob(const test_blob& of) const { return pulls.store() / "blobs/sha256" / of.digest.substr(7); }
  void damage(const test_blob& of, std::string bytes) const {
    fs::permissions(blob(of), fs::perms(0644));
    spill(blob(of), bytes);
  }
  verify_result verify(bool repair = false) {
    engine one(pulls.settings);
    verify_options options;
    options.repair = repair;
    options.on_event = [this](const event& e) { events.push_back(e); };
    return one.async_verify(std::move(options), asio::use_future).get();
  }
  list_result list() {
    engine one(pulls.settings);
    return one.async_list(list_options(), asio::use_future).get();
  }
  clean_result clean(clean_options options = {}) {
    engine one(pulls.settings);
    return one.async_clean(std::move(options), asio::use_future).get();
  }
  std::string same_size(const test_blob& of) const { return std::string(of.bytes.size(), 'x'); }

  fake_registry registry;
  test_image image = app_image();
  puller pulls{registry};
  std::vector<event> events;
};

}  // namespace

TEST_CASE("a pulled image is listed with all that it consists of", "[faults]") {
  kept k;
  const list_result all = k.list();
  CHECK(all.usage.exists);
  CHECK(all.usage.blobs == 4);
  CHECK(all.usage.bytes == k.image.blob_bytes() + k.image.manifest.bytes.size());
  REQUIRE(all.references.size() == 1);
  const stored_reference& one = all.references.front();
  CHECK(one.reference.string() == k.registry.host() + "/team/app:1.0");
  CHECK(one.complete);
  CHECK(one.size == all.usage.bytes);
  CHECK(one.top.digest.string() == k.image.manifest.digest);
  REQUIRE(one.manifests.size() == 1);
  CHECK(to_string(one.manifests[0].image_platform) == "linux/amd64");
  CHECK(one.manifests[0].config.digest.string() == k.image.config.digest);
  REQUIRE(one.manifests[0].blobs.size() == 3);
  CHECK(one.manifests[0].blobs[0].config);
  CHECK(one.manifests[0].blobs[2].compressed);
  CHECK(one.manifests[0].blobs[2].path == k.blob(k.image.layers[1]));
  fs::remove(k.blob(k.image.layers[1]));
  CHECK_FALSE(k.list().references.front().complete);
}

TEST_CASE("nobody makes a store by asking what is in it", "[faults]") {
  fake_registry registry;
  puller pulls(registry);
  engine one(pulls.settings);
  CHECK_FALSE(one.async_list(list_options(), asio::use_future).get().usage.exists);
  CHECK(one.async_clean(clean_options(), asio::use_future).get().freed == 0);
  CHECK(one.async_verify(verify_options(), asio::use_future).get().blobs == 0);
  CHECK_FALSE(fs::exists(pulls.store()));
}

TEST_CASE("a sound store is found sound", "[faults]") {
  kept k;
  const verify_result found = k.verify();
  CHECK(found.blobs == 4);
  CHECK(found.references == 1);
  CHECK(found.bytes == k.image.blob_bytes() + k.image.manifest.bytes.size());
  CHECK(found.damaged.empty());
  CHECK(store_problems(k.pulls.store()) == "");
}

TEST_CASE("damaged and missing blobs are told with the names that need them, and are not served again", "[faults]") {
  kept k;
  k.damage(k.image.layers[1], k.same_size(k.image.layers[1]));
  fs::remove(k.blob(k.image.layers[0]));
  const verify_result found = k.verify();
  REQUIRE(found.damaged.size() == 2);
  for (const damaged_blob& one : found.damaged) {
    CHECK(one.missing == (one.blob.digest.string() == k.image.layers[0].digest));
    REQUIRE(one.references.size() == 1);
    CHECK(one.references[0].string() == k.registry.host() + "/team/app:1.0");
    CHECK_FALSE(one.repaired);
    CHECK(one.missing == one.quarantined.empty());
    if (!one.missing) CHECK(slurp(one.quarantined) == k.same_size(k.image.layers[1]));
  }
  CHECK_FALSE(fs::exists(k.blob(k.image.layers[1])));
  // The next pull brings back what it needs.
  k.registry.forget_requests();
  CHECK_FALSE(k.pulls.pull().ec);
  CHECK(k.registry.body_sent("/blobs/") == k.image.layers[0].bytes.size() + k.image.layers[1].bytes.size());
  CHECK(k.verify().damaged.empty());
  CHECK(store_problems(k.pulls.store()) == "");
}

TEST_CASE("repair fetches what is damaged or missing, documents and what they lead to", "[faults]") {
  kept k;
  k.damage(k.image.manifest, k.same_size(k.image.manifest));
  k.damage(k.image.layers[1], "short");
  fs::remove(k.blob(k.image.config));
  const verify_result found = k.verify(true);
  CHECK(found.damaged.size() == 2);  // nobody knew of the configuration while the manifest could not be read
  for (const damaged_blob& one : found.damaged) CHECK(one.repaired);
  CHECK(store_problems(k.pulls.store()) == "");
  CHECK(k.verify().damaged.empty());
  CHECK(k.list().references.front().complete);
}

TEST_CASE("a reference that cannot be repaired does not keep others from it", "[faults]") {
  kept k;
  image_recipe recipe;
  recipe.seed = 7;
  recipe.layers = {4000, 5000};
  const test_image other = build_image(recipe);
  k.registry.hold("team/other", "1.0", other);
  REQUIRE_FALSE(k.pulls.pull("team/other:1.0").ec);
  k.damage(k.image.layers[0], "x");
  k.damage(other.layers[0], "y");
  k.registry.drop_blob(k.image.layers[0].digest);
  const verify_result found = k.verify(true);
  REQUIRE(found.damaged.size() == 2);
  for (const damaged_blob& one : found.damaged) {
    const bool lost = one.blob.digest.string() == k.image.layers[0].digest;
    CHECK(one.repaired == !lost);
    CHECK(one.trouble.empty() == !lost);
  }
  CHECK(fs::exists(k.blob(other.layers[0])));
}

TEST_CASE("a clean-up beside a running pull takes nothing from it", "[faults]") {
  kept k;
  clean_options everything;
  everything.all = true;
  // The pull of an image whose blobs are there already, without a name, is held up by its manifest.
  const auto before = k.clean(everything);
  CHECK(before.references.size() == 1);
  CHECK(stored_bytes(k.pulls.store()) == 0);
  k.registry.inject(k.image.layers[1].digest, stall_after(1'000'000), 1, 1);
  std::atomic<bool> cleaned = false;
  std::thread cleaner;
  const pull_report report = k.pulls.pull("team/app:1.0", [&](const event& e) {
    const auto* done = std::get_if<blob_finished>(&e);
    if (done == nullptr || done->digest.string() != k.image.layers[0].digest || cleaner.joinable()) return;
    cleaner = std::thread([&] {
      k.clean(everything);
      cleaned = true;
    });
  });
  REQUIRE(cleaner.joinable());
  cleaner.join();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(cleaned);
  CHECK(store_problems(k.pulls.store()) == "");
  CHECK(k.list().references.size() == 1);
}

TEST_CASE("an engine that goes while it verifies or cleans up stops in time and leaves no lock", "[faults]") {
  kept k;
  for (int i = 0; i < 5; ++i) {
    std::future<verify_result> checking;
    std::future<clean_result> cleaning;
    {
      engine one(k.pulls.settings);
      checking = one.async_verify(verify_options(), asio::use_future);
      cleaning = one.async_clean(clean_options(), asio::use_future);
    }
    try {
      checking.get();
      cleaning.get();
    } catch (const boost::system::system_error& e) {
      CHECK(e.code() == make_error_condition(condition::cancelled));
    }
    CHECK(store_problems(k.pulls.store()) == "");
  }
}
