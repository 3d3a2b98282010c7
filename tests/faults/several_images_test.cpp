// Several images in pulls of their own, through one engine.
#include "faults/puller.hpp"

#include "support/catch.hpp"

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <string>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;

namespace {

/// Pulls the tags `0` to `count - 1` at the same time. \returns how many came
unsigned pull_all(const fake_registry& registry, const engine_options& settings, unsigned count) {
  boost::asio::io_context context;
  unsigned ended = 0;
  unsigned arrived = 0;
  {
    engine one(context.get_executor(), settings);
    for (unsigned i = 0; i < count; ++i) {
      error_code ec;
      pull_options options;
      options.platforms = {platform::parse("linux/amd64", ec)};
      const reference name = reference::parse(registry.host() + "/team/app:" + std::to_string(i), ec);
      one.async_pull(name, options, [&](error_code failed, const pull_result&) {
        arrived += failed ? 0 : 1;
        if (++ended == count) one.async_shutdown([](error_code) {});
      });
    }
    context.run_for(std::chrono::minutes(2));
  }
  context.run_for(std::chrono::seconds(30));
  CHECK(context.stopped());
  return arrived;
}

}  // namespace

TEST_CASE("several images together open no more connections than are allowed", "[faults]") {
  constexpr unsigned images = 12;
  fake_registry registry;
  const test_image image = app_image();
  for (unsigned i = 0; i < images; ++i) registry.hold("team/app", std::to_string(i), image);
  registry.inject("/blobs/", drip_of(65536, 5ms), 1, 0);
  puller pulls(registry);
  pulls.settings.jobs = 4;
  pulls.settings.max_per_host = GENERATE(2u, 4u);
  CHECK(pull_all(registry, pulls.settings, images) == images);
  // The thread of a connection that was given up may end after the next one has begun.
  CHECK(registry.most_open() <= pulls.settings.max_per_host + 2);
}
