#include "transfer/token_bucket.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <numeric>
#include <random>
#include <vector>

namespace gantry::transfer {
namespace {

using namespace std::chrono_literals;
using time_point = token_bucket::time_point;

constexpr time_point start{std::chrono::hours(1)};

/// Bytes that \p streams receive in the first five seconds when each asks again as soon as it has got its grant, and the line gives \p line
/// bytes per second to each. Those who ask wait in a row, as they do for a limiter. What of a grant was not used goes back after the read.
double received_in_five_seconds(std::uint64_t rate, unsigned streams, double line, bool short_reads = false) {
  struct reading {
    unsigned stream;
    time_point end;
    std::size_t unused;
  };
  token_bucket bucket(rate, start);
  std::minstd_rand random(7);
  std::deque<unsigned> row(streams);
  std::iota(row.begin(), row.end(), 0U);
  std::vector<reading> under_way;
  time_point now = start;
  double bytes = 0;
  for (;;) {
    const auto first = std::min_element(under_way.begin(), under_way.end(),
                                        [](const reading& left, const reading& right) { return left.end < right.end; });
    const time_point granted = std::max(now, bucket.ready());
    if (row.empty() || (first != under_way.end() && first->end < granted)) {
      now = first->end;
      bucket.give_back(first->unused);
      row.push_back(first->stream);
      under_way.erase(first);
      continue;
    }
    now = granted;
    if (now >= start + 5s) return bytes;
    const std::size_t given = bucket.take(now, 256 * 1024);
    REQUIRE(given != 0);
    const std::size_t got = short_reads ? 1 + random() % given : given;
    bytes += static_cast<double>(got);
    under_way.push_back(
        {row.front(), now + std::chrono::nanoseconds(static_cast<long>(static_cast<double>(got) / line * 1e9)), given - got});
    row.pop_front();
  }
}

TEST_CASE("a rate is kept within five per cent over five seconds, whatever it is and however many share it") {
  const auto rate = GENERATE(as<std::uint64_t>(), 10'000, 64 * 1024, 1'000'000, 10 << 20, 40'000'000, 500'000'000);
  const unsigned streams = GENERATE(1u, 4u, 16u);
  const bool short_reads = GENERATE(false, true);
  CAPTURE(rate, streams, short_reads);
  const double wanted = 5.0 * static_cast<double>(rate);
  CHECK(std::abs(received_in_five_seconds(rate, streams, 1e9, short_reads) - wanted) <= 0.05 * wanted);
}

TEST_CASE("a line that is slower than the limit is not slowed further") {
  CHECK(received_in_five_seconds(10'000'000, 4, 1e6) >= 0.99 * 4 * 5e6);
}

TEST_CASE("what was not used in silence is lost but for a burst") {
  token_bucket bucket(1'000'000, start);
  std::size_t at_once = 0;
  while (const std::size_t given = bucket.take(start + 60s, 1 << 20)) at_once += given;
  CHECK(at_once > 50'000);
  CHECK(at_once <= 110'000);
}

TEST_CASE("nothing is granted before its time, and then never nothing") {
  token_bucket bucket(1000, start);
  time_point now = start;
  for (int i = 0; i < 100; ++i) {
    const std::size_t given = bucket.take(now, i % 2 == 0 ? 1 : 5000);
    CHECK(given >= 1);
    CHECK(given <= token_bucket::least_grant);
    CHECK(bucket.ready() > now);
    CHECK(bucket.take(now, 1) == 0);
    now = bucket.ready();
  }
  CHECK(bucket.take(now, 0) == 0);
}

TEST_CASE("what is given back brings the next grant nearer by its time") {
  token_bucket bucket(1'000'000, start);
  const std::size_t given = bucket.take(start, 1 << 20);
  const time_point before = bucket.ready();
  bucket.give_back(given / 2);
  CHECK(before - bucket.ready() == std::chrono::microseconds(given / 2));
}

}  // namespace
}  // namespace gantry::transfer
