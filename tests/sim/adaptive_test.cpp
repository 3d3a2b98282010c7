// The number of connections found while fetching.

#include "sim/cell.hpp"

using namespace gantry::test::sim;
using namespace std::chrono_literals;

namespace {

double best_fixed(const network& path, const std::vector<std::uint64_t>& layers) {
  double best = std::numeric_limits<double>::infinity();
  for (const unsigned n : {1u, 2u, 4u, 8u, 16u}) best = std::min(best, checked(path, {layers, n}).seconds);
  return best;
}

outcome adaptive(const network& path, const std::vector<std::uint64_t>& layers) {
  workload work{layers, 16};
  work.adaptive = true;
  return checked(path, work);
}

}  // namespace

TEST_CASE("where each connection is capped, all that are allowed are found") {
  const double rate = GENERATE(1 * MB, 2 * MB, 10 * MB);
  CAPTURE(rate);
  const network path = capped(40ms, rate);
  const std::vector<std::uint64_t> layers{724 * MiB};
  const outcome result = adaptive(path, layers);
  CHECK(result.seconds <= 1.10 * best_fixed(path, layers));
  CHECK(result.targets.back() >= 14);
  CHECK(result.extra() <= 0.03);
}

TEST_CASE("where all share a line, the count settles and the line stays full") {
  const double rate = GENERATE(1.25 * MB, 12.5 * MB, 125 * MB);
  CAPTURE(rate);
  const network path = shared(40ms, rate);
  const std::vector<std::uint64_t> layers{static_cast<std::uint64_t>(rate * 20)};
  const outcome result = adaptive(path, layers);
  CHECK(result.seconds <= 1.05 * best_fixed(path, layers));
  // On the slowest of these lines a segment lasts longer than the look around.
  if (rate > 2 * MB) CHECK(result.targets.back() <= 8);
  CHECK(result.extra() <= 0.03);
}

TEST_CASE("a line below 64 KiB/s is given to one connection") {
  const network path = shared(100ms, 40e3);
  const outcome result = adaptive(path, {6 * MiB, 5 * MiB, 4 * MiB, 4 * MiB, 3 * MiB});
  CHECK(*std::max_element(result.targets.begin(), result.targets.end()) <= 8);
  const auto ones = std::count(result.targets.begin(), result.targets.end(), 1u);
  CHECK(static_cast<double>(ones) >= 0.95 * static_cast<double>(result.targets.size()));
  CHECK(result.seconds <= 1.05 * static_cast<double>(result.useful) / path.total);
}

TEST_CASE("a cap of three connections is used, and no connection is thrown away for a look at fewer") {
  const network path = capped(20ms, 10 * MB);
  const double three = checked(path, {{200 * MiB}, 3}).seconds;
  workload work{{200 * MiB}, 3};
  work.adaptive = true;
  const outcome result = checked(path, work);
  CHECK(result.seconds <= 1.1 * three);
  CHECK(*std::min_element(result.targets.begin() + 5, result.targets.end()) >= 2);
  CHECK(result.opened <= 4);
  CHECK(result.extra() <= 0.01);
}

TEST_CASE("one passing error answer costs no connection for long") {
  const gantry::errc said = GENERATE(gantry::errc::server_error, gantry::errc::rate_limited);
  const unsigned at = GENERATE(0u, 3u, 20u);
  CAPTURE(gantry::make_error_code(said).message(), at);
  network path = capped(40ms, 4 * MB);
  path.error_answer = [said, at](unsigned number) { return number == at ? std::optional(said) : std::nullopt; };
  const std::vector<std::uint64_t> layers{1448 * MiB};
  const outcome result = adaptive(path, layers);
  CHECK(result.seconds <= 1.2 * static_cast<double>(result.useful) / (16 * path.per_connection));
  // An error that is no word about load changes nothing.
  if (said == gantry::errc::server_error) CHECK(*std::min_element(result.targets.begin(), result.targets.begin() + 20) >= 4);
  CHECK(result.extra() <= 0.03);
}

TEST_CASE("a short image does not wait for the count to grow") {
  const network path = capped(20ms, 10 * MB);
  const std::vector<std::uint64_t> layers{3 * MiB, 2 * MiB, MiB, 500 * KiB};
  const double four = checked(path, {layers, 4}).seconds;
  CHECK(adaptive(path, layers).seconds <= 1.02 * four);
}
