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

reference name(const std::string& text) {
  error_code ec;
  return reference::parse(text, ec);
}

image_resolved resolved(const std::string& text, char digit) {
  image_resolved made;
  made.reference = name(text);
  made.top.digest = of(digit);
  return made;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a report has what its events told") {
  const report_recorder::time_point begin{};
  report_recorder seen("x.html", begin);
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
  CHECK(has(text, "\"rate\":[[20,10,3,0]]"));
  CHECK(has(text, "\"delay_ms\":500,\"message\":\"cut\""));
}

TEST_CASE("the time of a report ends with the work, not with what is told or written after it") {
  const report_recorder::time_point begin{};
  report_recorder seen("x.html", begin);
  seen.begin("one", begin);
  seen.stop(begin + 30ms);
  seen.remark("done", begin + 900ms);
  const std::string text = seen.json(begin + 1000ms, "now");
  CHECK(has(text, "\"elapsed_ms\":30,"));
  CHECK(has(text, "{\"at\":30,\"kind\":\"note\",\"text\":\"done\"}"));
  // Another operation goes on.
  seen.begin("two", begin + 1000ms);
  seen.event(transfer_progress{1, 1, 2}, begin + 1010ms);
  CHECK(has(seen.json(begin + 1020ms, "now"), "\"elapsed_ms\":1020,"));
  CHECK(has(seen.json(begin + 1020ms, "now"), "[1010,1,1,2]"));
  seen.stop(begin + 1015ms);
  CHECK(has(seen.json(begin + 1020ms, "now"), "\"elapsed_ms\":1015,"));
}

TEST_CASE("a report of several operations adds up what they moved") {
  const report_recorder::time_point begin{};
  report_recorder seen("x.html", begin);
  seen.begin("one", begin);
  seen.event(transfer_progress{10, 3, 4}, begin + 20ms);
  seen.begin("two", begin);
  seen.event(transfer_progress{1, 1, 2}, begin + 30ms);
  const std::string text = seen.json(begin + 40ms, "now");
  CHECK(has(text, "\"title\":\"two\""));
  CHECK(has(text, "\"rate\":[[20,10,3,4],[30,11,1,6]]"));
}

TEST_CASE("a report tells an image that is gone through again as it came") {
  const report_recorder::time_point begin{};
  report_recorder seen("x.html", begin);
  // All together, which is broken off; alone; out of the store into the archive.
  seen.begin("both", begin + 5ms);
  seen.event(resolved("registry.test/app:1", 'c'), begin + 10ms);
  seen.event(blob_started{of('a'), 20, 3, blob_role::layer}, begin + 10ms);
  seen.event(blob_progress{of('a'), 12}, begin + 20ms);
  seen.begin("one", begin + 30ms);
  seen.event(resolved("registry.test/app:1", 'c'), begin + 31ms);
  seen.event(blob_started{of('a'), 20, 12, blob_role::layer}, begin + 32ms);
  seen.event(blob_finished{of('a'), 20, false}, begin + 40ms);
  seen.begin("other", begin + 41ms);
  seen.failed(name("registry.test/none:1"), begin + 50ms);
  seen.begin("one", begin + 50ms);
  seen.event(resolved("registry.test/app:1", 'c'), begin + 51ms);
  seen.event(blob_finished{of('a'), 20, true}, begin + 52ms);
  seen.event(blob_finished{of('b'), 5, true}, begin + 52ms);
  seen.event(blob_finished{of('b'), 5, true}, begin + 60ms);
  const std::string text = seen.json(begin + 70ms, "now");
  INFO(text);
  CHECK(has(text, R"("images":[{"reference":"registry.test/app:1","digest":")" + of('c').string() +
                      R"(","asked":5,"told":10,"failed":false},)"
                      R"({"reference":"registry.test/none:1","digest":"","asked":41,"told":50,"failed":true}])"));
  CHECK(has(text, R"("size":20,"resumed":3,"start":10,"end":40,"reused":false,"points":[[20,12]]},{)"));
  CHECK(has(text, R"("size":5,"resumed":0,"start":52,"end":52,"reused":true,"points":[]}])"));
}

TEST_CASE("a blob that another operation moves once more has a row for each time") {
  const report_recorder::time_point begin{};
  report_recorder seen("x.html", begin);
  for (int i = 0; i < 2; ++i) {
    seen.event(blob_started{of('a'), 20, 0, blob_role::layer}, begin + 10ms * i);
    seen.event(blob_finished{of('a'), 20, false}, begin + 10ms * i + 5ms);
  }
  const std::string text = seen.json(begin + 70ms, "now");
  CHECK(has(text, R"("start":0,"end":5,"reused":false)"));
  CHECK(has(text, R"("start":10,"end":15,"reused":false)"));
}

TEST_CASE("a report has when archives were written, mirrors that were named, and warnings of the program") {
  const report_recorder::time_point begin{};
  report_recorder seen("x.html", begin);
  seen.mirror("mirror.test");
  seen.mirror("mirror.test");
  seen.begin("one", begin);
  seen.event(archive_progress{1, 3}, begin + 10ms);
  seen.event(archive_progress{3, 3}, begin + 20ms);
  seen.begin("two", begin + 25ms);
  seen.event(archive_progress{1, 1}, begin + 30ms);
  seen.warning("look", begin + 31ms);
  const std::string text = seen.json(begin + 40ms, "now");
  CHECK(has(text, R"("archives":[[10,20],[30,30]])"));
  CHECK(has(text, R"("hosts":[{"name":"mirror.test","mirror":true}])"));
  CHECK(has(text, R"({"at":31,"kind":"warning","text":"look"})"));
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

TEST_CASE("a report has the requests with their hosts and the decisions about connections") {
  const report_recorder::time_point begin{};
  report_recorder seen("x.html", begin);
  seen.event(blob_started{of('a'), 20, 0, blob_role::layer}, begin + 1ms);
  segment_finished one;
  one.digest = of('a');
  one.kind = segment_kind::steal;
  one.end = segment_end::failed;
  one.connection = 3;
  one.host = "mirror.test";
  one.mirror = true;
  one.offset = 5;
  one.length = 10;
  one.received = 4;
  one.begun = begin + 10ms;
  one.answered = 2ms;
  one.elapsed = 7ms;
  one.message = "cut </script>";
  seen.event(one, begin + 17ms);
  one.answered.reset();
  one.message.clear();
  one.end = segment_end::complete;
  seen.event(one, begin + 17ms);
  seen.event(concurrency_changed{4, 8, concurrency_reason::faster, 1000}, begin + 20ms);
  const std::string text = seen.json(begin + 40ms, "now");
  CHECK(has(text, R"("hosts":[{"name":"mirror.test","mirror":true}])"));
  CHECK(has(text, R"("segments":[[0,3,3,3,0,5,10,4,10,12,17,"cut \u003c/script>"],[0,3,0,3,0,5,10,4,10,17,17]],"segments_left_out":0)"));
  CHECK(has(text, R"("decisions":[{"at":20,"before":4,"after":8,"reason":"faster","rate":1000}])"));
  CHECK(has(text,
            R"("kinds":["whole","probe","segment","steal","hedge","upload"],"ends":["complete","overtaken","slow","failed","stopped"])"));
}

TEST_CASE("a report says what was run and how it ended") {
  const report_recorder::time_point begin{};
  report_recorder seen("x.html", begin);
  seen.command("gantry pull 'a b' --report <x.html");
  CHECK(has(seen.json(begin, "now"), R"("command":"gantry pull 'a b' --report \u003cx.html","exit_code":0)"));
  seen.end(130);
  CHECK(has(seen.json(begin, "now"), R"("exit_code":130)"));
}

TEST_CASE("the curve of a report begins with the first request and ends with the last") {
  const report_recorder::time_point begin{};
  report_recorder seen("x.html", begin);
  segment_finished one;
  one.digest = of('a');
  one.begun = begin + 440ms;
  one.elapsed = 200ms;
  seen.event(transfer_progress{1000, 5}, begin + 545ms);
  seen.event(transfer_progress{2000, 5}, begin + 600ms);
  seen.event(one, begin + 640ms);
  CHECK(has(seen.json(begin + 900ms, "now"), "\"rate\":[[440,0,0,0],[545,1000,5,0],[600,2000,5,0],[640,2000,0,0]]"));
}

TEST_CASE("of very many requests a report keeps the first and those with trouble") {
  const report_recorder::time_point begin{};
  report_recorder seen("x.html", begin);
  segment_finished one;
  one.digest = of('a');
  for (unsigned i = 0; i < 30'000; ++i) seen.event(one, begin);
  CHECK(has(seen.json(begin, "now"), "\"segments_left_out\":10000"));
  one.end = segment_end::failed;
  one.message = "the last one";
  seen.event(one, begin);
  CHECK(has(seen.json(begin, "now"), "the last one"));
  for (unsigned i = 0; i < 30'000; ++i) seen.event(one, begin);
  CHECK(has(seen.json(begin, "now"), "\"segments_left_out\":35001"));
}

TEST_CASE("a report tells what was mounted from what was there") {
  const report_recorder::time_point begin{};
  report_recorder seen("x.html", begin);
  seen.event(blob_finished{of('a'), 20, true, blob_role::layer, true}, begin + 1ms);
  seen.event(blob_finished{of('b'), 10, true}, begin + 2ms);
  const std::string text = seen.json(begin + 4ms, "now");
  CHECK(has(text, R"("start":1,"end":1,"reused":true,"points":[],"mounted":true})"));
  CHECK(has(text, R"("start":2,"end":2,"reused":true,"points":[]})"));
}

TEST_CASE("a report has what the command said, and of the log which mirror lacks something") {
  const report_recorder::time_point begin{};
  report_recorder seen("x.html", begin);
  seen.remark("stopped after 18 requests", begin + 3ms);
  seen.log("mirror one:5000: one:5000/app:1 was not found; check the spelling of repository and tag");
  seen.log("mirror two: blob aaaa: the server answered 404 Not Found");
  seen.log("mirror three: it refused the connection");
  seen.log("GET https://four/v2/: the server answered 404");
  const std::string text = seen.json(begin + 4ms, "now");
  CHECK(has(text, R"({"at":3,"kind":"note","text":"stopped after 18 requests"})"));
  CHECK(has(text, R"("hosts":[{"name":"one:5000","mirror":true,"lacks":true},{"name":"two","mirror":true,"lacks":true}])"));
}
