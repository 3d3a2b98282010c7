// Lists whose sources or targets are dead, silent or slow: who waits for them, and for how long.
#include "faults/synced.hpp"

#include "support/catch.hpp"
#include "support/scripted_server.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

using namespace gantry;
using namespace gantry::test;

TEST_CASE("the time of an entry ends its image and no other", "[faults]") {
  synced s;
  s.settings.timeouts.idle = std::chrono::minutes(2);
  s.settings.timeouts.header = std::chrono::minutes(2);
  for (const std::string name : {"a", "b"}) s.source.hold("team/" + name, "1", small_image(static_cast<std::uint32_t>(name[0])));
  s.source.inject("/blobs/" + small_image('a').layers.front().digest, stall_after(10), 1, 0);
  const sync_report report = s.run(s.list(R"([{"source": "SOURCE/team/a", "tags": ["1"], "timeout": "1s"},
    {"source": "SOURCE/team/b", "tags": ["1"]}])"));
  REQUIRE_FALSE(report.ec);
  const synced_image& late = report.at("mirror/team/a:1");
  CHECK(late.code == errc::timed_out);
  CHECK(late.message.find("1.0 s, the time that the list allows") != std::string::npos);
  CHECK(report.at("mirror/team/b:1").state == sync_state::copied);
}

TEST_CASE("an entry whose target is dead is tried once, and the others of it fail like it", "[faults]") {
  synced s;
  s.settings.backoff = std::chrono::milliseconds(1);
  const std::string nobody = "127.0.0.1:1";
  s.settings.plain_http.insert(nobody);
  for (const std::string name : {"a", "b", "c"}) s.source.hold("team/" + name, "1", small_image(static_cast<std::uint32_t>(name[0])));
  std::size_t retries = 0;
  s.options.on_event = [&](const event& what) { retries += std::holds_alternative<retry_scheduled>(what) ? 1 : 0; };
  const sync_report report = s.run(s.list(R"([{"source": "SOURCE/team/a:1", "registry": "127.0.0.1:1"},
    {"source": "SOURCE/team/b:1", "registry": "127.0.0.1:1"}, {"source": "SOURCE/team/c:1", "registry": "127.0.0.1:1"},
    {"source": "SOURCE/team/a:1"}, {"source": "SOURCE/team/b:1"}])"));
  REQUIRE_FALSE(report.ec);
  CHECK(report.count(sync_state::copied) == 2);
  REQUIRE(report.count(sync_state::failed) == 3);
  CHECK(retries == 2);
  std::size_t told = 0;
  for (const synced_image& one : report.result.images) {
    if (one.state != sync_state::failed) continue;
    CHECK(one.code == errc::connection_refused);
    told += one.message == "given up: nobody listens at 127.0.0.1:1, as was found with 127.0.0.1:1/team/a:1" ? 1 : 0;
  }
  CHECK(told == 2);
}

TEST_CASE("a target that never answers holds up no other of a list and is given up", "[faults]") {
  synced s;
  const scripted_server dead({await_end});
  const std::string silent = "127.0.0.1:" + std::to_string(dead.port());
  s.settings.plain_http.insert(silent);
  s.settings.backoff = std::chrono::milliseconds(1);
  s.settings.budget = std::chrono::minutes(15);
  s.settings.timeouts.header = std::chrono::seconds(15);
  constexpr unsigned count = 8;
  std::string text = "[";
  for (unsigned i = 0; i < count; ++i) {
    const std::string name = "team/app" + std::to_string(i);
    s.source.hold(name, "1", small_image(i + 1));
    text += (i == 0 ? "" : ",") + std::string(R"({"source": "SOURCE/)") + name + R"(:1", "registry": ")" + silent +
            R"("}, {"source": "SOURCE/)" + name + R"(:1"})";
  }
  // What was there when the silent one had been waited for once.
  std::optional<unsigned> there;
  s.options.on_event = [&](const event& what) {
    if (std::holds_alternative<retry_scheduled>(what) && !there) there = s.target.count("PUT manifest");
  };
  const sync_report report = s.run(s.list(text + "]"));
  REQUIRE_FALSE(report.ec);
  CHECK(report.count(sync_state::copied) == count);
  CHECK(report.count(sync_state::failed) == count);
  CHECK(there == count);
  std::size_t told = 0;
  std::string messages;
  for (const synced_image& one : report.result.images) {
    told += one.message.find("given up: " + silent + " does not answer") != std::string::npos ? 1 : 0;
    messages += one.message + "\n";
  }
  INFO(messages);
  CHECK(told == count - 1);
}

TEST_CASE("the target of a tag is asked while its source is", "[faults]") {
  synced s;
  s.settings.timeouts.header = std::chrono::seconds(3);
  s.settings.attempts = 1;
  s.source.hold("team/app", "1", small_image(1));
  s.source.inject("/manifests/", no_answer(), 1, 0);
  const sync_report report = s.run(s.list(R"([{"source": "SOURCE/team/app:1"}])"));
  REQUIRE_FALSE(report.ec);
  CHECK(report.count(sync_state::failed) == 1);
  CHECK(s.target.count("HEAD manifest") == 1);
}

TEST_CASE("a source that lacks an image is believed although the target is silent", "[faults]") {
  synced s;
  const scripted_server dead({await_end});
  const std::string silent = "127.0.0.1:" + std::to_string(dead.port());
  s.settings.plain_http.insert(silent);
  s.settings.timeouts.header = std::chrono::hours(1);
  const sync_report report = s.run(s.list(R"([{"source": "SOURCE/team/app:1", "registry": ")" + silent + R"("}])"));
  REQUIRE_FALSE(report.ec);
  REQUIRE(report.result.images.size() == 1);
  CHECK(report.result.images.front().code == errc::not_found);
}

TEST_CASE("a dead source of which a mirror holds one image is given up for the others", "[faults]") {
  synced s;
  s.settings.backoff = std::chrono::milliseconds(1);
  s.settings.budget = std::chrono::minutes(15);
  s.settings.plain_http.insert("127.0.0.1:1");
  s.source.hold("team/a", "1", small_image(1));
  const std::string text = R"([{"source": "127.0.0.1:1/team/a:1", "mirrors": ["http://SOURCE"]},
    {"source": "127.0.0.1:1/team/b:1"}, {"source": "127.0.0.1:1/team/c:1"}, {"source": "127.0.0.1:1/team/d:1"}])";
  const sync_list list = s.list(text);
  s.settings.mirrors = list.mirrors();
  std::size_t retries = 0;
  s.options.on_event = [&](const event& what) { retries += std::holds_alternative<retry_scheduled>(what) ? 1 : 0; };
  const sync_report report = s.run(list);
  REQUIRE_FALSE(report.ec);
  CHECK(report.at("mirror/team/a:1").state == sync_state::copied);
  CHECK(report.count(sync_state::failed) == 3);
  CHECK(retries == 2);
  std::size_t told = 0;
  for (const synced_image& one : report.result.images) {
    INFO(one.message);
    CHECK((one.state == sync_state::copied || one.code == errc::connection_refused));
    told += one.message.find("given up: nobody listens at 127.0.0.1:1,") == 0 ? 1 : 0;
  }
  CHECK(told == 2);
}

TEST_CASE("what a mirror lacks of a dead source is not waited for although it gave another image", "[faults]") {
  synced s;
  s.settings.backoff = std::chrono::milliseconds(1);
  s.settings.budget = std::chrono::minutes(15);
  s.settings.plain_http.insert("127.0.0.1:1");
  s.source.hold("team/a", "1", small_image(1));
  const sync_list list = s.list(R"({"defaults": {"mirrors": ["127.0.0.1:1=http://SOURCE"]}, "images": [
    {"source": "127.0.0.1:1/team/a:1"}, {"source": "127.0.0.1:1/team/b:1"}]})");
  s.settings.mirrors = list.mirrors();
  s.settings.jobs = 1;
  const sync_report report = s.run(list);
  REQUIRE_FALSE(report.ec);
  CHECK(report.at("mirror/team/a:1").state == sync_state::copied);
  CHECK(report.at("mirror/team/b:1").code == errc::connection_refused);
}
