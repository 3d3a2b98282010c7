#include "support/relay.hpp"

#include "support/catch.hpp"
#include "support/scripted_server.hpp"

#include <chrono>
#include <string>

using namespace gantry::test;

namespace {

constexpr std::size_t size = 300'000;

/// Sends so many bytes to whoever comes, and ends.
conversation generous() {
  return [](socket_handle& connection) {
    connection.send(std::string(size, 'x'));
    connection.receive(1, std::chrono::milliseconds(1));
  };
}

/// What comes over a connection before it ends, or before nothing comes for a moment.
std::size_t arriving(const relay& line) {
  socket_handle connection = connect_to_loopback(line.port());
  std::size_t bytes = 0;
  for (;;) {
    const std::string more = connection.receive(65536, std::chrono::milliseconds(700));
    if (more.empty()) return bytes;
    bytes += more.size();
  }
}

}  // namespace

TEST_CASE("a bad line cuts, resets and stalls before so many bytes have come", "[relay]") {
  const scripted_server server({generous()});
  relay line(server.port());
  CHECK(arriving(line) == size);
  CHECK(line.troubled() == 0);
  bad_line bad;
  bad.within = 100'000;
  bad.seed = 3;
  const auto kind = GENERATE(&bad_line::cut, &bad_line::reset, &bad_line::stall);
  bad.*kind = 1000;
  line.worsen(bad);
  for (unsigned i = 1; i <= 3; ++i) {
    CHECK(arriving(line) < bad.within);
    CHECK(line.troubled() == i);
  }
}

TEST_CASE("a line that crawls or delays brings everything", "[relay]") {
  const scripted_server server({generous()});
  relay line(server.port());
  bad_line bad;
  bad.crawl = GENERATE(0U, 1000U);
  bad.delay = std::chrono::milliseconds(2);
  line.worsen(bad);
  const auto begun = std::chrono::steady_clock::now();
  CHECK(arriving(line) == size);
  CHECK(line.troubled() == (bad.crawl == 0 ? 0 : 1));
  // 4 KiB in two milliseconds at most.
  if (bad.crawl != 0) CHECK(std::chrono::steady_clock::now() - begun >= std::chrono::milliseconds(size / 4096 * 2));
}
