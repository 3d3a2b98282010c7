#include "faults/puller.hpp"
#include "support/catch.hpp"
#include "support/fake_registry.hpp"
#include "support/http_client.hpp"
#include "support/image_builder.hpp"

#include <gantry/engine.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;

namespace {

/// An engine that serves what \p registry has, from a store of its own.
class pulling_server {
 public:
  explicit pulling_server(const fake_registry& registry, const puller& settings_of) {
    serve_options options;
    options.listen = "127.0.0.1:0";
    options.upstream = registry.host();
    options.limits.graceful = 2s;
    std::promise<std::uint16_t> listening;
    options.on_started = [&](const serve_started& started) { listening.set_value(started.port); };
    engine_options settings = settings_of.settings;
    settings.jobs = 4;
    // The engine runs on this object's thread, so that its port may be waited for here.
    engine_ = std::make_unique<engine>(context_.get_executor(), std::move(settings));
    engine_->async_serve(std::move(options), text_, boost::asio::bind_cancellation_slot(stop_.slot(), [this](error_code ec, serve_result) {
                           ec_ = ec;
                           engine_->async_shutdown([](error_code) {});
                         }));
    thread_ = std::thread([this] { context_.run(); });
    port_ = listening.get_future().get();
  }
  ~pulling_server() {
    boost::asio::post(context_, [this] { stop_.emit(boost::asio::cancellation_type::terminal); });
    thread_.join();
    CHECK_FALSE(ec_);
  }
  std::uint16_t port() const noexcept { return port_; }

 private:
  boost::asio::io_context context_;
  std::unique_ptr<engine> engine_;
  boost::asio::cancellation_signal stop_;
  diagnostics text_;
  error_code ec_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

/// One large layer, so that it is given out while it arrives.
test_image large_image() {
  image_recipe recipe;
  recipe.layers = {3000, 12'000'000};
  return build_image(recipe);
}

std::string blob_of(const test_image& image, std::size_t layer) { return "/v2/team/app/blobs/" + image.layers[layer].digest; }

std::size_t gets(const fake_registry& registry, const std::string& part) {
  std::size_t n = 0;
  for (const recorded_request& one : registry.requests(part)) n += one.method == "GET" ? 1 : 0;
  return n;
}

/// What another process that wants everything gone takes.
clean_result clean_all(const puller& place) {
  boost::asio::io_context context;
  error_code cleaned;
  clean_result gone;
  engine other(context.get_executor(), place.settings);
  clean_options everything;
  everything.all = true;
  other.async_clean(everything, [&](error_code ec, clean_result result) {
    cleaned = ec;
    gone = std::move(result);
    other.async_shutdown([](error_code) {});
  });
  context.run();
  CHECK_FALSE(cleaned);
  return gone;
}

}  // namespace

TEST_CASE("what the store lacks comes from upstream, once, and stays") {
  fake_registry registry;
  const test_image image = large_image();
  registry.hold("team/app", "1.0", image);
  const puller place(registry);
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

TEST_CASE("many clients of one cold blob cause one fetch") {
  fake_registry registry;
  const test_image image = large_image();
  registry.hold("team/app", "1.0", image);
  const puller place(registry);
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

TEST_CASE("no client gets all bytes of a blob that is wrong") {
  fake_registry registry;
  const test_image image = large_image();
  registry.hold("team/app", "1.0", image);
  // In the first half, which is given out before the end is known; always, so that the second fetch fails too.
  registry.inject(image.layers[1].digest, wrong_byte_at(100'000), 1, 0);
  const puller place(registry);
  pulling_server server(registry, place);
  CHECK(http_client(server.port()).get("/v2/team/app/manifests/1.0").status == 200);
  const http_reply cut = http_client(server.port()).get(blob_of(image, 1));
  CHECK_FALSE(cut.complete);
  registry.heal();
  // A client that comes while the second attempt still fails shares its fate; the next fetch is a new one.
  bool mended = false;
  for (int i = 0; i < 50 && !mended; ++i) {
    mended = http_client(server.port()).get(blob_of(image, 1)).body == image.layers[1].bytes;
    if (!mended) std::this_thread::sleep_for(50ms);
  }
  CHECK(mended);
}

TEST_CASE("a tag is asked for again each time, by HEAD, and a moved one is fetched") {
  fake_registry registry;
  const test_image first = large_image();
  registry.hold("team/app", "1.0", first);
  const puller place(registry);
  pulling_server server(registry, place);
  http_client client(server.port());
  CHECK(client.get("/v2/team/app/manifests/1.0").header("Docker-Content-Digest") == first.manifest.digest);
  for (std::size_t layer = 0; layer < first.layers.size(); ++layer) CHECK(client.get(blob_of(first, layer)).complete);
  CHECK(client.get("/v2/team/app/blobs/" + first.config.digest).complete);
  const std::size_t before = gets(registry, "/manifests/1.0");
  CHECK(client.get("/v2/team/app/manifests/1.0").header("Docker-Content-Digest") == first.manifest.digest);
  CHECK(gets(registry, "/manifests/1.0") == before);

  image_recipe recipe;
  recipe.seed = 9;
  const test_image second = build_image(recipe);
  registry.hold("team/app", "1.0", second);
  CHECK(client.get("/v2/team/app/manifests/1.0").header("Docker-Content-Digest") == second.manifest.digest);
}

TEST_CASE("without the upstream the store answers") {
  const test_image image = large_image();
  auto registry = std::make_unique<fake_registry>();
  registry->hold("team/app", "1.0", image);
  const puller place(*registry);
  pulling_server server(*registry, place);
  http_client client(server.port());
  CHECK(client.get("/v2/team/app/manifests/1.0").status == 200);
  for (std::size_t layer = 0; layer < image.layers.size(); ++layer) CHECK(client.get(blob_of(image, layer)).complete);
  CHECK(client.get("/v2/team/app/blobs/" + image.config.digest).complete);
  // The name is recorded when the last blob is committed, a moment after its client has it.
  const auto recorded = [&] { return client.get("/v2/team/app/tags/list").body.find("\"1.0\"") != std::string::npos; };
  for (int looks = 0; looks < 100 && !recorded(); ++looks) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK(recorded());
  registry.reset();
  CHECK((client.get("/v2/team/app/manifests/1.0").body == image.manifest.bytes));
  CHECK((client.get(blob_of(image, 1)).body == image.layers[1].bytes));
  CHECK(client.get("/v2/team/other/manifests/1.0").status == 502);
}

TEST_CASE("a clean-up beside pull-through takes nothing of the image that is being fetched") {
  fake_registry registry;
  const test_image image = large_image();
  registry.hold("team/app", "1.0", image);
  puller place(registry);
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
  const auto recorded = [&] { return client.get("/v2/team/app/tags/list").body.find("\"1.0\"") != std::string::npos; };
  for (int looks = 0; looks < 400 && !recorded(); ++looks) std::this_thread::sleep_for(50ms);
  CHECK(recorded());
  // The leases end a moment after the name is there.
  for (int looks = 0; looks < 400 && !place.leftovers().empty(); ++looks) std::this_thread::sleep_for(50ms);
  CHECK(place.leftovers() == "");
}

TEST_CASE("a clean-up between two requests of a client takes nothing of what it fetches, and all of it afterwards") {
  fake_registry registry;
  const test_image image = large_image();
  registry.hold("team/app", "1.0", image);
  const puller place(registry);
  {
    pulling_server server(registry, place);
    http_client client(server.port());
    CHECK(client.get("/v2/team/app/manifests/1.0").status == 200);
    CHECK(clean_all(place).blobs.empty());
    CHECK((client.get(blob_of(image, 1)).body == image.layers[1].bytes));
    CHECK(clean_all(place).blobs.empty());
    CHECK((client.get(blob_of(image, 0)).body == image.layers[0].bytes));
    CHECK((client.get("/v2/team/app/blobs/" + image.config.digest).body == image.config.bytes));
    const auto recorded = [&] { return client.get("/v2/team/app/tags/list").body.find("\"1.0\"") != std::string::npos; };
    for (int looks = 0; looks < 400 && !recorded(); ++looks) std::this_thread::sleep_for(50ms);
    CHECK(recorded());
    CHECK(gets(registry, "/manifests/1.0") == 1);
  }
  // What has its name is anybody's to remove, and nothing is kept by a server that is gone.
  CHECK(clean_all(place).blobs.size() == image.layers.size() + 2);
  CHECK(place.leftovers() == "");
}
