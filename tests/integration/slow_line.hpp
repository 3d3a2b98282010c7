#pragma once

#include "integration/shelf.hpp"
#include "integration/workplace.hpp"

#include "support/catch.hpp"
#include "support/relay.hpp"
#include "support/servers.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace gantry::test {

/// A registry with the shelf behind a line that can be slowed down, and a place to pull to.
struct slow_line {
  temp_dir directory;
  docker_registry registry{directory / "registry", {shelf()}};
  relay line{registry.port()};
  std::string image = "127.0.0.1:" + std::to_string(line.port()) + "/team/large:1.0";
  workplace place;

  /// Runs gantry until \p bytes came over the line, then sends \p signal and waits for the end.
  outcome interrupt(const std::vector<std::string>& words, std::uint64_t bytes, int signal) {
    using namespace std::chrono_literals;
    // Slow enough that the signal comes in the middle, on any machine.
    line.limit(80'000'000);
    child pull(place.gantry(words), directory / "log");
    while (pull.running() && line.bytes_down() < bytes) std::this_thread::sleep_for(2ms);
    INFO(slurp(directory / "log"));
    REQUIRE(pull.running());
    pull.signal(signal);
    const auto ended = pull.wait(60s);
    REQUIRE(ended);
    line.limit(0);
    return *ended;
  }
};

}  // namespace gantry::test
