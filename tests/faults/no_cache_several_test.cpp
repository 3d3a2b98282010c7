// Several archives of one run that leave out the store: what they share is fetched once.
#include "faults/puller.hpp"

#include "support/catch.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

using namespace gantry;
using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

/// Two images that have their large layer in common.
struct related {
  related() {
    registry.hold("team/app", "1", first);
    registry.hold("team/app", "2", second);
    pulls.settings.jobs = 4;
  }
  static test_image image_with(std::uint32_t own) {
    std::vector<layer_bytes> layers;
    layers.push_back(random_layer(9'000'000, 7));
    layers.push_back(random_layer(300'000, own));
    return build_image({}, std::move(layers));
  }
  const test_blob& shared_layer() const { return first.layers[0]; }
  const test_blob& own_layer() const { return second.layers[1]; }

  /// The archive that a pull through the store makes.
  std::string expected(const std::string& tag) {
    const pull_report report = pulls.pull_to_archive("team/app:" + tag);
    INFO(report.text.message());
    REQUIRE_FALSE(report.ec);
    std::string bytes = slurp(pulls.archive());
    fs::remove(pulls.archive());
    fs::remove_all(pulls.store());
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
  test_image first = image_with(11);
  test_image second = image_with(22);
  puller pulls{registry};

 private:
  void begin(engine& one, const std::string& tag, pull_report& report, std::function<void()> then) {
    error_code ec;
    pull_options options;
    options.output = archive_file{archive(tag)};
    options.no_cache = true;
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
