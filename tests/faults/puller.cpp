#include "faults/puller.hpp"

#include "support/catch.hpp"
#include "support/store_check.hpp"

#include <boost/asio/io_context.hpp>

#include <utility>

namespace gantry::test {
namespace fs = std::filesystem;

std::string warnings(const pull_report& report) {
  std::string text;
  for (const event& one : report.events) {
    if (const auto* said = std::get_if<warning>(&one)) text += said->message + "\n";
  }
  return text;
}

puller::puller(const fake_registry& registry) : host_(registry.host()) {
  settings.cache_dir = store();
  settings.plain_http = {host_};
  settings.jobs = 1;  // one stream per blob, so that requests can be counted
  settings.backoff = std::chrono::milliseconds(10);
  settings.budget = std::chrono::seconds(20);
  settings.timeouts.header = std::chrono::seconds(2);
  settings.timeouts.idle = std::chrono::milliseconds(500);
  settings.sync = false;
}

pull_report puller::pull(const std::string& image, const std::function<void(const event&)>& watch) { return run(image, {}, watch); }

pull_report puller::pull_to_archive(const std::string& image) {
  pull_options options;
  options.output = archive_file{archive()};
  return run(image, std::move(options), {});
}

std::string puller::take_archive(const std::string& image) {
  const pull_report report = pull_to_archive(image);
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  std::string bytes = slurp(archive());
  fs::remove(archive());
  fs::remove_all(store());
  return bytes;
}

pull_report puller::run(const std::string& image, pull_options options, const std::function<void(const event&)>& watch) {
  pull_report report;
  boost::asio::io_context context;
  error_code ec;
  const reference name = reference::parse(host_ + "/" + image, ec);
  REQUIRE_FALSE(ec);
  if (options.platforms.empty()) options.platforms = {platform::parse("linux/amd64", ec)};
  options.on_event = [&](const event& e) {
    report.events.push_back(e);
    if (watch) watch(e);
  };
  bool completed = false;
  const auto start = std::chrono::steady_clock::now();
  {
    engine one(context.get_executor(), settings);
    one.async_pull(name, std::move(options), report.text, [&](error_code failed, pull_result result) {
      report.ec = failed;
      report.result = std::move(result);
      completed = true;
      one.async_shutdown([](error_code) {});
    });
    context.run_for(std::chrono::minutes(2));
  }
  report.took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
  REQUIRE(completed);
  // An operation that is over leaves no work behind: the context must drain.
  context.run_for(std::chrono::seconds(30));
  CHECK(context.stopped());
  return report;
}

std::string puller::leftovers(bool parts_allowed) const {
  std::string result;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory_.path())) {
    if (entry.path() != store() && entry.path() != archive()) result += entry.path().string() + " was left behind\n";
  }
  return result + store_problems(store(), parts_allowed);
}

test_image app_image() {
  image_recipe recipe;
  recipe.layers = {20'000, 3'000'000};
  return build_image(recipe);
}

}  // namespace gantry::test
