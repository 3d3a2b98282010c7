// The store's operations through the public interface: list, clean, verify and its repair.
#include "faults/puller.hpp"

#include "support/catch.hpp"
#include "support/store_check.hpp"

#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <fstream>
#include <thread>
#include <variant>

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

TEST_CASE("the size of a name leaves out what another name brought", "[faults]") {
  fake_registry registry;
  image_recipe arm;
  arm.architecture = "arm64";
  arm.seed = 2;
  const test_index index = build_index(media_family::oci, {build_image({}), build_image(arm)});
  registry.hold("team/app", "1.0", index);
  puller pulls(registry);
  const auto size_of = [&](const std::string& tag) {
    engine one(pulls.settings);
    for (const stored_reference& name : one.async_list(list_options(), asio::use_future).get().references) {
      if (name.reference.tag() == tag) return name.size;
    }
    return std::uint64_t{0};
  };
  REQUIRE_FALSE(pulls.pull("team/app:1.0").ec);
  const std::uint64_t alone = size_of("1.0");
  CHECK(alone == index.index.bytes.size() + index.images[0].manifest.bytes.size() + index.images[0].blob_bytes());
  error_code ec;
  pull_options other;
  other.platforms = {platform::parse("linux/arm64", ec)};
  REQUIRE_FALSE(pulls.pull_with(other, "team/app@" + index.images[1].manifest.digest).ec);
  CHECK(size_of("1.0") == alone);
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

TEST_CASE("blobs that cannot be opened or set aside are told, and the rest is checked", "[faults]") {
  kept k;
  const fs::path looped = k.blob(k.image.layers[0]);
  fs::remove(looped);
  fs::create_symlink(looped, looped);
  k.damage(k.image.layers[1], k.same_size(k.image.layers[1]));
  spill(k.pulls.store() / "quarantine", "in the way");
  for (const bool repair : {false, true}) {
    const verify_result found = k.verify(repair);
    CHECK(found.blobs == 3);
    REQUIRE(found.damaged.size() == 2);
    for (const damaged_blob& one : found.damaged) {
      CHECK_FALSE(one.missing);
      CHECK(one.quarantined.empty());
      // What has another size than it should have can be replaced where it is.
      const bool replaced = repair && one.blob.digest.string() == k.image.layers[0].digest;
      CHECK(one.repaired == replaced);
      if (!replaced) CHECK_THAT(one.trouble, Catch::StartsWith("it could not be set aside: "));
      CHECK(one.references.size() == 1);
      CHECK(std::any_of(k.events.begin(), k.events.end(), [&one](const event& e) {
        const auto* said = std::get_if<warning>(&e);
        return said != nullptr && said->message.find(one.blob.digest.string()) != std::string::npos;
      }));
    }
  }
}

TEST_CASE("repair fetches what is damaged or missing, documents and what they lead to", "[faults]") {
  kept k;
  k.damage(k.image.manifest, k.same_size(k.image.manifest));
  k.damage(k.image.layers[1], "short");
  fs::remove(k.blob(k.image.config));
  const verify_result found = k.verify(true);
  // Nobody knew of the configuration while the manifest could not be read.
  REQUIRE(found.damaged.size() == 3);
  CHECK(std::is_sorted(found.damaged.begin(), found.damaged.end(),
                       [](const damaged_blob& a, const damaged_blob& b) { return a.blob.digest < b.blob.digest; }));
  for (const damaged_blob& one : found.damaged) {
    CHECK(one.repaired);
    CHECK(one.missing == (one.blob.digest.string() == k.image.config.digest));
    REQUIRE(one.references.size() == 1);
    CHECK(one.references[0].string() == k.registry.host() + "/team/app:1.0");
  }
  // What is fetched is planned as well, so that nobody is told of 100 % while it is on its way.
  std::uint64_t planned = 0;
  std::uint64_t done = 0;
  unsigned looked_at_manifests = 0;
  for (const event& one : k.events) {
    if (const auto* const plan = std::get_if<transfer_planned>(&one)) planned = plan->bytes;
    if (const auto* const finished = std::get_if<blob_finished>(&one)) {
      done += finished->role == blob_role::manifest ? 0 : finished->size;
      CHECK(done <= planned);
      // The manifest was looked at and then fetched, the configuration only fetched.
      if (finished->role == blob_role::manifest) looked_at_manifests += finished->reused ? 1 : 0;
      if (finished->role == blob_role::config) CHECK_FALSE(finished->reused);
    }
  }
  CHECK(done == planned);
  CHECK(looked_at_manifests == 1);
  CHECK(planned > k.image.blob_bytes());
  CHECK(store_problems(k.pulls.store()) == "");
  CHECK(k.verify().damaged.empty());
  CHECK(k.list().references.front().complete);
}

TEST_CASE("a record that cannot be read is told, and repaired where the name has not moved", "[faults]") {
  kept k;
  fs::path record;
  for (const fs::directory_entry& one : fs::recursive_directory_iterator(k.pulls.store() / "refs")) {
    if (one.is_regular_file()) record = one.path();
  }
  spill(record, "{");
  CHECK(k.list().references.empty());
  const auto repaired = [&k](const verify_result& found) {
    REQUIRE(found.damaged.size() == 1);
    const damaged_blob& one = found.damaged.front();
    CHECK_FALSE(one.blob.digest);
    REQUIRE(one.references.size() == 1);
    CHECK(one.references[0].string() == k.registry.host() + "/team/app:1.0");
    CHECK(one.trouble.empty() == one.repaired);
    return one.repaired;
  };
  CHECK_FALSE(repaired(k.verify()));
  CHECK(repaired(k.verify(true)));
  CHECK(k.verify().damaged.empty());
  REQUIRE(k.list().references.size() == 1);
  CHECK(k.list().references.front().complete);
  CHECK(store_problems(k.pulls.store()) == "");

  // What it means now is another image.
  spill(record, "");
  image_recipe recipe;
  recipe.seed = 99;
  k.registry.hold("team/app", "1.0", build_image(recipe));
  CHECK_FALSE(repaired(k.verify(true)));
  CHECK(k.clean().blobs.empty());
  CHECK(fs::exists(k.blob(k.image.layers[0])));
  REQUIRE_FALSE(k.pulls.pull().ec);
  CHECK(k.verify().damaged.empty());
  CHECK(k.list().references.size() == 1);
}

TEST_CASE("what a fetched manifest shows to be missing is told, repaired or not", "[faults]") {
  kept k;
  fs::remove(k.blob(k.image.manifest));
  fs::remove(k.blob(k.image.layers[0]));
  fs::remove(k.blob(k.image.layers[1]));
  CHECK(k.verify().damaged.size() == 1);
  k.registry.drop_blob(k.image.layers[0].digest);
  const verify_result found = k.verify(true);
  REQUIRE(found.damaged.size() == 3);
  for (const damaged_blob& one : found.damaged) {
    const bool lost = one.blob.digest.string() == k.image.layers[0].digest;
    CHECK(one.missing);
    CHECK(one.blob.size != 0);
    if (one.blob.digest.string() == k.image.manifest.digest) CHECK(one.repaired);
    if (lost) CHECK_FALSE(one.repaired);
    CHECK(one.trouble.empty() == one.repaired);
  }
}

TEST_CASE("a damaged index inside an index is remembered until it is repaired", "[faults]") {
  const std::string type = "application/vnd.oci.image.index.v1+json";
  const auto around = [&type](const test_blob& child) {
    return test_blob::of(type, R"({"schemaVersion":2,"mediaType":")" + type + R"(","manifests":[{)" + child.descriptor_members() + "}]}");
  };
  kept k;
  const test_index innermost = build_index(media_family::oci, {k.image});
  const test_blob inner = around(innermost.index);
  const test_blob outer = around(inner);
  k.registry.hold("team/app", innermost.index.digest, innermost);
  k.registry.hold_manifest("team/app", inner.digest, inner);
  k.registry.hold_manifest("team/app", "nested", outer);
  REQUIRE_FALSE(k.pulls.pull("team/app:nested").ec);
  const auto nested_is_complete = [&k] {
    for (const stored_reference& one : k.list().references) {
      if (one.reference.tag() == "nested") return one.complete;
    }
    return false;
  };
  CHECK(nested_is_complete());
  k.damage(innermost.index, k.same_size(innermost.index));
  // Found by the first, which takes it away; missing to the second.
  for (const bool missing : {false, true}) {
    const verify_result found = k.verify();
    REQUIRE(found.damaged.size() == 1);
    CHECK(found.damaged[0].missing == missing);
    REQUIRE(found.damaged[0].references.size() == 1);
    CHECK(found.damaged[0].references[0].tag() == "nested");
    CHECK_FALSE(nested_is_complete());
  }
  // The lower one shows only once the upper one is back.
  fs::remove(k.blob(inner));
  const verify_result mended = k.verify(true);
  REQUIRE_FALSE(mended.damaged.empty());
  for (const damaged_blob& one : mended.damaged) CHECK(one.repaired);
  CHECK(fs::exists(k.blob(inner)));
  CHECK(fs::exists(k.blob(innermost.index)));
  CHECK(nested_is_complete());
  CHECK(k.verify().damaged.empty());
  CHECK(store_problems(k.pulls.store()) == "");
}

TEST_CASE("a lost index inside an index is damage although nothing is behind it that no other names", "[faults]") {
  const std::string type = "application/vnd.oci.image.index.v1+json";
  const auto index_of = [&type](const std::string& entries) {
    return test_blob::of(type, R"({"schemaVersion":2,"mediaType":")" + type + R"(","manifests":[)" + entries + "]}");
  };
  kept k;
  const bool empty = GENERATE(false, true);
  const test_index whole = build_index(media_family::oci, {k.image});
  const std::string manifest = whole.index.bytes.substr(whole.index.bytes.find("[{") + 1);
  const std::string entry = manifest.substr(0, manifest.rfind("]"));
  const test_blob inner = empty ? index_of("") : index_of(entry);
  const test_blob outer = index_of(entry + ",{" + inner.descriptor_members() + "}");
  k.registry.hold_manifest("team/app", inner.digest, inner);
  k.registry.hold_manifest("team/app", "nested", outer);
  REQUIRE_FALSE(k.pulls.pull("team/app:nested").ec);
  REQUIRE(k.verify().damaged.empty());
  fs::remove(k.blob(inner));
  const verify_result found = k.verify();
  REQUIRE(found.damaged.size() == 1);
  CHECK(found.damaged[0].missing);
  CHECK(found.damaged[0].blob.digest.string() == inner.digest);
  REQUIRE(found.damaged[0].references.size() == 1);
  CHECK(found.damaged[0].references[0].tag() == "nested");
  const verify_result mended = k.verify(true);
  REQUIRE(mended.damaged.size() == 1);
  CHECK(mended.damaged[0].repaired);
  CHECK(slurp(k.blob(inner)) == inner.bytes);
  CHECK(k.verify().damaged.empty());
  CHECK(store_problems(k.pulls.store()) == "");
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

TEST_CASE("a list of what the receiver has is read before the registry is asked", "[faults]") {
  kept k;
  k.registry.forget_requests();
  spill(k.pulls.directory() / "have", "no digest\n");
  pull_options options;
  options.output = archive_file{k.pulls.archive()};
  options.have = {k.pulls.directory() / "have"};
  CHECK(k.pulls.pull_with(options).ec == make_error_code(errc::malformed_document));
  CHECK(k.registry.count() == 0);
}

TEST_CASE("a clean-up beside a running pull takes nothing from it", "[faults]") {
  kept k;
  clean_options everything;
  everything.all = true;
  // The pull of an image whose blobs are there already, without a name, is held up by its manifest.
  const auto before = k.clean(everything);
  CHECK(before.references.size() == 1);
  CHECK(stored_bytes(k.pulls.store()) == 0);
  // The pull lasts until the clean-up has ended.
  k.registry.inject(k.image.layers[1].digest, stall_after(1'000'000), 1, 1000);
  std::atomic<bool> cleaned = false;
  std::thread cleaner;
  const pull_report report = k.pulls.pull("team/app:1.0", [&](const event& e) {
    const auto* done = std::get_if<blob_finished>(&e);
    if (done == nullptr || done->digest.string() != k.image.layers[0].digest || cleaner.joinable()) return;
    cleaner = std::thread([&] {
      k.clean(everything);
      cleaned = true;
      k.registry.heal();
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
