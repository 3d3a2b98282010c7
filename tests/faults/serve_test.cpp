#include "faults/puller.hpp"
#include "support/catch.hpp"
#include "support/fake_registry.hpp"
#include "support/http_client.hpp"
#include "support/image_builder.hpp"
#include "support/sha256.hpp"
#include "support/small_disk.hpp"

#include <gantry/engine.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
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
  explicit pulling_server(const fake_registry& registry, const puller& settings_of) : pulling_server(registry.host(), settings_of) {}
  pulling_server(const std::string& upstream, const puller& settings_of) {
    serve_options options;
    options.listen = "127.0.0.1:0";
    options.upstream = upstream;
    options.limits.graceful = 2s;
    options.on_event = [this](const event& one) {
      if (const auto* told = std::get_if<warning>(&one)) warnings_.push_back(told->message);
    };
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
  ~pulling_server() { stop(); }
  /// Stops, waits for the end, and \returns what the server warned of.
  std::vector<std::string> stop() {
    if (!thread_.joinable()) return warnings_;
    boost::asio::post(context_, [this] { stop_.emit(boost::asio::cancellation_type::terminal); });
    thread_.join();
    CHECK_FALSE(ec_);
    return warnings_;
  }
  std::uint16_t port() const noexcept { return port_; }

 private:
  boost::asio::io_context context_;
  std::unique_ptr<engine> engine_;
  boost::asio::cancellation_signal stop_;
  diagnostics text_;
  error_code ec_;
  std::vector<std::string> warnings_;  ///< of the thread, while that lives
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

clean_result clean(const puller& place, clean_options what) {
  boost::asio::io_context context;
  error_code cleaned;
  clean_result gone;
  engine other(context.get_executor(), place.settings);
  other.async_clean(std::move(what), [&](error_code ec, clean_result result) {
    cleaned = ec;
    gone = std::move(result);
    other.async_shutdown([](error_code) {});
  });
  context.run();
  CHECK_FALSE(cleaned);
  return gone;
}

/// What another process that wants everything gone takes.
clean_result clean_all(const puller& place) {
  clean_options everything;
  everything.all = true;
  return clean(place, std::move(everything));
}

/// Waits for what comes a moment after the last byte that a client has.
bool soon(const std::function<bool()>& there) {
  for (int looks = 0; looks < 400 && !there(); ++looks) std::this_thread::sleep_for(50ms);
  return there();
}

/// The name is recorded when the last blob is committed.
bool soon_recorded(http_client& client) {
  return soon([&] { return client.get("/v2/team/app/tags/list").body.find("\"1.0\"") != std::string::npos; });
}

/// Asks for all that an image has.
void pull_all(http_client& client, const std::string& name, const std::string& manifest, const test_image& image) {
  CHECK(client.get("/v2/" + name + "/manifests/" + manifest).status == 200);
  for (const test_blob& layer : image.layers) CHECK(client.get("/v2/" + name + "/blobs/" + layer.digest).complete);
  CHECK(client.get("/v2/" + name + "/blobs/" + image.config.digest).complete);
}

/// The store's record of a name; empty when there is none.
std::filesystem::path record_of(const puller& place, const std::string& repository, const std::string& tag) {
  for (const auto& one : std::filesystem::recursive_directory_iterator(place.store() / "refs")) {
    if (one.is_regular_file() && one.path().string().ends_with("/" + repository + "/_/" + tag)) return one.path();
  }
  return {};
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
  CHECK(soon([&] { return http_client(server.port()).get(blob_of(image, 1)).body == image.layers[1].bytes; }));
}

TEST_CASE("a small blob that is wrong or not there is refused before a byte of it goes out") {
  fake_registry registry;
  const test_image image = large_image();
  registry.hold("team/app", "1.0", image);
  registry.inject(image.layers[0].digest, wrong_byte_at(100), 1, 0);
  registry.inject(image.config.digest, wrong_byte_at(10), 1, 0);
  const puller place(registry);
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

TEST_CASE("the size of a blob is asked for once, however many want it") {
  fake_registry registry;
  const test_image image = large_image();
  registry.hold("team/app", "1.0", image);
  registry.inject(image.layers[1].digest, late_by(500ms), 1, 1);
  const puller place(registry);
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

TEST_CASE("of a tag that moves between HEAD and GET, what the GET brought decides") {
  fake_registry registry;
  const test_image first = large_image();
  registry.hold("team/app", "1.0", first);
  const puller place(registry);
  pulling_server server(registry, place);
  http_client client(server.port());
  CHECK(client.get("/v2/team/app/manifests/1.0").header("Docker-Content-Digest") == first.manifest.digest);
  image_recipe recipe;
  recipe.seed = 9;
  const test_image second = build_image(recipe);
  recipe.seed = 10;
  const test_image third = build_image(recipe);
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
  CHECK(soon_recorded(client));
  registry.reset();
  CHECK((client.get("/v2/team/app/manifests/1.0").body == image.manifest.bytes));
  CHECK((client.get(blob_of(image, 1)).body == image.layers[1].bytes));
  CHECK(client.get("/v2/team/other/manifests/1.0").status == 502);
}

TEST_CASE("what came through an index inside an index, and with inline data, is answered without the upstream by the next server too") {
  const std::string index_type = "application/vnd.oci.image.index.v1+json";
  const std::string manifest_type = "application/vnd.oci.image.manifest.v1+json";
  const auto index_of = [&index_type](const std::string& entry) {
    return test_blob::of(index_type, R"({"schemaVersion":2,"mediaType":")" + index_type + R"(","manifests":[{)" + entry + "}]}");
  };
  const test_image image = build_image({});
  const test_index innermost = build_index(media_family::oci, {image});
  const test_blob nested = index_of(innermost.index.descriptor_members());
  // "{}" in base64; the registry does not have the blob.
  const std::string empty = test_blob::of("application/vnd.oci.empty.v1+json", "{}").descriptor_members() + R"(,"data":"e30=")";
  const test_blob artifact = test_blob::of(manifest_type, R"({"schemaVersion":2,"mediaType":")" + manifest_type +
                                                              R"(","artifactType":"application/vnd.example.note","config":{)" + empty +
                                                              R"(},"layers":[{)" + empty + "}]}");
  auto registry = std::make_unique<fake_registry>();
  registry->hold("team/app", innermost.index.digest, innermost);
  registry->hold_manifest("team/app", "1.0", nested);
  registry->hold_manifest("team/note", "1.0", artifact);
  const std::string upstream = registry->host();
  const puller place(*registry);
  const auto listed = [](http_client& client, const std::string& name) {
    return soon([&] { return client.get("/v2/" + name + "/tags/list").body.find("\"1.0\"") != std::string::npos; });
  };
  {
    pulling_server server(upstream, place);
    http_client client(server.port());
    CHECK(client.get("/v2/team/app/manifests/1.0").status == 200);
    CHECK(client.get("/v2/team/app/manifests/" + innermost.index.digest).status == 200);
    CHECK(client.get("/v2/team/app/manifests/" + image.manifest.digest).status == 200);
    CHECK(client.get("/v2/team/app/blobs/" + image.config.digest).complete);
    for (std::size_t layer = 0; layer < image.layers.size(); ++layer) CHECK(client.get(blob_of(image, layer)).complete);
    CHECK(client.get("/v2/team/note/manifests/1.0").status == 200);
    CHECK(listed(client, "team/app"));
    CHECK(listed(client, "team/note"));
  }
  registry.reset();
  pulling_server server(upstream, place);
  http_client client(server.port());
  CHECK((client.get("/v2/team/app/manifests/1.0").body == nested.bytes));
  CHECK((client.get("/v2/team/app/manifests/" + innermost.index.digest).body == innermost.index.bytes));
  CHECK((client.get(blob_of(image, 1)).body == image.layers[1].bytes));
  CHECK((client.get("/v2/team/note/manifests/1.0").body == artifact.bytes));
  const std::string all = client.get("/v2/_catalog").body;
  CHECK_THAT(all, Catch::Contains("team/app") && Catch::Contains("team/note"));
}

TEST_CASE("what refers to an image is listed as upstream and store know it together, and by the store alone without the upstream") {
  const std::string index_type = "application/vnd.oci.image.index.v1+json";
  const std::string manifest_type = "application/vnd.oci.image.manifest.v1+json";
  const test_image image = build_image({});
  const auto referrer = [&](const std::string& type) {
    const std::string empty = test_blob::of("application/vnd.oci.empty.v1+json", "{}").descriptor_members() + R"(,"data":"e30=")";
    return test_blob::of(manifest_type, R"({"schemaVersion":2,"mediaType":")" + manifest_type + R"(","artifactType":")" + type +
                                            R"(","config":{)" + empty + R"(},"layers":[{)" + empty + R"(}],"subject":{)" +
                                            image.manifest.descriptor_members() + "}}");
  };
  const test_blob held = referrer("application/vnd.example.signature");
  const test_blob above = referrer("application/vnd.example.sbom");
  const auto entry = [](const test_blob& of, const std::string& type) {
    return "{" + of.descriptor_members() + R"(,"artifactType":")" + type + R"("})";
  };
  const auto list_of = [&](const std::string& entries) {
    return test_blob::of(index_type, R"({"schemaVersion":2,"mediaType":")" + index_type + R"(","manifests":[)" + entries + "]}");
  };
  const std::string of_above = entry(above, "application/vnd.example.sbom");
  auto registry = std::make_unique<fake_registry>();
  registry->hold("team/app", "1.0", image);
  registry->hold_manifest("team/app", "signed", held);
  registry->hold_manifest("team/app", above.digest, above);
  const puller place(*registry);
  pulling_server server(*registry, place);
  http_client client(server.port());
  CHECK(client.get("/v2/team/app/manifests/signed").status == 200);
  CHECK(soon([&] { return client.get("/v2/team/app/tags/list").body.find("\"signed\"") != std::string::npos; }));

  const std::string path = "/v2/team/app/referrers/" + image.manifest.digest;
  const auto listed = [&](const std::string& more = {}) {
    const http_reply reply = client.get(path + more);
    CHECK(reply.status == 200);
    std::string names;
    if (reply.body.find(held.digest) != std::string::npos) names += "held ";
    if (reply.body.find(above.digest) != std::string::npos) names += "above ";
    return names;
  };
  // The registry has neither the API nor the tag in its place.
  CHECK(listed() == "held ");
  std::string tag = image.manifest.digest;
  tag.replace(tag.find(':'), 1, "-");
  registry->hold_manifest("team/app", tag, list_of(of_above));
  CHECK(listed() == "held above ");
  const std::string both = list_of(of_above + "," + entry(held, "application/vnd.example.signature")).bytes;
  registry->inject("/referrers/", answer_with(200, {{"Content-Type", index_type}}, both), 1, 0);
  CHECK(listed() == "held above ");
  CHECK(client.get(path).body.find(held.digest) == client.get(path).body.rfind(held.digest));
  CHECK(listed("?artifactType=application/vnd.example.sbom") == "above ");
  // What is listed can be had.
  CHECK((client.get("/v2/team/app/manifests/" + above.digest).body == above.bytes));
  // Of a repository that the store does not have the upstream knows.
  CHECK(client.get("/v2/team/other/referrers/" + image.manifest.digest).body.find(above.digest) != std::string::npos);
  registry.reset();
  CHECK(listed() == "held ");
  CHECK(client.get("/v2/team/other/referrers/" + image.manifest.digest).status == 502);
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
  CHECK(soon_recorded(client));
  // The leases end a moment after the name is there.
  CHECK(soon([&] { return place.leftovers().empty(); }));
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

TEST_CASE("a repository that the upstream refuses is answered from the store, and all others are asked for as before") {
  fake_registry registry;
  const test_image first = large_image();
  registry.hold("team/app", "1.0", first);
  registry.hold("team/shut", "1.0", first);
  const puller place(registry);
  pulling_server server(registry, place);
  http_client client(server.port());
  pull_all(client, "team/app", "1.0", first);
  CHECK(client.get("/v2/team/shut/manifests/1.0").status == 200);
  registry.inject("team/shut/manifests", answer_with(403), 1, 0);
  image_recipe recipe;
  recipe.seed = 9;
  const test_image second = build_image(recipe);
  registry.hold("team/app", "1.0", second);
  for (int turn = 0; turn < 2; ++turn) {
    const http_reply shut = client.get("/v2/team/shut/manifests/1.0");
    CHECK(shut.header("Docker-Content-Digest") == first.manifest.digest);
    CHECK(shut.header("Warning").starts_with("299 - "));
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

TEST_CASE("what a full store cannot keep is passed on to the clients, which is said once") {
  const small_disk disk("4m");
  if (!disk.usable()) {
    WARN("no file system may be mounted here");
    return;
  }
  fake_registry registry;
  const test_image image = large_image();
  registry.hold("team/app", "1.0", image);
  puller place(registry);
  place.settings.cache_dir = disk.path() / "store";
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
  image_recipe recipe;
  recipe.seed = 9;
  const test_image second = build_image(recipe);
  registry.hold("team/app", "1.0", second);
  CHECK(client.get("/v2/team/app/manifests/1.0").body == second.manifest.bytes);
  CHECK((client.get(blob_of(second, 0)).body == second.layers[0].bytes));
  const std::vector<std::string> said = server.stop();
  CHECK(said.size() == 1);
  for (const std::string& one : said) CHECK_THAT(one, Catch::Contains("passed on and not kept") && Catch::Contains("no space"));
}

TEST_CASE("what was pulled by digest, or in part because the client had the rest, is kept and answered by the next server") {
  auto registry = std::make_unique<fake_registry>();
  const std::string upstream = registry->host();
  image_recipe recipe;
  recipe.layers = {3000, 50'000};
  const test_image pinned = build_image(recipe);
  recipe.seed = 9;
  const test_image partly = build_image(recipe);
  recipe.seed = 10;
  const test_image looked_at = build_image(recipe);
  registry->hold("team/pinned", "1.0", pinned);
  registry->hold("team/partly", "1.0", partly);
  registry->hold("team/looked", "1.0", looked_at);
  const puller place(*registry);
  const auto take_part = [&](http_client& client) {
    CHECK((client.get("/v2/team/partly/manifests/1.0").body == partly.manifest.bytes));
    CHECK((client.get("/v2/team/partly/blobs/" + partly.config.digest).body == partly.config.bytes));
    CHECK((client.get("/v2/team/partly/blobs/" + partly.layers[1].digest).body == partly.layers[1].bytes));
  };
  {
    pulling_server server(upstream, place);
    http_client client(server.port());
    CHECK(client.get("/v2/team/looked/manifests/1.0").status == 200);
    pull_all(client, "team/pinned", pinned.manifest.digest, pinned);
    take_part(client);
    const auto named = [&](const std::string& name) {
      return soon([&] { return client.get("/v2/_catalog").body.find(name) != std::string::npos; });
    };
    CHECK(named("team/pinned"));
    CHECK(named("team/partly"));
    // Who only looks does not pull.
    CHECK(client.get("/v2/_catalog").body.find("team/looked") == std::string::npos);
  }
  registry.reset();
  for (const auto& one : std::filesystem::recursive_directory_iterator(place.store() / "blobs")) {
    if (one.is_regular_file()) std::filesystem::last_write_time(one.path(), std::filesystem::file_time_type::clock::now() - 48h);
  }
  const clean_result gone = clean(place, {});
  // The manifest that was looked at.
  CHECK(gone.blobs.size() == 1);
  pulling_server server(upstream, place);
  http_client client(server.port());
  pull_all(client, "team/pinned", pinned.manifest.digest, pinned);
  take_part(client);
  CHECK(client.get("/v2/team/partly/blobs/" + partly.layers[0].digest).status == 502);
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

TEST_CASE("the fetch of a blob that nobody wants any more ends, and the next client goes on with what arrived") {
  fake_registry registry;
  const test_image image = large_image();
  registry.hold("team/app", "1.0", image);
  puller place(registry);
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
