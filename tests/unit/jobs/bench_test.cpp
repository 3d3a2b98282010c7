#include "jobs/bench.hpp"

#include "support/catch.hpp"

using namespace gantry;
using namespace std::chrono_literals;

namespace {

bench_run run_of(unsigned jobs, std::uint64_t bytes) {
  bench_run run;
  run.jobs = jobs;
  run.bytes = bytes;
  run.elapsed = 1s;
  return run;
}

}  // namespace

TEST_CASE("the fewest connections that are nearly as fast are recommended, the automatic number first") {
  CHECK_FALSE(recommend_jobs({}).has_value());
  CHECK_FALSE(recommend_jobs({run_of(1, 0)}).has_value());
  CHECK(recommend_jobs({run_of(1, 95), run_of(2, 100)}) == 1u);
  CHECK(recommend_jobs({run_of(1, 50), run_of(16, 100), run_of(8, 92)}) == 8u);
  CHECK(recommend_jobs({run_of(1, 50), run_of(16, 100), run_of(0, 91)}) == 0u);
  CHECK(recommend_jobs({run_of(1, 50), run_of(16, 100), run_of(0, 80)}) == 16u);
}
