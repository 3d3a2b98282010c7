#include "jobs/sync_lock.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace gantry::jobs {
namespace {

digest id(char letter) {
  error_code ec;
  return digest::parse("sha256:" + std::string(64, letter), ec);
}

std::vector<platform> platforms(const char* text) {
  error_code ec;
  return std::vector<platform>(1, platform::parse(text, ec));
}

locked_tag sample() {
  locked_tag one;
  one.source = "docker.io/library/nginx:1";
  one.source_digest = id('a');
  one.platforms = {"linux/arm64"};
  one.top.media_type = "application/vnd.oci.image.index.v1+json";
  one.top.digest = id('b');
  one.top.size = 17;
  return one;
}

}  // namespace

TEST_CASE("a lock is read as it was written") {
  const sync_lock lock{{"t.test/nginx:1", sample()}, {"t.test/nginx:2", sample()}};
  const std::string text = write_sync_lock(lock);
  CHECK(std::count(text.begin(), text.end(), '\n') == 4);
  const auto read = read_sync_lock(text, "images.lock.json");
  REQUIRE(read);
  CHECK(write_sync_lock(*read) == text);
  CHECK(read->at("t.test/nginx:2").top.size == 17);
  CHECK(read_sync_lock(write_sync_lock({}), "it")->empty());
}

TEST_CASE("what is no lock is refused") {
  for (const char* const bad : {"", "{}", "[]", R"({"version":2,"images":[]})", R"({"version":1,"images":[{"name":"x"}]})"}) {
    INFO(bad);
    CHECK_FALSE(read_sync_lock(bad, "it"));
  }
}

TEST_CASE("the whole of an image is unchanged when both sides name the same and a choice when the lock says so") {
  const locked_tag known = sample();
  CHECK(unchanged_top(id('a'), {}, nullptr, false) == id('a'));
  CHECK(unchanged_top(id('a'), {}, &known, false) == id('a'));
  CHECK_FALSE(unchanged_top({}, {}, nullptr, false));
  const auto arm = platforms("linux/arm64");
  CHECK(unchanged_top(id('a'), arm, &known, false) == id('b'));
  CHECK_FALSE(unchanged_top(id('a'), arm, nullptr, false));
  CHECK_FALSE(unchanged_top(id('c'), arm, &known, false));
  CHECK_FALSE(unchanged_top(id('a'), platforms("linux/amd64"), &known, false));
}

TEST_CASE("what a source does not have is known to be missing where a part will do") {
  locked_tag known = sample();
  known.missing = {"linux/s390x"};
  auto wanted = platforms("linux/s390x");
  wanted.push_back(platforms("linux/arm64").front());
  CHECK(unchanged_top(id('a'), wanted, &known, true) == id('b'));
  CHECK_FALSE(unchanged_top(id('a'), wanted, &known, false));
  CHECK_FALSE(unchanged_top(id('a'), platforms("linux/arm64"), &known, true));
  CHECK(still_missing(wanted, known) == platforms("linux/s390x"));
  // Not known to be missing for good.
  CHECK_FALSE(unchanged_top(id('a'), wanted, std::make_unique<locked_tag>(sample()).get(), true));
  const auto read = read_sync_lock(write_sync_lock({{"t.test/nginx:1", known}}), "it");
  REQUIRE(read);
  CHECK(read->at("t.test/nginx:1").missing == known.missing);
}

}  // namespace gantry::jobs
