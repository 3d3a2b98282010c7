// Layers that are streamed into code of the caller's.
#include "faults/puller.hpp"

#include "support/catch.hpp"
#include "support/sha256.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <set>
#include <stdexcept>
#include <thread>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

/// Keeps what it gets, and goes wrong where it is told.
class keeping_sink final : public layer_sink {
 public:
  std::function<error_code()> on_image = nothing, on_begin = nothing, on_write = nothing, on_end = nothing;
  std::vector<streamed_image> images;
  std::vector<std::pair<std::string, std::string>> layers;  ///< digest and bytes of those that ended
  unsigned begun = 0, ended = 0, abandoned = 0;
  std::set<std::thread::id> threads;

  error_code begin_image(const streamed_image& image) override {
    note();
    images.push_back(image);
    return on_image();
  }
  error_code begin_layer(const descriptor& layer) override {
    note();
    if (const error_code refused = on_begin()) return refused;
    ++begun;
    digest_ = layer.digest.string();
    bytes_.clear();
    return {};
  }
  error_code write(std::span<const std::byte> bytes) override {
    note();
    bytes_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return on_write();
  }
  error_code end_layer() override {
    note();
    if (const error_code refused = on_end()) return refused;
    ++ended;
    layers.emplace_back(digest_, bytes_);
    return {};
  }
  void abandon_layer() noexcept override {
    note();
    ++abandoned;
  }

 private:
  static error_code nothing() { return {}; }
  void note() { threads.insert(std::this_thread::get_id()); }

  std::string digest_;
  std::string bytes_;
};

struct served {
  served() {
    // The last layer repeats the second: duplicates are legal.
    std::vector<layer_bytes> layers;
    for (const std::size_t size : {20'000, 3'000'000, 300'000}) layers.push_back(random_layer(size, static_cast<std::uint32_t>(size)));
    layers.push_back(layers[1]);
    image = build_image({}, std::move(layers));
    registry.hold("team/app", "1.0", image);
    pulls.settings.jobs = 4;
  }
  pull_options options(bool no_cache, bool inflate = false) const {
    pull_options made;
    made.output = layer_stream{sink, inflate};
    made.no_cache = no_cache;
    return made;
  }
  pull_report pull(bool no_cache) { return pulls.pull_with(options(no_cache)); }
  void check_no_leftovers(bool parts_allowed) const {
    if (fs::exists(pulls.store())) CHECK(pulls.leftovers(parts_allowed).empty());
  }

  fake_registry registry;
  test_image image;
  puller pulls{registry};
  std::shared_ptr<keeping_sink> sink = std::make_shared<keeping_sink>();
};

}  // namespace

TEST_CASE("a sink gets each layer once, verified and in the order of the manifest", "[faults]") {
  served s;
  const bool no_cache = GENERATE(false, true);
  const pull_report report = s.pull(no_cache);
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  REQUIRE(s.sink->images.size() == 1);
  const streamed_image& image = s.sink->images.front();
  CHECK(image.config == s.image.config.bytes);
  CHECK(image.manifest.digest.string() == s.image.manifest.digest);
  CHECK(image.layers.size() == 4);
  CHECK(image.image_platform.architecture == "amd64");
  REQUIRE(s.sink->layers.size() == 3);
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(s.sink->layers[i].first == s.image.layers[i].digest);
    CHECK(s.sink->layers[i].second == s.image.layers[i].bytes);
    bytes += s.image.layers[i].bytes.size();
  }
  CHECK(s.sink->begun == 3);
  CHECK(s.sink->ended == 3);
  CHECK(s.sink->abandoned == 0);
  CHECK(s.sink->threads.size() == 1);
  CHECK_FALSE(s.sink->threads.contains(std::this_thread::get_id()));
  CHECK(report.result.archive_size == bytes);
  s.check_no_leftovers(false);
  CHECK(fs::exists(s.pulls.store() / "blobs") == !no_cache);
}

TEST_CASE("a sink gets what the store has without a request for it", "[faults]") {
  served s;
  REQUIRE_FALSE(s.pull(false).ec);
  s.sink->layers.clear();
  s.registry.forget_requests();
  REQUIRE_FALSE(s.pull(false).ec);
  CHECK(s.sink->layers.size() == 3);
  CHECK(s.registry.count("/blobs/") == 0);
}

TEST_CASE("a sink can have its layers inflated", "[faults]") {
  served s;
  const pull_report report = s.pulls.pull_with(s.options(GENERATE(false, true), true));
  REQUIRE_FALSE(report.ec);
  REQUIRE(s.sink->layers.size() == 3);
  for (const auto& [digest, bytes] : s.sink->layers) {
    // A tar is whole blocks and says so.
    CHECK(bytes.size() % 512 == 0);
    CHECK(bytes.substr(257, 5) == "ustar");
    CHECK(s.image.config.bytes.find(sha256_of(bytes)) != std::string::npos);
  }
}

TEST_CASE("a sink that refuses ends the pull with its own code", "[faults]") {
  served s;
  const bool no_cache = GENERATE(false, true);
  const error_code own = make_error_code(boost::system::errc::file_too_large);
  enum class place { image, begin, write, end };
  const place where = GENERATE(place::image, place::begin, place::write, place::end);
  const auto refuse = [own] { return own; };
  (where == place::image   ? s.sink->on_image
   : where == place::begin ? s.sink->on_begin
   : where == place::write ? s.sink->on_write
                           : s.sink->on_end) = refuse;
  const pull_report report = s.pull(no_cache);
  CHECK(report.ec == own);
  CHECK(report.text.message().find("the receiver of sha256:") == 0);
  CHECK(report.text.message().find(own.message()) != std::string::npos);
  CHECK(s.sink->ended == 0);
  CHECK(s.sink->abandoned == (where == place::write || where == place::end ? 1 : 0));
  s.check_no_leftovers(true);
}

TEST_CASE("a sink that throws ends the pull and not the process", "[faults]") {
  served s;
  const bool no_cache = GENERATE(false, true);
  s.sink->on_write = []() -> error_code { throw std::runtime_error("the shelf is full"); };
  pull_report report = s.pull(no_cache);
  CHECK(report.ec == errc::sink_failed);
  CHECK(report.text.message().find("the shelf is full") != std::string::npos);
  CHECK(s.sink->abandoned == 1);

  s.sink->on_write = []() -> error_code { throw boost::system::system_error(make_error_code(boost::system::errc::io_error)); };
  CHECK(s.pull(no_cache).ec == make_error_code(boost::system::errc::io_error));
  s.sink->on_write = []() -> error_code { throw 7; };
  report = s.pull(no_cache);
  CHECK(report.ec == errc::sink_failed);
  CHECK(report.text.message().find("no std::exception") != std::string::npos);
  // What it refused can be had again, from what was kept.
  s.sink->on_write = [] { return error_code(); };
  CHECK_FALSE(s.pull(no_cache).ec);
  CHECK(s.sink->layers.size() == 3);
  s.check_no_leftovers(false);
}

TEST_CASE("a slow sink gets everything, and the pull ends after its last call", "[faults]") {
  served s;
  s.sink->on_write = [] {
    std::this_thread::sleep_for(20ms);
    return error_code();
  };
  const pull_report report = s.pull(GENERATE(false, true));
  REQUIRE_FALSE(report.ec);
  CHECK(s.sink->ended == 3);
  CHECK(report.took >= 240ms);
}

TEST_CASE("a pull that is cancelled while its sink works waits for that call and makes no other", "[faults]") {
  served s;
  const bool no_cache = GENERATE(false, true);
  std::atomic<bool> inside{false}, released{false}, over{false};
  s.sink->on_write = [&] {
    CHECK_FALSE(over);
    inside = true;
    const auto start = std::chrono::steady_clock::now();
    while (!released && std::chrono::steady_clock::now() - start < 60s) std::this_thread::sleep_for(1ms);
    return error_code();
  };
  boost::asio::io_context context;
  std::optional<error_code> ended;
  {
    engine one(context.get_executor(), s.pulls.settings);
    boost::asio::cancellation_signal stop;
    error_code ec;
    pull_options options = s.options(no_cache);
    options.platforms = {platform::parse("linux/amd64", ec)};
    one.async_pull(reference::parse(s.registry.host() + "/team/app:1.0", ec), options,
                   boost::asio::bind_cancellation_slot(stop.slot(), [&](error_code failed, pull_result) {
                     ended = failed;
                     over = true;
                   }));
    const auto start = std::chrono::steady_clock::now();
    while (!inside && std::chrono::steady_clock::now() - start < 60s) context.run_one_for(10ms);
    REQUIRE(inside);
    stop.emit(boost::asio::cancellation_type::terminal);
    for (unsigned i = 0; i < 20; ++i) context.run_one_for(10ms);
    CHECK_FALSE(ended);
    released = true;
    while (!ended && std::chrono::steady_clock::now() - start < 90s) context.run_one_for(10ms);
    one.async_shutdown([](error_code) {});
    context.restart();
    context.run_for(10s);
  }
  REQUIRE(ended);
  CHECK(*ended == make_error_condition(condition::cancelled));
  CHECK(s.sink->ended == 0);
  CHECK(s.sink->abandoned == 1);
}

TEST_CASE("a layer that arrives wrong never reaches the sink", "[faults]") {
  served s;
  test_image lying = s.image;
  std::string other = lying.layers[1].bytes;
  other[other.size() / 2] = static_cast<char>(other[other.size() / 2] ^ 1);
  lying.layers[1].bytes = other;
  s.registry.hold_blob(lying.layers[1]);
  const pull_report report = s.pull(GENERATE(false, true));
  CHECK(report.ec == make_error_condition(condition::integrity));
  for (const auto& [digest, bytes] : s.sink->layers) CHECK(digest != lying.layers[1].digest);
  CHECK(s.sink->begun == s.sink->ended + s.sink->abandoned);
  CHECK(s.sink->begun <= 1);
}

TEST_CASE("an inflated layer that is not what the configuration says is not taken for complete", "[faults]") {
  served s;
  image_recipe recipe;
  recipe.seed = 77;
  test_image lying = s.image;
  replace_layer(lying, 1, build_image(recipe).layers[1]);
  s.registry.hold("team/app", "1.0", lying);
  const pull_report report = s.pulls.pull_with(s.options(GENERATE(false, true), true));
  INFO(report.text.message());
  CHECK(report.ec == make_error_condition(condition::integrity));
  for (const auto& [digest, bytes] : s.sink->layers) CHECK(digest != lying.layers[1].digest);
  CHECK(s.sink->begun == s.sink->ended + s.sink->abandoned);
}

TEST_CASE("layers that nobody takes are a mistake of the caller", "[faults]") {
  served s;
  s.sink = nullptr;
  CHECK(s.pull(false).ec == errc::invalid_option);
  s.sink = std::make_shared<keeping_sink>();
  pull_options options = s.options(false);
  options.have = {"/none"};
  CHECK(s.pulls.pull_with(options).ec == errc::invalid_option);
  options = s.options(false);
  options.recompress = true;
  CHECK(s.pulls.pull_with(options).ec == errc::invalid_option);
  options = s.options(false);
  options.attestations = true;
  CHECK(s.pulls.pull_with(options).ec == errc::invalid_option);
}
