// Several archives of one run that leave out the store: what they share is fetched once.
#include "faults/puller.hpp"

#include "support/catch.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

using namespace gantry;
using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

/// Two images that have a large layer in common.
struct related {
  /// \param shared how many large layers
  explicit related(std::uint32_t shared = 1) : first(image_with(11, shared)), second(image_with(22, shared)) {
    registry.hold("team/app", "1", first);
    registry.hold("team/app", "2", second);
    pulls.settings.jobs = 4;
  }
  static test_image image_with(std::uint32_t own, std::uint32_t shared) {
    std::vector<layer_bytes> layers;
    for (std::uint32_t i = 0; i < shared; ++i) layers.push_back(random_layer(9'000'000, 100 + i));
    layers.push_back(random_layer(300'000, own));
    return build_image({}, std::move(layers));
  }
  const test_blob& shared_layer() const { return first.layers[0]; }
  const test_blob& own_layer() const { return second.layers.back(); }

  /// The archive that a pull through the store makes.
  std::string expected(const std::string& tag) {
    std::string bytes = pulls.take_archive("team/app:" + tag);
    registry.forget_requests();
    return bytes;
  }

  /// Both, one after the other, each into an archive of its own. \param between called when the first is complete
  pull_report pull_both(const std::function<void()>& between = {}) {
    pull_report report;
    boost::asio::io_context context;
    bool completed = false;
    {
      engine one(context.get_executor(), pulls.settings);
      begin(one, "1", report, [&] {
        registry.forget_requests();
        if (between) between();
        begin(one, "2", report, [&] {
          completed = true;
          one.async_shutdown([](error_code) {});
        });
      });
      context.run_for(std::chrono::minutes(2));
    }
    REQUIRE(completed);
    INFO(report.text.message());
    REQUIRE_FALSE(report.ec);
    return report;
  }
  fs::path archive(const std::string& tag) const { return pulls.directory() / (tag + ".tar"); }

  fake_registry registry;
  test_image first;
  test_image second;
  puller pulls{registry};
  std::vector<event> seen;  ///< of the second

 private:
  void begin(engine& one, const std::string& tag, pull_report& report, std::function<void()> then) {
    error_code ec;
    pull_options options;
    options.output = archive_file{archive(tag)};
    options.no_cache = true;
    if (tag == "2") options.on_event = [this](const event& what) { seen.push_back(what); };
    options.platforms = {platform::parse("linux/amd64", ec)};
    one.async_pull(reference::parse(registry.host() + "/team/app:" + tag, ec), std::move(options), report.text,
                   [&report, then = std::move(then)](error_code failed, pull_result result) {
                     if (!report.ec) report.ec = failed;
                     report.result = std::move(result);
                     then();
                   });
  }
};

}  // namespace

TEST_CASE("without the store a later archive copies what an earlier one of the run has", "[faults]") {
  related r;
  const std::string wanted = r.expected("2");
  const pull_report report = r.pull_both();
  CHECK(r.registry.count(r.shared_layer().digest) == 0);
  CHECK(r.registry.count(r.own_layer().digest) >= 1);
  CHECK(report.result.bytes_reused >= r.shared_layer().bytes.size());
  CHECK(report.result.bytes_received < r.shared_layer().bytes.size());
  CHECK(slurp(r.archive("2")) == wanted);
  CHECK(std::distance(fs::directory_iterator(r.pulls.directory()), fs::directory_iterator()) == 2);
}

TEST_CASE("what an archive has to fetch does not wait for what it copies, and copies are shown as they go on", "[faults]") {
  related r(8);
  r.pull_both();
  CHECK(r.registry.count(r.shared_layer().digest) == 0);
  std::size_t copied = 0;
  std::optional<std::size_t> before_own;
  std::set<std::string> shown;
  for (const event& what : r.seen) {
    if (const auto* const begun = std::get_if<blob_started>(&what)) {
      if (begun->digest.string() == r.own_layer().digest) before_own = copied;
    } else if (const auto* const moved = std::get_if<blob_progress>(&what)) {
      shown.insert(moved->digest.string());
    } else if (const auto* const done = std::get_if<blob_finished>(&what)) {
      copied += done->reused ? 1 : 0;
    }
  }
  CHECK(copied == 8);
  REQUIRE(before_own);
  CHECK(*before_own <= 3);
  CHECK(shown.contains(r.shared_layer().digest));
}

TEST_CASE("an archive that its user has changed gives nothing to the next one", "[faults]") {
  related r;
  const std::string wanted = r.expected("2");
  const pull_report report = r.pull_both([&r] {
    std::string bytes = slurp(r.archive("1"));
    const std::size_t inside = bytes.find(r.shared_layer().bytes.substr(4'000'000, 100));
    if (inside != std::string::npos) bytes[inside] = static_cast<char>(bytes[inside] ^ 1);
    spill(r.archive("1"), bytes);
  });
  CHECK(r.registry.count(r.shared_layer().digest) >= 1);
  CHECK(report.result.bytes_received >= r.shared_layer().bytes.size());
  CHECK(slurp(r.archive("2")) == wanted);
}
