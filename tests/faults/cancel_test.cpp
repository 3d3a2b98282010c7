// Operations that are stopped, and engines that go away.
#include "faults/puller.hpp"

#include "support/catch.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>

#include <optional>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

struct served {
  served() {
    registry.hold("team/app", "1.0", image);
    registry.inject(image.layers[1].digest, stall_after(2'000'000), 1, 1);
    pulls.settings.timeouts.idle = 10min;
    error_code ec;
    name = reference::parse(registry.host() + "/team/app:1.0", ec);
    options.platforms = {platform::parse("linux/amd64", ec)};
  }
  fake_registry registry;
  test_image image = app_image();
  puller pulls{registry};
  reference name;
  pull_options options;
};

}  // namespace

TEST_CASE("a cancelled pull completes with cancelled and keeps what it has", "[faults]") {
  served s;
  const asio::cancellation_type kind =
      GENERATE(asio::cancellation_type::terminal, asio::cancellation_type::partial, asio::cancellation_type::total);
  asio::io_context context;
  std::optional<error_code> ended;
  {
    engine one(context.get_executor(), s.pulls.settings);
    asio::cancellation_signal stop;
    one.async_pull(s.name, s.options, asio::bind_cancellation_slot(stop.slot(), [&](error_code ec, pull_result) { ended = ec; }));
    asio::steady_timer timer(context, 1s);
    timer.async_wait([&](error_code) { stop.emit(kind); });
    const auto start = std::chrono::steady_clock::now();
    while (!ended && std::chrono::steady_clock::now() - start < 60s) context.run_one_for(1s);
    REQUIRE(ended);
    CHECK(std::chrono::steady_clock::now() - start < 60s);
    one.async_shutdown([](error_code) {});
    context.restart();
    context.run_for(30s);
  }
  CHECK(*ended == make_error_condition(condition::cancelled));
  CHECK(s.pulls.leftovers(true) == "");

  s.registry.heal();
  s.registry.forget_requests();
  const pull_report again = s.pulls.pull();
  INFO(again.text.message());
  CHECK_FALSE(again.ec);
  CHECK(again.result.bytes_resumed >= 1'900'000);
  CHECK(s.registry.body_sent(s.image.layers[1].digest) < s.image.layers[1].bytes.size() - 1'900'000);
}

TEST_CASE("an engine with its own thread stops its operations when it goes", "[faults]") {
  served s;
  std::future<pull_result> pending;
  const auto start = std::chrono::steady_clock::now();
  {
    engine one(s.pulls.settings);
    pending = one.async_pull(s.name, s.options, asio::use_future);
    CHECK(pending.wait_for(1s) == std::future_status::timeout);
  }
  CHECK(std::chrono::steady_clock::now() - start < 60s);
  try {
    pending.get();
    FAIL("the pull ended well");
  } catch (const boost::system::system_error& e) {
    CHECK(e.code() == make_error_condition(condition::cancelled));
  }
  CHECK(s.pulls.leftovers(true) == "");
  s.pulls.heals(s.registry);
}

TEST_CASE("two pulls of one image on one engine fetch each blob once", "[faults]") {
  served s;
  s.registry.heal();
  {
    engine one(s.pulls.settings);
    auto first = one.async_pull(s.name, s.options, asio::use_future);
    auto second = one.async_pull(s.name, s.options, asio::use_future);
    CHECK(first.get().images.size() == 1);
    CHECK(second.get().images.size() == 1);
  }
  CHECK(s.registry.body_sent(s.image.layers[1].digest) == s.image.layers[1].bytes.size());
  CHECK(s.pulls.leftovers() == "");
}
