#include "transfer/token_bucket.hpp"

#include "support/catch.hpp"

#include <cmath>
#include <random>
#include <vector>

namespace gantry::transfer {
namespace {

using namespace std::chrono_literals;
using time_point = token_bucket::time_point;

constexpr time_point start{std::chrono::hours(1)};

/// Bytes that \p streams receive in the five seconds from \p begin on when each asks again as soon as it has got its grant, and the line
/// gives \p line bytes per second to each. What of a grant was not used goes back after the read, when others hold later slots.
double received_in_five_seconds(std::uint64_t rate, unsigned streams, double line, bool short_reads = false, time_point begin = start) {
  token_bucket bucket(rate, start);
  std::minstd_rand random(7);
  std::vector<time_point> free(streams, start);
  std::vector<std::size_t> unused(streams, 0);
  double bytes = 0;
  for (;;) {
    const auto next = std::min_element(free.begin(), free.end());
    if (*next >= begin + 5s) return bytes;
    std::size_t& left = unused[static_cast<std::size_t>(next - free.begin())];
    bucket.give_back(left);
    const token_bucket::grant given = bucket.take(*next, 256 * 1024);
    std::size_t got = given.bytes;
    if (short_reads) got = 1 + random() % given.bytes;
    left = given.bytes - got;
    const time_point begun = std::max(*next, given.from);
    if (begun >= begin && begun < begin + 5s) bytes += static_cast<double>(got);
    *next = begun + std::chrono::nanoseconds(static_cast<long>(static_cast<double>(got) / line * 1e9));
  }
}

TEST_CASE("a rate is kept within five per cent over five seconds, whatever it is and however many share it") {
  const auto rate = GENERATE(as<std::uint64_t>(), 10'000, 64 * 1024, 1'000'000, 10 << 20, 40'000'000, 500'000'000);
  const unsigned streams = GENERATE(1u, 4u, 16u);
  const bool short_reads = GENERATE(false, true);
  CAPTURE(rate, streams, short_reads);
  const double wanted = 5.0 * static_cast<double>(rate);
  // With short reads the slots of the first round are too long for what comes in them; those after that are not.
  const time_point begin = short_reads ? start + 2s : start;
  // What is read across an end counts as a whole or not at all: that is the test's error and not the limiter's.
  const double edge = short_reads ? 0.005 * wanted : 0;
  CHECK(std::abs(received_in_five_seconds(rate, streams, 1e9, short_reads, begin) - wanted) <= 0.05 * wanted + edge);
}

TEST_CASE("a line that is slower than the limit is not slowed further") {
  CHECK(received_in_five_seconds(10'000'000, 4, 1e6) >= 0.99 * 4 * 5e6);
}

TEST_CASE("what was not used in silence is lost but for a burst") {
  token_bucket bucket(1'000'000, start);
  std::size_t at_once = 0;
  for (;;) {
    const token_bucket::grant given = bucket.take(start + 60s, 1 << 20);
    if (given.from > start + 60s) break;
    at_once += given.bytes;
  }
  CHECK(at_once <= 110'000);
}

TEST_CASE("grants come in the order they were asked for and are never empty") {
  token_bucket bucket(1000, start);
  time_point before = start;
  for (int i = 0; i < 100; ++i) {
    const token_bucket::grant given = bucket.take(start, i % 2 == 0 ? 1 : 5000);
    CHECK(given.bytes >= 1);
    CHECK(given.bytes <= token_bucket::least_grant);
    CHECK(given.from >= before);
    before = given.from;
  }
  CHECK(bucket.take(start, 0).bytes == 0);
}

}  // namespace
}  // namespace gantry::transfer
