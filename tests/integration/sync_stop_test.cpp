// A run that is stopped while it deletes tells what it had done by then.
#include "integration/workplace.hpp"

#include "support/catch.hpp"
#include "support/image_builder.hpp"
#include "support/upload_registry.hpp"

#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <thread>

using namespace gantry::test;

TEST_CASE("Ctrl-C or --timeout while tags are deleted tells what was written and what is gone", "[integration]") {
  const bool timeout = GENERATE(false, true);
  upload_registry registry;
  registry.delete_by_tag();
  const test_image image = build_image({});
  registry.hold("from/app", "1", image);
  for (const char* const tag : {"a", "b", "c"}) registry.hold("mirror/app", tag, image);
  registry.fail("DELETE manifest", {upload_fault::kind::answer, 503, "Retry-After: 60\r\n", 0}, 2, 0);
  const workplace place;
  std::ofstream(place / "images.json") << R"([{"source": ")" << registry.host() << R"(/from/app:1", "target": "app"}])";
  // Long enough for a slow machine to have come to the second deletion, which is put off for a minute.
  const std::string limit = timeout ? "15s" : "5m";
  child pruning(place.gantry({"sync", "images.json", "--to", registry.host() + "/mirror", "--prune", "--yes", "--json", "-j", "1",
                              "--timeout", limit}),
                place / "output");
  for (int looks = 0; looks < 6000 && pruning.running() && registry.count("DELETE manifest") < 2; ++looks) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // the answer is on its way
  if (!timeout) pruning.signal(SIGINT);
  const auto ended = pruning.wait(std::chrono::minutes(1));
  std::ifstream file(place / "output");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  INFO(text);
  REQUIRE(ended);
  CHECK(ended->status == (timeout ? 1 : 130));
  CHECK(text.find(timeout ? "the time that --timeout allows" : "stopped") != std::string::npos);
  CHECK(registry.has_tag("mirror/app", "1"));
  CHECK_FALSE(registry.has_tag("mirror/app", "a"));
  CHECK(text.find(R"("state":"copied")") != std::string::npos);
  CHECK(text.find(R"("deleted":[")" + registry.host() + R"(/mirror/app:a"],"kept":[{"name":")" + registry.host() + "/mirror/app:b\"") !=
        std::string::npos);
  CHECK(text.find(R"("stopped":true)") != std::string::npos);
  CHECK(text.find("/mirror/app:c") == std::string::npos);
  CHECK(text.find("it deletes what is left") != std::string::npos);
}
