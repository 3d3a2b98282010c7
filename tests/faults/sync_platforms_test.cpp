// Lists that want some architectures: what is missing, what is late, what has not changed.
#include "faults/synced.hpp"

#include "support/catch.hpp"

#include <cstdint>
#include <filesystem>
#include <fstream>

using namespace gantry;
using namespace gantry::test;
namespace fs = std::filesystem;

TEST_CASE("a missing architecture keeps its tag unwritten unless a part will do", "[faults]") {
  synced s;
  s.source.hold("team/two", "1", build_index(media_family::docker, {small_image(1), small_image(2, "arm64")}));
  s.source.hold("team/one", "1", small_image(3));
  const auto text = R"([{"source": "SOURCE/team/two", "tags": ["1"], "architectures": ["amd64", "s390x"]},
    {"source": "SOURCE/team/one", "tags": ["1"], "architectures": ["amd64"]},
    {"source": "SOURCE/team/one:1", "tags": ["other"], "architectures": ["arm64"]}])";
  const sync_report strict = s.run(s.list(text));
  REQUIRE_FALSE(strict.ec);
  CHECK(strict.at("mirror/team/two:1").code == errc::platform_not_found);
  CHECK_FALSE(s.target.has_tag("mirror/team/two", "1"));
  CHECK(strict.at("mirror/team/one:1").state == sync_state::copied);
  CHECK(strict.at("mirror/team/one:other").code == errc::platform_not_found);

  s.options.allow_partial = true;
  const sync_report lenient = s.run(s.list(text));
  REQUIRE_FALSE(lenient.ec);
  const synced_image& part = lenient.at("mirror/team/two:1");
  CHECK(part.state == sync_state::partial);
  REQUIRE(part.missing.size() == 1);
  CHECK(part.missing.front().architecture == "s390x");
  CHECK(part.top.media_type == "application/vnd.docker.distribution.manifest.list.v2+json");
  CHECK(s.target.has_tag("mirror/team/two", "1"));
  // Nothing of what is asked for is no part of it.
  CHECK(lenient.at("mirror/team/one:other").code == errc::platform_not_found);
  CHECK_FALSE(s.target.has_tag("mirror/team/one", "other"));

  // What is missing is told again, and known by one HEAD on each side.
  const auto alone = R"([{"source": "SOURCE/team/two", "tags": ["1"], "architectures": ["amd64", "s390x"]}])";
  s.source.forget_requests();
  const unsigned heads = s.target.count("HEAD manifest");
  for (unsigned run = 0; run < 2; ++run) {
    const sync_report again = s.run(s.list(alone));
    CHECK(again.at("mirror/team/two:1").state == sync_state::unchanged);
    REQUIRE(again.at("mirror/team/two:1").missing.size() == 1);
    CHECK(again.at("mirror/team/two:1").top.digest == part.top.digest);
  }
  CHECK(s.source.requests().size() == 2);
  CHECK(s.target.count("HEAD manifest") == heads + 2);
  s.options.allow_partial = false;
  CHECK(s.run(s.list(alone)).at("mirror/team/two:1").code == errc::platform_not_found);
}

TEST_CASE("each architecture has its time", "[faults]") {
  synced s;
  s.settings.timeouts.idle = std::chrono::minutes(2);
  const test_image slow = small_image(2, "arm64");
  s.source.hold("team/two", "1", build_index(media_family::oci, {small_image(1), slow}));
  s.source.inject("/blobs/" + slow.layers.front().digest, stall_after(10), 1, 0);
  const auto text = R"([{"source": "SOURCE/team/two", "tags": ["1"], "architectures": ["amd64", "arm64"],
    "architecture_timeouts": {"arm64": "1s"}}])";
  const sync_report strict = s.run(s.list(text));
  REQUIRE_FALSE(strict.ec);
  CHECK(strict.at("mirror/team/two:1").code == errc::timed_out);
  CHECK(strict.at("mirror/team/two:1").message.find("linux/arm64") != std::string::npos);
  CHECK_FALSE(s.target.has_tag("mirror/team/two", "1"));
  s.options.allow_partial = true;
  CHECK(s.run(s.list(text)).at("mirror/team/two:1").state == sync_state::partial);
  s.source.heal();
  CHECK(s.run(s.list(text)).at("mirror/team/two:1").state == sync_state::copied);
}

TEST_CASE("a choice of platforms that is unchanged is known from the lock by HEADs", "[faults]") {
  synced s;
  const auto hold = [&](std::uint32_t seed) {
    s.source.hold("team/two", "1", build_index(media_family::oci, {small_image(seed), small_image(2, "arm64"), small_image(3, "s390x")}));
  };
  hold(1);
  const auto text = R"([{"source": "SOURCE/team/two", "tags": ["1"], "architectures": ["amd64", "arm64"]}])";
  CHECK(s.run(s.list(text)).count(sync_state::copied) == 1);
  s.source.forget_requests();
  const unsigned heads = s.target.count("HEAD manifest");
  CHECK(s.run(s.list(text)).count(sync_state::unchanged) == 1);
  REQUIRE(s.source.requests().size() == 1);
  CHECK(s.source.requests().front().method == "HEAD");
  CHECK(s.target.count("HEAD manifest") == heads + 1);
  // The source has moved, the lock is gone, the lock is damaged: looked at again.
  hold(4);
  CHECK(s.run(s.list(text)).count(sync_state::copied) == 1);
  fs::remove(s.options.lock_file);
  CHECK(s.run(s.list(text)).count(sync_state::unchanged) == 1);
  std::ofstream(s.options.lock_file) << R"({"version":1,"images":[)";
  CHECK(s.run(s.list(text)).count(sync_state::unchanged) == 1);
  s.source.forget_requests();
  CHECK(s.run(s.list(text)).count(sync_state::unchanged) == 1);
  CHECK(s.source.requests().size() == 1);
}

TEST_CASE("a file that is no lock is not written over", "[faults]") {
  synced s;
  s.source.hold("team/one", "1", small_image(1));
  const std::string kept = GENERATE(as<std::string>(), "[]", R"({"images":[{"source":"a/b:1"}]})", "notes");
  std::ofstream(s.options.lock_file) << kept;
  const sync_report report = s.run(s.list(R"([{"source": "SOURCE/team/one:1"}])"));
  CHECK(report.ec == errc::invalid_option);
  CHECK(report.text.message().find("is no lock file") != std::string::npos);
  CHECK(writes(s.target) == 0);
  CHECK(slurp(s.options.lock_file) == kept);
}
