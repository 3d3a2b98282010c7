// Uploads to docker-registry over a line that cuts connections.
#include "integration/workplace.hpp"

#include "support/catch.hpp"
#include "support/image_builder.hpp"
#include "support/nginx.hpp"
#include "support/relay.hpp"
#include "support/servers.hpp"

#include <chrono>
#include <csignal>
#include <cstdint>
#include <regex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace gantry::test;

namespace {

/// An image with one large layer in the store, and an empty registry behind a line.
struct cut_line {
  cut_line() {
    image_recipe recipe;
    recipe.layers = {60'000'000};
    image = build_image(recipe);
    push(from.port(), "app", "1.0", image);
    whole = image.layers.front().bytes.size();
    REQUIRE(place.run({"pull", "--store-only", from.host() + "/app:1.0"}).status == 0);
  }
  static registry_options in(const std::filesystem::path& storage) {
    registry_options options;
    options.storage = storage;
    return options;
  }
  std::vector<std::string> words(std::vector<std::string> more = {}) const { return words_over(line, std::move(more)); }
  std::vector<std::string> words_over(const relay& way, std::vector<std::string> more = {}) const {
    std::vector<std::string> all{"push", from.host() + "/app:1.0", "127.0.0.1:" + std::to_string(way.port()) + "/app:1.0"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  bool arrived() const {
    return run_or_throw({{"skopeo", "inspect", "--raw", "--tls-verify=false", "docker://" + to.host() + "/app:1.0"}}) ==
               image.manifest.bytes &&
           run({{"skopeo", "copy", "-q", "--src-tls-verify=false", "docker://" + to.host() + "/app:1.0",
                 "oci:" + (directory / "copy").string()}})
               .ok();
  }

  temp_dir directory;
  docker_registry from{directory / "from", in(directory / "source")};
  docker_registry to{directory / "to", in(directory / "target")};
  relay line{to.port()};
  workplace place;
  test_image image;
  std::uint64_t whole = 0;
};

}  // namespace

TEST_CASE("a layer gets into docker-registry that is longer than what a connection survives", "[integration]") {
  cut_line c;
  constexpr std::uint64_t lasts = 25'000'000;
  c.line.cut_each_after(lasts);
  const outcome pushed = c.place.run(c.words({"-v", "--debug", "--progress", "json"}));
  INFO(pushed.err);
  CHECK(pushed.status == 0);
  CHECK(c.arrived());
  CHECK(c.line.bytes_up() < c.whole + 2 * lasts);
  // The address of an upload opens it to whoever has it.
  CHECK(pushed.err.find("connection was lost") != std::string::npos);
  CHECK_FALSE(std::regex_search(pushed.err + pushed.out, std::regex("/blobs/uploads/[0-9a-f]")));
}

TEST_CASE("a line that no request survives is named as the cause", "[integration]") {
  cut_line c;
  c.line.cut_each_after(2'000'000);
  const outcome pushed = c.place.run(c.words());
  INFO(pushed.err);
  CHECK(pushed.status == 1);
  CHECK(pushed.err.find("cut off 6 times") != std::string::npos);
  CHECK(pushed.err.find("servers") == std::string::npos);
  CHECK(pushed.err.find("goes on with what has arrived") == std::string::npos);
}

TEST_CASE("after a push that was killed the next one completes", "[integration]") {
  using namespace std::chrono_literals;
  cut_line c;
  {
    child running(c.place.gantry(c.words({"--limit-rate", "30M"})), c.directory / "log");
    while (running.running() && c.line.bytes_up() < c.whole / 2) std::this_thread::sleep_for(2ms);
    REQUIRE(running.running());
    running.signal(SIGKILL);
    REQUIRE(running.wait(60s));
  }
  c.line.forget();
  const outcome rest = c.place.run(c.words());
  INFO(rest.err);
  CHECK(rest.status == 0);
  CHECK(c.arrived());
  // docker-registry has lost what the request that was cut had sent, but nothing goes twice in one run.
  CHECK(c.line.bytes_up() < c.whole + 1'000'000);
}

TEST_CASE("behind a proxy that passes complete requests on a killed push leaves what earlier requests brought", "[integration]") {
  using namespace std::chrono_literals;
  cut_line c;
  const nginx_server proxy(c.directory / "nginx", "client_max_body_size 0; " + proxy_to(c.to.host()));
  relay way(proxy.port());
  {
    child running(c.place.gantry(c.words_over(way, {"--limit-rate", "20M"})), c.directory / "log");
    const auto wait_for = [&](std::uint64_t bytes) {
      while (running.running() && way.bytes_up() < bytes) std::this_thread::sleep_for(2ms);
      REQUIRE(running.running());
    };
    // The first request is lost, and those after it are short; the third of them is under way.
    wait_for(20'000'000);
    way.cut();
    wait_for(58'000'000);
    running.signal(SIGKILL);
    REQUIRE(running.wait(60s));
  }
  way.forget();
  const outcome rest = c.place.run(c.words_over(way));
  INFO(rest.err);
  CHECK(rest.status == 0);
  CHECK(c.arrived());
  CHECK(way.bytes_up() < c.whole - 30'000'000);
}
