#include "report/recorder.hpp"

#include "support/catch.hpp"

#include <string>

using namespace gantry;
using namespace gantry::app;
using namespace std::chrono_literals;

namespace {

digest of(char digit) {
  error_code ec;
  return digest::parse("sha256:" + std::string(64, digit), ec);
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a report has what its events told") {
  const report_recorder::time_point begin{};
  report_recorder seen("x.html", begin);
  seen.event(transfer_planned{2, 30, 1, 10}, begin);
  seen.event(blob_started{of('a'), 20, 5, blob_role::layer}, begin + 10ms);
  seen.event(blob_progress{of('a'), 15}, begin + 20ms);
  seen.event(transfer_progress{10, 3}, begin + 20ms);
  seen.event(retry_scheduled{"aaaa", 1, 500ms, make_error_code(errc::connection_lost), "cut"}, begin + 25ms);
  seen.event(blob_finished{of('a'), 20, false}, begin + 30ms);
  seen.event(blob_started{of('b'), 10, 0, blob_role::config}, begin + 30ms);
  const std::string text = seen.json(begin + 40ms, "now");
  CHECK(has(text, "\"elapsed_ms\":40"));
  CHECK(has(text, "\"size\":20,\"resumed\":5,\"start\":10,\"end\":30,\"reused\":false,\"points\":[[20,15]]"));
  CHECK(has(text, "\"role\":\"config\",\"size\":10,\"resumed\":0,\"start\":30,\"end\":-1"));
  CHECK(has(text, "\"rate\":[[20,10,3]]"));
  CHECK(has(text, "\"delay_ms\":500,\"message\":\"cut\""));
  CHECK(has(text, "\"plan\":{\"blobs\":2,\"bytes\":30,\"blobs_held\":1,\"bytes_held\":10}"));
}

TEST_CASE("words of a server cannot leave their place in a report") {
  const report_recorder::time_point begin{};
  report_recorder seen("x.html", begin);
  seen.event(warning{"</script><script>alert(1)</script>"}, begin);
  const std::string page = seen.page(begin, "now");
  CHECK_FALSE(has(page, "<script>alert"));
  CHECK(has(page, "\\u003c/script>\\u003cscript>alert(1)"));
  CHECK_FALSE(has(page, "GANTRY_DATA_GOES_HERE"));
  CHECK(page.size() < 200'000);
}

TEST_CASE("a long transfer makes no long report") {
  const report_recorder::time_point begin{};
  report_recorder seen("x.html", begin);
  seen.event(blob_started{of('a'), 1'000'000, 0, blob_role::layer}, begin);
  for (unsigned i = 1; i <= 100'000; ++i) {
    seen.event(blob_progress{of('a'), i}, begin + i * 100ms);
    seen.event(transfer_progress{i, 4}, begin + i * 100ms);
  }
  CHECK(seen.json(begin + 10'000s, "now").size() < 150'000);
}
