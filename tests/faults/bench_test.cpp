// Measurements with different numbers of connections.
#include "faults/puller.hpp"

#include "support/catch.hpp"

#include <boost/asio/io_context.hpp>

#include <set>
#include <string>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;

namespace {

struct meter {
  meter() {
    registry.hold("team/app", "1.0", image);
    pulls.settings.jobs = 4;
    error_code failed;
    options.image_platform = platform::parse("linux/amd64", failed);
    options.jobs = {1, 4, 0};
  }

  bench_result run() {
    boost::asio::io_context context;
    bench_result measured;
    bool completed = false;
    {
      engine one(context.get_executor(), pulls.settings);
      const reference name = reference::parse(registry.host() + "/team/app:1.0", ec);
      one.async_bench(name, options, text, [&](error_code failed, bench_result result) {
        ec = failed;
        measured = std::move(result);
        completed = true;
        one.async_shutdown([](error_code) {});
      });
      context.run_for(60s);
    }
    context.run_for(10s);
    CHECK(completed);
    CHECK(context.stopped());
    CHECK(std::filesystem::is_empty(pulls.directory()));
    return measured;
  }

  fake_registry registry;
  test_image image = app_image();
  puller pulls{registry};
  bench_options options;
  error_code ec;
  diagnostics text;
};

}  // namespace

TEST_CASE("each number of connections is measured with the whole image, and nothing is kept", "[faults]") {
  meter m;
  if (GENERATE(false, true)) m.options.directory = m.pulls.directory();
  const bench_result measured = m.run();
  INFO(m.text.message());
  REQUIRE_FALSE(m.ec);
  REQUIRE(measured.runs.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(measured.runs[i].jobs == m.options.jobs[i]);
    CHECK(measured.runs[i].complete);
    CHECK(measured.runs[i].bytes >= m.image.blob_bytes());
    CHECK(measured.runs[i].rate() > 0);
    CHECK_FALSE(measured.runs[i].ec);
  }
  CHECK(measured.image_bytes == m.image.blob_bytes());
  CHECK(measured.recommended.has_value());
  CHECK(m.registry.count("/manifests/") == 1);
}

TEST_CASE("no number of connections is measured over those of another", "[faults]") {
  meter m;
  m.options.jobs = {1, 1, 1};
  std::size_t turns = 0;
  m.options.on_event = [&turns](const event& what) { turns += std::holds_alternative<transfer_planned>(what) ? 1 : 0; };
  const bench_result measured = m.run();
  INFO(m.text.message());
  REQUIRE_FALSE(m.ec);
  const std::string& layer = m.image.layers.front().digest;
  std::set<unsigned> used;
  for (const recorded_request& request : m.registry.requests(layer)) used.insert(request.connection);
  CHECK(m.registry.count(layer) == 3);
  CHECK(used.size() == 3);
  CHECK(turns == 3);  // whoever watches can tell which one it is
}

TEST_CASE("a slow line is measured for the time that is allowed", "[faults]") {
  meter m;
  m.options.jobs = {1};
  m.options.time_each = 500ms;
  m.registry.inject(m.image.layers[1].digest, drip_of(10'000, 10ms), 1, 0);
  const bench_result measured = m.run();
  REQUIRE_FALSE(m.ec);
  CHECK_FALSE(measured.runs[0].complete);
  CHECK(measured.runs[0].bytes > 0);
  CHECK(measured.runs[0].bytes < m.image.blob_bytes());
  CHECK(measured.recommended == 1u);
}

TEST_CASE("a registry that refuses is the result of a run, and of the whole when none brought a byte", "[faults]") {
  meter m;
  m.pulls.settings.attempts = 1;
  m.options.jobs = {1, 2};
  m.registry.inject("/blobs/", answer_with(403), 1, 0);
  m.run();
  CHECK(m.ec == make_error_condition(condition::not_authorised));
}

TEST_CASE("a wait that one number of connections earned is not measured as the next", "[faults]") {
  meter m;
  m.options.jobs = {1, 2};
  m.options.time_each = 1500ms;
  m.registry.inject("/blobs/", too_many_requests("3"), 2, 1);  // the first is for the configuration
  const bench_result measured = m.run();
  INFO(m.text.message());
  REQUIRE_FALSE(m.ec);
  REQUIRE(measured.runs.size() == 2);
  // It was made to wait for as long as it was measured.
  CHECK(measured.runs[0].ec == errc::rate_limited);
  CHECK(measured.runs[0].error.find("limits the rate of requests") != std::string::npos);
  CHECK(measured.runs[1].complete);
  CHECK(measured.runs[1].bytes >= m.image.blob_bytes());
  CHECK_FALSE(measured.runs[1].ec);
  CHECK(measured.recommended == 2u);
}

TEST_CASE("a registry that wants to be left alone for long is the error of what was not measured", "[faults]") {
  meter m;
  m.options.jobs = {1, 2};
  m.registry.inject("/blobs/", too_many_requests("300"), 1, 1);
  m.run();
  CHECK(m.ec == errc::rate_limited);
  // Nobody asks again.
  CHECK(m.registry.count("/blobs/") == 1);
}
