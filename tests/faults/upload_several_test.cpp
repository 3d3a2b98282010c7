// Uploads to several registries at once, fed by one read.
#include "faults/uploaded.hpp"

#include "support/catch.hpp"
#include "support/layer_builder.hpp"
#include "support/scripted_server.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <variant>
#include <vector>

using namespace gantry;
using namespace gantry::test;
using kind = gantry::test::upload_fault::kind;

namespace {

/// One source, two registries to copy to at once.
struct fanned : uploaded {
  fanned() {
    settings.jobs = 16;
    settings.plain_http.insert(second.host());
  }
  error_code copy_to_both() {
    options.on_event = [this](const event& what) {
      if (const auto* const again = std::get_if<retry_scheduled>(&what)) troubles += again->message + "\n";
    };
    return copy(source.host() + "/team/app:1.0", {target.host() + "/copied/app:1.0", second.host() + "/copied/app:1.0"});
  }
  std::size_t reads(const test_blob& blob) const { return source.count("/blobs/" + blob.digest); }
  bool both_complete() const { return complete(target) && complete(second); }

  upload_registry second;
  std::string troubles;
};

}  // namespace

TEST_CASE("what is copied to several names is told by these, what goes to one by its source", "[faults]") {
  uploaded u;
  std::vector<std::string> told;
  u.options.on_event = [&](const event& what) {
    if (const auto* const resolved = std::get_if<image_resolved>(&what)) told.push_back(resolved->reference.string());
  };
  const std::string from = u.source.host() + "/team/app:1.0";
  const std::vector<std::string> to{u.target.host() + "/copied/app:1.0", u.target.host() + "/copied/app:2.0"};
  for (const char* const time : {"first", "again"}) {
    INFO(time);
    told.clear();
    REQUIRE_FALSE(u.copy(from, to));
    std::sort(told.begin(), told.end());
    CHECK(told == to);
  }
  told.clear();
  REQUIRE_FALSE(u.copy(from, to.front()));
  CHECK(told == std::vector<std::string>(1, from));
}

TEST_CASE("a registry that takes no uploads is said to be read-only, perhaps", "[faults]") {
  uploaded u;
  const bool manifest = GENERATE(false, true);
  u.target.fail(manifest ? "PUT manifest" : "POST session", {kind::answer, 405, {}, 0}, 1, 0);
  CHECK(u.copy() == make_error_code(errc::unexpected_status));
  CHECK(u.text.message().find("405 Method Not Allowed: it takes no uploads; read-only?") != std::string::npos);
}

TEST_CASE("one read feeds several registries", "[faults]") {
  fanned f;
  CHECK_FALSE(f.copy_to_both());
  INFO(f.text.message());
  CHECK(f.both_complete());
  for (const test_blob& layer : f.image.layers) CHECK(f.reads(layer) == 1);
  CHECK(f.result.blobs_uploaded == 6);
}

TEST_CASE("blobs that are read for several registries at once do not hold each other up", "[faults]") {
  fanned f;
  upload_registry third;
  f.settings.plain_http.insert(third.host());
  f.settings.jobs = 8;
  f.settings.max_per_host = GENERATE(0u, 4u);
  CAPTURE(f.settings.max_per_host);
  // Each is more than the buffers hold between the fastest and the slowest.
  image_recipe recipe;
  recipe.layers.assign(8, 3'000'000);
  f.image = build_image(recipe);
  f.source.hold("team/app", "1.0", f.image);
  std::vector<std::string> targets;
  for (const upload_registry* const one : {&f.target, &f.second, &third}) targets.push_back(one->host() + "/copied/app:1.0");
  CHECK_FALSE(f.copy(f.source.host() + "/team/app:1.0", targets));
  INFO(f.text.message());
  for (const upload_registry* const one : {&f.target, &f.second, &third}) CHECK(f.complete(*one));
  // Who is left behind by others reads for itself.
  for (const test_blob& layer : f.image.layers) CHECK(f.reads(layer) == 1);
}

TEST_CASE("copies of several tags to several registries that share a layer do not wait for each other", "[faults]") {
  fanned f;
  upload_registry shelf;
  f.settings.plain_http.insert(shelf.host());
  const layer_bytes shared = random_layer(20'000, 9);
  for (std::uint32_t tag = 1; tag <= 6; ++tag) {
    image_recipe recipe;
    recipe.seed = tag;
    std::vector<layer_bytes> layers{shared};
    shelf.hold("team/app", std::to_string(tag), build_image(recipe, std::move(layers)));
  }
  // Where two that hold what the other waits for met, half a minute went by.
  f.options.all_tags = true;
  for (const std::string round : {"a", "b", "c", "d", "e", "f"}) {
    const auto begun = std::chrono::steady_clock::now();
    CHECK_FALSE(f.copy(shelf.host() + "/team/app", {f.target.host() + "/copied/" + round, f.second.host() + "/copied/" + round}));
    INFO(f.text.message());
    CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(25));
    CHECK(f.second.has_tag("copied/" + round, "6"));
  }
}

TEST_CASE("a registry that has a blob is not waited for", "[faults]") {
  fanned f;
  f.second.hold("copied/app", "other", f.image);
  CHECK_FALSE(f.copy_to_both());
  INFO(f.text.message());
  CHECK(f.both_complete());
  for (const test_blob& layer : f.image.layers) CHECK(f.reads(layer) == 1);
  CHECK(f.result.blobs_uploaded == 3);
}

TEST_CASE("a registry that takes nothing for a while is left behind and finishes all the same", "[faults]") {
  fanned f;
  f.settings.timeouts.idle = std::chrono::minutes(2);
  f.settings.timeouts.header = std::chrono::minutes(2);
  // More than the system's buffers hold, and more than the others wait.
  image_recipe recipe;
  recipe.layers = {300, 24'000'000};
  f.image = build_image(recipe);
  f.source.hold("team/app", "1.0", f.image);
  f.target.fail("PATCH blob", {kind::pause, 0, {}, 100'000, std::chrono::seconds(8)}, 1, 0);
  CHECK_FALSE(f.copy_to_both());
  INFO(f.text.message() << f.troubles);
  CHECK(f.both_complete());
  CHECK(f.troubles.empty());
  CHECK(f.reads(f.image.layers.front()) == 1);
  CHECK(f.reads(f.image.layers.back()) == 2);
}

TEST_CASE("a registry that fails does not take the others along", "[faults]") {
  fanned f;
  f.target.fail("PUT blob", {kind::answer, 403, {}, 0}, 1, 0);
  CHECK_FALSE(f.copy_to_both());
  REQUIRE(f.result.failed.size() == 1);
  CHECK(f.result.failed.front().target.registry() == f.target.host());
  CHECK(f.second.has_tag("copied/app", "1.0"));
}

TEST_CASE("an upload that breaks among several goes on by itself", "[faults]") {
  fanned f;
  f.target.fail("PUT blob", {kind::reset, 0, {}, 1'000'000});
  CHECK_FALSE(f.copy_to_both());
  INFO(f.text.message());
  CHECK(f.both_complete());
}

TEST_CASE("wrong bytes complete no upload of several", "[faults]") {
  fanned f;
  f.source.inject("/blobs/" + f.image.layers.back().digest, wrong_byte_at(1'500'000), 1, 0);
  CHECK_FALSE(f.copy_to_both());
  CHECK(f.result.failed.size() == 2);
  for (const copy_failure& one : f.result.failed) CHECK(one.code == condition::integrity);
  CHECK_FALSE(f.target.blob(f.image.layers.back().digest));
  CHECK_FALSE(f.second.blob(f.image.layers.back().digest));
}

TEST_CASE("a target that never answers holds up no other of one copy and is given up", "[faults]") {
  uploaded u;
  // It takes the connection and what is said there.
  std::vector<conversation> script;
  script.emplace_back([](socket_handle& connection) {
    while (!connection.receive(65536).empty()) continue;
  });
  const scripted_server dead(std::move(script));
  const std::string silent = "127.0.0.1:" + std::to_string(dead.port());
  u.settings.plain_http.insert(silent);
  u.settings.jobs = 4;
  u.settings.backoff = std::chrono::milliseconds(1);
  u.settings.budget = std::chrono::minutes(15);
  u.settings.timeouts.header = std::chrono::seconds(5);
  std::vector<std::string> to;
  for (const char* const tag : {"1", "2", "3"}) to.push_back(silent + "/copied/app:" + tag);
  to.push_back(u.target.host() + "/copied/app:1.0");
  CHECK_FALSE(u.copy(u.source.host() + "/team/app:1.0", to));
  CHECK(u.complete());
  CHECK(u.result.images.size() == 1);
  REQUIRE(u.result.failed.size() == 3);
  std::size_t told = 0;
  for (const copy_failure& one : u.result.failed) {
    CHECK(one.target.registry() == silent);
    CHECK(one.code == errc::timed_out);
    told += one.message.find("given up: " + silent + " does not answer, as was found with ") != std::string::npos ? 1 : 0;
  }
  CHECK(told == 2);  // one was tried
}
