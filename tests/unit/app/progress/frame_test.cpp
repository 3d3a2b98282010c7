#include "progress/frame.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <string>
#include <vector>

using namespace gantry;
using namespace gantry::app;
using namespace std::chrono_literals;

namespace {

digest of(char digit) {
  error_code ec;
  return digest::parse("sha256:" + std::string(64, digit), ec);
}

const progress_clock::time_point start{1h};

// Two layers on their way at two seconds of 10 MB/s in all, one blob of three done.
progress_state busy() {
  progress_state state;
  state.begin("nginx:1.25");
  transfer_planned plan;
  plan.blobs = 4;
  plan.bytes = 200'000'000;
  plan.blobs_held = 1;
  plan.bytes_held = 50'000'000;
  state.apply(plan, start);
  state.apply(blob_started{of('a'), 100'000'000, 10'000'000, blob_role::layer}, start);
  state.apply(blob_started{of('b'), 49'000'000, 0, blob_role::layer}, start);
  for (unsigned second = 0; second < 20; ++second) {
    state.apply(blob_progress{of('a'), 10'000'000 + (second + 1) * 1'000'000ULL}, start + second * 100ms);
  }
  return state;
}

std::vector<std::string> plain_frame(std::size_t width, const progress_state& state, std::size_t height = 24) {
  return render_frame(state, start + 2s, {width, height, false, false});
}

}  // namespace

TEST_CASE("a frame of 80 columns has a bar for each layer and a total with speed and time left") {
  const auto lines = plain_frame(80, busy());
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].find("aaaaaaaaaaaa ") == 0);
  CHECK(lines[0].find(" 30%  ") != std::string::npos);
  CHECK(lines[0].find("30.0 MB/100.0 MB") != std::string::npos);
  CHECK(lines[1].find("bbbbbbbbbbbb --------") == 0);
  CHECK(lines[1].find("  0%") != std::string::npos);
  CHECK(lines[2].find("total        ###") == 0);
  CHECK(lines[2].find("80.0 MB/200.0 MB") != std::string::npos);
  CHECK(lines[2].find("10.0 MB/s") != std::string::npos);
  CHECK(lines[2].find("12 s left") != std::string::npos);
}

TEST_CASE("no line is as wide as the terminal, whatever its width") {
  auto state = busy();
  state.apply(waiting{"another gantry fetches \u00e4\u00f6\u00fc and holds the lock of a digest that is long to read out in full"}, start);
  state.apply(archive_progress{1'000'000, 5'000'000'000}, start);
  for (std::size_t width = 1; width <= 200; ++width) {
    for (const bool fancy : {false, true}) {
      for (const auto& line : render_frame(state, start + 2s, {width, 24, fancy, fancy})) {
        INFO(width << ": " << line);
        CHECK(visible_columns(line) < width);
      }
    }
  }
}

TEST_CASE("a narrow terminal loses details before the bar and the bar before the percentage") {
  const auto forty = plain_frame(40, busy());
  CHECK(forty[0].find('#') != std::string::npos);
  CHECK(forty[0].find("MB") == std::string::npos);
  const auto twenty = plain_frame(20, busy());
  CHECK(twenty[0] == "aaaaaaaaaaaa  30%");
  CHECK(plain_frame(5, busy()).empty());
}

TEST_CASE("the total of a narrow terminal has percentage, speed and time left, and a shorter bar") {
  CHECK(plain_frame(40, busy())[2] == "total ##-----  40%  10.0 MB/s 12 s left");
  for (std::size_t width = 37; width <= 200; ++width) {
    const std::string total = plain_frame(width, busy())[2];
    INFO(total);
    CHECK(total.find(" 40%") != std::string::npos);
    CHECK(total.find("10.0 MB/s") != std::string::npos);
    CHECK(total.find("12 s left") != std::string::npos);
    CHECK(total.find('#') != std::string::npos);
  }
  // The time left goes before the speed, and the speed before the percentage.
  CHECK(plain_frame(28, busy())[2] == "total ##---  40%  10.0 MB/s");
}

TEST_CASE("the bar of the total keeps its length when a digit comes or goes beside it") {
  progress_state slower;
  transfer_planned plan;
  plan.blobs = 14;
  plan.bytes = 100'000'000;
  slower.apply(plan, start);
  slower.apply(blob_started{of('a'), 100'000'000, 0, blob_role::layer}, start);
  for (unsigned step = 0; step < 20; ++step) slower.apply(blob_progress{of('a'), (step + 1) * 980'000ULL}, start + step * 100ms);
  progress_state faster = slower;
  for (unsigned step = 20; step < 60; ++step) faster.apply(blob_progress{of('a'), (step + 1) * 1'500'000ULL}, start + step * 100ms);
  for (const std::size_t width : {40U, 60U, 80U, 120U}) {
    const std::string before = render_frame(slower, start + 2s, {width, 24, false, false}).back();
    const std::string after = render_frame(faster, start + 6s, {width, 24, false, false}).back();
    INFO(before << '\n' << after);
    // A rate of 9.8 and of more than 10 MB/s, 8 s and less left.
    CHECK(before.find(" 9.8 MB/s") != std::string::npos);
    CHECK(after.find(" 9.8 MB/s") == std::string::npos);
    CHECK(std::count(before.begin(), before.end(), '#') + std::count(before.begin(), before.end(), '-') ==
          std::count(after.begin(), after.end(), '#') + std::count(after.begin(), after.end(), '-'));
  }
}

TEST_CASE("all bars of a frame are equally long where the total has room") {
  for (const std::size_t width : {60U, 80U, 120U, 200U}) {
    const auto lines = plain_frame(width, busy());
    for (const auto& line : lines) CHECK(line.find('%') == lines[0].find('%'));
  }
}

TEST_CASE("a wide terminal shows everything and bars of bounded length") {
  const auto lines = plain_frame(200, busy());
  CHECK(lines[2].find("1/4 blobs") != std::string::npos);
  CHECK(lines[2].find(std::string(41, '-')) == std::string::npos);
}

TEST_CASE("a low terminal counts the layers that have no room") {
  progress_state state = busy();
  for (const char digit : std::string("cdef0123456789")) state.apply(blob_started{of(digit), 1000, 0, blob_role::layer}, start);
  const auto lines = plain_frame(80, state, 6);
  REQUIRE(lines.size() == 5);
  CHECK(lines[3] == "and 13 more");
  CHECK(lines[4].find("total") == 0);
  for (std::size_t height = 1; height < 30; ++height) CHECK(plain_frame(80, state, height).size() < height);
}

TEST_CASE("colour and line characters are used only where they are understood") {
  const auto fancy = render_frame(busy(), start + 2s, {80, 24, true, true});
  CHECK(fancy[0].find("\x1b[36m") != std::string::npos);
  CHECK(fancy[0].find("\u2501") != std::string::npos);
  for (const auto& line : plain_frame(80, busy())) {
    for (const char c : line) CHECK((c >= 0x20 && c < 0x7f));
  }
}

TEST_CASE("before the plan is known the frame says what is resolved") {
  progress_state state;
  state.begin("nginx:1.25");
  CHECK(plain_frame(80, state) == std::vector<std::string>{"resolving nginx:1.25"});
}

TEST_CASE("a measurement is told by its number and what it has received") {
  progress_state state;
  state.begin("nginx:1.25");
  state.measure("measuring -j 1 (1 of 2)");
  state.apply(transfer_planned{3, 1'000'000, 0, 0}, start);
  state.apply(transfer_progress{500'000, 1, 0}, start);
  CHECK(plain_frame(80, state) == std::vector<std::string>{"measuring -j 1 (1 of 2), 500.0 kB"});
  state.measure("measuring -j auto (2 of 2)");
  CHECK(plain_frame(80, state) == std::vector<std::string>{"measuring -j auto (2 of 2), 0 B"});
  state.begin("nginx:1.25");
  CHECK(plain_frame(80, state) == std::vector<std::string>{"resolving nginx:1.25"});
}
