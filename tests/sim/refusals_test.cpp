// What a registry costs that refuses some of all requests, whatever their number.

#include "sim/cell.hpp"

#include <memory>

using namespace gantry::test::sim;
using namespace std::chrono_literals;

namespace {

constexpr unsigned runs = 24;

/// A random eighth of all requests.
void refuse_some(network& path, std::uint32_t seed) {
  path.retry_after = 1s;
  const auto luck = std::make_shared<std::minstd_rand>(seed * 7919);
  luck->discard(5);
  path.error_answer = [luck](unsigned) { return (*luck)() % 8 == 0 ? std::optional(gantry::errc::rate_limited) : std::nullopt; };
}

struct cost {
  double mean = 0;
  double most = 0;
};

/// In times of what it takes without refusals.
cost of_refusals(const network& path, workload work) {
  const double without = checked(path, work).seconds;
  cost found;
  for (std::uint32_t seed = 1; seed <= runs; ++seed) {
    network refusing = path;
    refuse_some(refusing, seed);
    const outcome result = checked(refusing, work);
    CHECK(result.extra() <= 0.03);
    found.mean += result.seconds / without / runs;
    found.most = std::max(found.most, result.seconds / without);
  }
  UNSCOPED_INFO(found.mean << " times in the mean, " << found.most << " times at most");
  return found;
}

}  // namespace

TEST_CASE("a refused eighth of all requests costs a fixed number of connections less than half of their pace") {
  const unsigned connections = GENERATE(2u, 4u, 8u);
  const duration round_trip = GENERATE(2ms, 40ms);
  CAPTURE(connections, seconds(round_trip));
  const cost found = of_refusals(capped(round_trip, 10 * MB), {{724 * MiB}, connections});
  CHECK(found.mean <= 1.4);
  CHECK(found.most <= 2.0);
}

TEST_CASE("an automatic number of connections is not taken for too many by refusals that come at any number") {
  const duration round_trip = GENERATE(2ms, 40ms);
  CAPTURE(seconds(round_trip));
  workload work{{724 * MiB}, 16};
  work.adaptive = true;
  const cost found = of_refusals(capped(round_trip, 10 * MB), work);
  // Sixteen connections have room for 12 MiB each: not much more than they bring while all rest.
  CHECK(found.mean <= 2.8);
  CHECK(found.most <= 6);
}

TEST_CASE("a limit on requests at once is no chance, and the count settles at it") {
  network path = capped(40ms, 4 * MB);
  path.most_connections = GENERATE(3u, 6u, 8u);
  path.service = GENERATE(0ms, 300ms);
  path.retry_after = 1s;
  workload work{{400 * MiB}, 16};
  work.adaptive = true;
  const bool many = GENERATE(false, true);
  if (many) work.blobs = std::vector<std::uint64_t>(80, 5 * MiB);
  CAPTURE(path.most_connections, seconds(path.service), many);
  const outcome result = checked(path, work);
  CAPTURE(result.refusals, result.targets);
  // A look up may be under way.
  CHECK(result.targets.back() <= path.most_connections + 2);
  CHECK(result.refusals <= 40);
  const double most = path.most_connections;
  const double ideal = static_cast<double>(result.useful) / (most * path.per_connection) +
                       static_cast<double>(work.blobs.size()) * seconds(path.service) / most;
  CHECK(result.seconds <= 1.7 * ideal);
}
