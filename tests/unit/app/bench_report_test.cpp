#include "bench_report.hpp"

#include "options.hpp"
#include "support/catch.hpp"

#include <algorithm>

#include <boost/json/parse.hpp>

using namespace gantry;
using namespace gantry::app;
using namespace std::chrono_literals;

namespace {

bench_run run_of(unsigned jobs, std::uint64_t bytes, std::chrono::microseconds time) {
  bench_run run;
  run.jobs = jobs;
  run.bytes = bytes;
  run.elapsed = time;
  run.complete = true;
  return run;
}

bench_result measured() {
  bench_result result;
  error_code ec;
  result.reference = reference::parse("nginx:1.25", ec);
  result.image_bytes = 100'000'000;
  result.runs = {run_of(1, 100'000'000, 10s), run_of(8, 100'000'000, 2s), run_of(0, 50'000'000, 1s)};
  result.runs[1].retries = 2;
  result.runs[2].complete = false;
  result.recommended = 0;
  return result;
}

}  // namespace

TEST_CASE("a measurement is a table with a recommendation") {
  CHECK(bench_table(measured()) ==
        "docker.io/library/nginx:1.25, 100.0 MB\n"
        "  -j    per second    received        time\n"
        "   1       10.0 MB    100.0 MB     10.00 s\n"
        "   8       50.0 MB    100.0 MB      2.00 s  2 retries\n"
        "auto       50.0 MB     50.0 MB      1.00 s  its time was over\n"
        "recommended: -j auto, which was the best\n");
}

TEST_CASE("why a number is recommended is what the rule says") {
  const auto sentence = [](std::vector<bench_run> runs) {
    bench_result result = measured();
    result.runs = std::move(runs);
    result.recommended = recommend_jobs(result.runs);
    const std::string table = bench_table(result);
    return table.substr(table.find("recommended"));
  };
  // One connection is within 10 %, too: automatic goes first.
  CHECK(sentence({run_of(1, 95, 1s), run_of(8, 100, 1s), run_of(0, 91, 1s)}) == "recommended: -j auto, which reached 91 % of the best\n");
  CHECK(sentence({run_of(1, 50, 1s), run_of(8, 100, 1s), run_of(4, 92, 1s)}) == "recommended: -j 4, the fewest within 10 % of the best\n");
  CHECK(sentence({run_of(8, 100, 1s), run_of(0, 80, 1s)}) ==
        "recommended: -j 8, the fewest within 10 % of the best; auto did not reach that\n");
}

TEST_CASE("a measurement as JSON keeps auto apart from numbers") {
  bench_result result = measured();
  result.runs[1].ec = make_error_code(errc::rate_limited);
  result.runs[1].error = "too many \"requests\"";
  const auto parsed = boost::json::parse(bench_json(result)).as_object();
  CHECK(parsed.at("recommended").as_string() == "auto");
  const auto& runs = parsed.at("runs").as_array();
  CHECK(runs.at(0).at("jobs").as_int64() == 1);
  CHECK(runs.at(0).at("bytes_per_second").as_int64() == 10'000'000);
  CHECK(runs.at(1).at("error").as_string() == "too many \"requests\"");
  CHECK(runs.at(2).at("jobs").as_string() == "auto");
  CHECK(runs.at(2).at("error").is_null());
}

TEST_CASE("bench reads what to try, and for how long") {
  const auto parsed = [](std::vector<std::string> words) { return std::get<bench_arguments>(parse_bench(std::move(words)).value()); };
  CHECK(parsed({"nginx"}).jobs == std::vector<unsigned>{1, 2, 4, 8, 16, 0});
  const auto arguments = parsed({"nginx", "--try", "4,auto,4", "--time", "3s", "--to-disk", "/tmp", "--platform", "linux/arm64"});
  CHECK(arguments.jobs == std::vector<unsigned>{4, 0});
  CHECK(arguments.time_each == 3s);
  CHECK(arguments.directory == "/tmp");
  REQUIRE(arguments.image_platform.has_value());
  CHECK(arguments.image_platform->architecture == "arm64");
  CHECK(parse_bench({}).error().message == "no image is named");
  CHECK(parse_bench({"nginx", "--try", ""}).error().code == exit_code::usage);
  CHECK(parse_bench({"nginx", "--try", "0"}).error().code == exit_code::usage);
  CHECK(parse_bench({"nginx", "--try", "1,x"}).error().message == "--try takes 'auto' or a number from 1 to 256, not 'x'");
  CHECK(parse_bench({"nginx", "-j", "4"}).error().hint.find("--try") != std::string::npos);
  const auto options = std::get<help_text>(parse_bench({"--help"}).value()).options;
  const auto lists = [&options](const std::string& name) {
    return std::any_of(options.begin(), options.end(),
                       [&name](const option_row& row) { return std::count(row.names.begin(), row.names.end(), name) != 0; });
  };
  CHECK(lists("--try"));
  CHECK_FALSE(lists("--jobs"));
  CHECK(parse_bench({"nginx", "--platform", "linux/amd64,linux/arm64"}).error().code == exit_code::usage);
}
