// --max-per-host in commands that write: what is open at once to each of the registries.
#include "faults/synced.hpp"
#include "faults/uploaded.hpp"

#include "support/catch.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;
using kind = gantry::test::upload_fault::kind;

namespace {

constexpr unsigned images = 8;
constexpr unsigned allowed = 2;
// The thread of a connection that was given up may end after the next one has begun.
constexpr unsigned late_ends = 2;

/// Makes requests last so long that they meet.
void slow_down(upload_registry& target) {
  for (const char* const what : {"PUT blob", "PATCH blob", "PUT manifest"}) target.fail(what, {kind::pause, 0, {}, 0, 20ms}, 1, 0);
}

struct limited : synced {
  limited() {
    settings.jobs = 8;
    settings.max_per_host = allowed;
    settings.timeouts.header = 30s;
    settings.timeouts.idle = 30s;
    for (unsigned i = 0; i < images; ++i) {
      const std::string name = "team/app" + std::to_string(i);
      source.hold(name, "1", small_image(i));
      text += (i == 0 ? R"([{"source": "SOURCE/)" : R"(,{"source": "SOURCE/)") + name + R"(:1"})";
    }
    text += "]";
    source.inject("/v2/", late_by(20ms), 1, 0);
    slow_down(target);
  }
  std::string text;
};

}  // namespace

TEST_CASE("a list is synced over no more connections to either registry than are allowed", "[faults]") {
  limited s;
  const sync_report report = s.run(s.list(s.text));
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  CHECK(report.count(sync_state::copied) == images);
  CHECK(s.source.most_open() <= allowed + late_ends);
  CHECK(s.target.most_open() <= allowed + late_ends);
}

TEST_CASE("several images are pushed over no more connections than are allowed", "[faults]") {
  limited s;
  const std::string layout = (s.directory / "layout").string();
  s.options.to = layout;
  const sync_report written = s.run(s.list(s.text));
  INFO(written.text.message());
  REQUIRE_FALSE(written.ec);
  CHECK(s.source.most_open() <= allowed + late_ends);
  boost::asio::io_context context;
  error_code ec;
  diagnostics text;
  push_result pushed;
  bool completed = false;
  {
    engine one(context.get_executor(), s.settings);
    one.async_push(push_source(layout), push_prefix{s.target.host(), "many"}, push_options(), text,
                   [&](error_code failed, push_result made) {
                     ec = failed;
                     pushed = std::move(made);
                     completed = true;
                     one.async_shutdown([](error_code) {});
                   });
    context.run_for(std::chrono::minutes(5));
  }
  REQUIRE(completed);
  INFO(text.message());
  REQUIRE_FALSE(ec);
  CHECK(pushed.images.size() == images);
  CHECK(s.target.most_open() <= allowed + late_ends);
}

TEST_CASE("a copy to several registries waits for nobody when few connections to the source are allowed", "[faults]") {
  uploaded u;
  upload_registry second;
  upload_registry third;
  u.settings.jobs = 16;
  u.settings.max_per_host = GENERATE(1u, 2u, 3u, 8u);
  u.settings.timeouts.header = 30s;
  u.settings.timeouts.idle = 30s;
  std::vector<std::string> targets;
  for (upload_registry* const one : {&u.target, &second, &third}) {
    u.settings.plain_http.insert(one->host());
    targets.push_back(one->host() + "/copied/app:1.0");
    slow_down(*one);
  }
  const auto begun = std::chrono::steady_clock::now();
  const error_code ec = u.copy(u.source.host() + "/team/app:1.0", targets);
  INFO(u.text.message());
  REQUIRE_FALSE(ec);
  CHECK(std::chrono::steady_clock::now() - begun < 5s);  // the patience with one of several readers that stands still
  for (const upload_registry* const one : {&u.target, &second, &third}) {
    CHECK(u.complete(*one));
    CHECK(one->most_open() <= u.settings.max_per_host + late_ends);
  }
  CHECK(u.source.most_open() <= u.settings.max_per_host + late_ends);
}
