// --max-per-host in commands that write, list and delete: the requests under way at once to each of the registries.
#include "faults/alone.hpp"
#include "faults/at_once.hpp"
#include "faults/synced.hpp"
#include "faults/uploaded.hpp"

#include "support/catch.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
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

/// Makes requests last so long that they meet.
void slow_down(upload_registry& target) {
  for (const char* const what : {"PUT blob", "PATCH blob", "PUT manifest", "HEAD manifest", "GET manifest", "DELETE manifest", "GET tags"})
    target.fail(what, {kind::pause, 0, {}, 0, 20ms}, 1, 0);
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

/// Calls on the names of one registry that are under way together.
struct together {
  together() {
    settings.cache_dir = directory / "store";
    settings.plain_http.insert(registry.host());
    settings.jobs = 8;
    settings.max_per_host = allowed;
    settings.timeouts.header = 30s;
    registry.delete_by_tag();
    for (unsigned i = 0; i < images; ++i) registry.hold("app" + std::to_string(i), "1", small_image(i));
    slow_down(registry);
  }
  /// \param begin given the engine, one of the names, and what it has to call at the end
  void run(const std::function<void(engine&, const reference&, std::function<void(error_code)>)>& begin) {
    boost::asio::io_context context;
    unsigned completed = 0;
    {
      engine one(context.get_executor(), settings);
      for (unsigned i = 0; i < images; ++i) {
        error_code ec;
        const reference name = reference::parse(registry.host() + "/app" + std::to_string(i) + ":1", ec);
        begin(one, name, [&](error_code failed) {
          INFO(text.message());
          CHECK_FALSE(failed);
          if (++completed == images) one.async_shutdown([](error_code) {});
        });
      }
      context.run_for(std::chrono::minutes(5));
    }
    REQUIRE(completed == images);
  }

  upload_registry registry;
  temp_dir directory;
  engine_options settings;
  diagnostics text;
};

}  // namespace

TEST_CASE("lists of tags are asked for no more at once than are allowed", "[faults]") {
  together a;
  a.run([&](engine& one, const reference& name, std::function<void(error_code)> done) {
    one.async_tags(name, tags_options(), a.text, [done](error_code ec, const tags_result&) { done(ec); });
  });
  CHECK(a.registry.count("GET tags") == images);
  CHECK(a.registry.most_at_once({}) == allowed);
}

TEST_CASE("images are deleted no more at once than are allowed", "[faults]") {
  together a;
  a.run([&](engine& one, const reference& name, std::function<void(error_code)> done) {
    one.async_delete(name, delete_options(), a.text, [done](error_code ec, const delete_result&) { done(ec); });
  });
  CHECK(a.registry.count("DELETE manifest") >= images);
  CHECK(a.registry.most_at_once({}) == allowed);
}

TEST_CASE("tags are pruned no more at once than are allowed", "[faults]") {
  together a;
  std::vector<reference> names;
  for (unsigned i = 0; i < images; ++i) {
    error_code ec;
    names.push_back(reference::parse(a.registry.host() + "/app" + std::to_string(i) + ":1", ec));
  }
  bool begun = false;
  prune_result pruned;
  a.run([&](engine& one, const reference&, std::function<void(error_code)> done) {
    if (std::exchange(begun, true)) return done({});
    one.async_prune(names, prune_options(), a.text, [&pruned, done](error_code ec, prune_result made) {
      pruned = std::move(made);
      done(ec);
    });
  });
  CHECK(pruned.deleted.size() == images);
  CHECK(a.registry.most_at_once({}) == allowed);
}

TEST_CASE("a list is synced over no more connections to either registry than are allowed", "[faults]") {
  limited s;
  const sync_report report = s.run(s.list(s.text));
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  CHECK(report.count(sync_state::copied) == images);
  CHECK(at_once(s.source) == allowed);
  CHECK(s.target.most_at_once({}) == allowed);
}

TEST_CASE("several images are pushed over no more connections than are allowed", "[faults]") {
  limited s;
  const std::string layout = (s.directory / "layout").string();
  s.options.to = layout;
  const sync_report written = s.run(s.list(s.text));
  INFO(written.text.message());
  REQUIRE_FALSE(written.ec);
  CHECK(at_once(s.source) == allowed);
  diagnostics text;
  push_result pushed;
  const error_code ec = run_alone(s.settings, pushed, [&](engine& one, auto done) {
    one.async_push(push_source(layout), push_prefix{s.target.host(), "many"}, push_options(), text, std::move(done));
  });
  INFO(text.message());
  REQUIRE_FALSE(ec);
  CHECK(pushed.images.size() == images);
  CHECK(s.target.most_at_once({}) == allowed);
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
    CHECK(one->most_at_once({}) <= u.settings.max_per_host);
  }
  CHECK(at_once(u.source) <= u.settings.max_per_host);
}
