// A push that is watched and stopped, and a prune that is.
#include "faults/uploaded.hpp"

#include "support/catch.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <filesystem>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;
namespace asio = boost::asio;

TEST_CASE("a push tells what it does, ends when it is cancelled, and the next one goes on", "[faults]") {
  uploaded u;
  {
    puller pulls(u.source);
    pulls.settings.cache_dir = u.settings.cache_dir;
    REQUIRE_FALSE(pulls.pull().ec);
  }
  error_code ec;
  const reference from = reference::parse(u.source.host() + "/team/app:1.0", ec);
  const reference to = reference::parse(u.target.host() + "/copied/app:1.0", ec);
  // The large layer stands still in the middle, for longer than the test.
  u.target.fail("PUT blob", {upload_fault::kind::pause, 0, {}, 1'000'000, 10min});
  asio::cancellation_signal stop;
  std::vector<event> seen;
  const auto push = [&](bool cancel) {
    asio::io_context context;
    std::optional<error_code> ended;
    engine one(context.get_executor(), u.settings);
    push_options options;
    options.on_event = [&](const event& what) {
      seen.push_back(what);
      const auto* moved = std::get_if<blob_progress>(&what);
      if (cancel && moved != nullptr && moved->done > 200'000) stop.emit(asio::cancellation_type::total);
    };
    one.async_push(from, to, std::move(options), u.text, asio::bind_cancellation_slot(stop.slot(), [&](error_code failed, push_result) {
                     ended = failed;
                     one.async_shutdown([](error_code) {});
                   }));
    context.run_for(2min);
    REQUIRE(ended);
    return *ended;
  };
  CHECK(push(true) == make_error_condition(condition::cancelled));
  CHECK_FALSE(u.complete());
  u.target.heal();
  INFO(u.text.message());
  CHECK_FALSE(push(false));
  CHECK(u.complete());
  std::size_t finished = 0;
  std::size_t planned = 0;
  for (const event& one : seen) {
    finished += std::holds_alternative<blob_finished>(one) ? 1 : 0;
    planned += std::holds_alternative<transfer_planned>(one) ? 1 : 0;
  }
  CHECK(planned == 2);
  CHECK(finished >= u.image.layers.size());
}

TEST_CASE("a prune ends when it is cancelled", "[faults]") {
  uploaded u;
  REQUIRE_FALSE(u.copy());
  error_code ec;
  asio::cancellation_signal stop;
  asio::io_context context;
  std::optional<error_code> ended;
  engine one(context.get_executor(), u.settings);
  one.async_prune({reference::parse(u.target.host() + "/copied/app:1.0", ec)}, prune_options(), u.text,
                  asio::bind_cancellation_slot(stop.slot(), [&](error_code failed, prune_result) {
                    ended = failed;
                    one.async_shutdown([](error_code) {});
                  }));
  stop.emit(asio::cancellation_type::terminal);
  context.run_for(2min);
  REQUIRE(ended);
  CHECK(*ended == make_error_condition(condition::cancelled));
  CHECK(u.complete());
}
