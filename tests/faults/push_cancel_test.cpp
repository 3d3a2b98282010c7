// A push that is watched and stopped, and a prune that is.
#include "faults/uploaded.hpp"

#include "support/catch.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
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
  u.settings.limit_rate = 1'000'000;
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
      if (cancel && moved != nullptr && moved->done > 0) stop.emit(asio::cancellation_type::total);
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
  u.settings.limit_rate = 0;
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
  prune_result result;
  engine one(context.get_executor(), u.settings);
  one.async_prune({reference::parse(u.target.host() + "/copied/app:1.0", ec)}, prune_options(), u.text,
                  asio::bind_cancellation_slot(stop.slot(), [&](error_code failed, prune_result made) {
                    ended = failed;
                    result = std::move(made);
                    one.async_shutdown([](error_code) {});
                  }));
  stop.emit(asio::cancellation_type::terminal);
  context.run_for(2min);
  REQUIRE(ended);
  // One whose first deletion was under way says so.
  CHECK((*ended == make_error_condition(condition::cancelled) || (!*ended && result.stopped)));
  CHECK(result.deleted.empty());
  CHECK(u.complete());
}

TEST_CASE("a prune that is cancelled half way tells what is gone and what may be", "[faults]") {
  uploaded u;
  REQUIRE_FALSE(u.copy());
  const bool by_tag = GENERATE(true, false);
  if (by_tag) u.target.delete_by_tag();
  u.settings.jobs = 1;
  std::vector<reference> names;
  error_code ec;
  for (char one = 'a'; one < 'e'; ++one) {
    image_recipe recipe;
    recipe.layers = {200};
    recipe.seed = static_cast<std::uint32_t>(one);
    u.target.hold("copied/app", std::string(1, one), build_image(recipe));
    names.push_back(reference::parse(u.target.host() + "/copied/app:" + one, ec));
  }
  // By tag: two are deleted, the third is never answered. By digest: the first DELETE shows that tags are not, then the same.
  const unsigned stuck = by_tag ? 3 : 4;
  u.target.fail("DELETE manifest", {upload_fault::kind::answer, 503, "Retry-After: 5\r\n", 0}, stuck, 0);
  asio::cancellation_signal stop;
  asio::io_context context;
  std::optional<error_code> ended;
  prune_result result;
  engine one(context.get_executor(), u.settings);
  prune_options options;
  options.on_event = [&](const event& what) {
    if (std::holds_alternative<retry_scheduled>(what)) stop.emit(asio::cancellation_type::terminal);
  };
  one.async_prune(names, options, u.text, asio::bind_cancellation_slot(stop.slot(), [&](error_code failed, prune_result made) {
                    ended = failed;
                    result = std::move(made);
                    one.async_shutdown([](error_code) {});
                  }));
  context.run_for(2min);
  REQUIRE(ended);
  INFO(u.text.message());
  CHECK_FALSE(*ended);
  CHECK(result.stopped);
  REQUIRE(result.deleted.size() == 2);
  for (const reference& gone : result.deleted) CHECK_FALSE(u.target.has_tag("copied/app", gone.tag()));
  const auto left =
      std::count_if(names.begin(), names.end(), [&](const reference& each) { return u.target.has_tag("copied/app", each.tag()); });
  CHECK(left == 2);
  // The fourth was not tried, and is told nowhere.
  REQUIRE(result.kept.size() == 1);
  CHECK(result.kept.front().code == make_error_code(errc::cancelled));
  CHECK(result.kept.front().why.find("may be gone") != std::string::npos);
  CHECK(u.target.has_tag("copied/app", result.kept.front().name.tag()));
}
