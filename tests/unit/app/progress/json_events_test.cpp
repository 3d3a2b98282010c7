#include "progress/json_events.hpp"

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

}  // namespace

TEST_CASE("each event is one object with its type first") {
  const std::string a = of('a').string();
  CHECK(json_event(blob_started{of('a'), 10, 3, blob_role::config}) ==
        "{\"type\":\"blob_started\",\"digest\":\"" + a + "\",\"role\":\"config\",\"size\":10,\"resumed\":3}");
  CHECK(json_event(blob_progress{of('a'), 5}) == "{\"type\":\"blob_progress\",\"digest\":\"" + a + "\",\"done\":5}");
  CHECK(json_event(blob_finished{of('a'), 10, true}) ==
        "{\"type\":\"blob_finished\",\"digest\":\"" + a + "\",\"size\":10,\"reused\":true,\"role\":\"layer\"}");
  CHECK(json_event(transfer_planned{4, 1000, 1, 10}) ==
        "{\"type\":\"transfer_planned\",\"blobs\":4,\"bytes\":1000,\"blobs_held\":1,\"bytes_held\":10}");
  CHECK(json_event(waiting{"x"}) == "{\"type\":\"waiting\",\"what\":\"x\"}");
  CHECK(json_event(archive_progress{1, 2}) == "{\"type\":\"archive_progress\",\"done\":1,\"total\":2}");
  CHECK(json_event(warning{"a\nb"}) == "{\"type\":\"warning\",\"message\":\"a\\nb\"}");
  CHECK(json_event(transfer_progress{7, 3, 9}) == "{\"type\":\"transfer_progress\",\"received\":7,\"connections\":3,\"sent\":9}");
  CHECK(json_event(retry_scheduled{"token", 2, 500ms, make_error_code(errc::connection_lost), "cut"}) ==
        "{\"type\":\"retry_scheduled\",\"object\":\"token\",\"attempt\":2,\"delay_ms\":500,\"reason\":\"connection "
        "lost\",\"message\":\"cut\"}");
}

TEST_CASE("the end of an upload is one object with its counts") {
  upload_totals totals;
  totals.images = 2;
  totals.unchanged = 1;
  totals.elapsed = 30ms;
  totals.counts.blobs = 3;
  totals.counts.bytes_uploaded = 7;
  CHECK(json_summary(totals) ==
        "{\"type\":\"summary\",\"images\":2,\"images_unchanged\":1,\"dry_run\":false,\"elapsed_ms\":30,\"blobs\":3,\"bytes\":0,"
        "\"blobs_present\":0,\"blobs_mounted\":0,\"blobs_uploaded\":0,\"bytes_uploaded\":7}");
}

TEST_CASE("a request that ended is one object with what there is to tell") {
  const std::string a = of('a').string();
  segment_finished one;
  one.digest = of('a');
  one.kind = segment_kind::hedge;
  one.end = segment_end::slow;
  one.connection = 2;
  one.host = "quay.io";
  one.offset = 10;
  one.length = 20;
  one.received = 5;
  one.elapsed = 30ms;
  CHECK(json_event(one) ==
        "{\"type\":\"segment_finished\",\"digest\":\"" + a +
            "\",\"kind\":\"hedge\",\"end\":\"slow\",\"connection\":2,\"host\":\"quay.io\",\"mirror\":false,\"offset\":10,\"length\":20,"
            "\"received\":5,\"elapsed_ms\":30}");
  one.answered = 7ms;
  one.message = "cut";
  CHECK(json_event(one).ends_with("\"received\":5,\"answered_ms\":7,\"elapsed_ms\":30,\"message\":\"cut\"}"));
  CHECK(json_event(concurrency_changed{4, 8, concurrency_reason::faster, 9}) ==
        "{\"type\":\"concurrency_changed\",\"before\":4,\"after\":8,\"reason\":\"faster\",\"rate\":9}");
  for (const auto reason :
       {concurrency_reason::faster, concurrency_reason::no_faster, concurrency_reason::trying_more, concurrency_reason::trying_less,
        concurrency_reason::trial_lost, concurrency_reason::refused, concurrency_reason::narrow_line, concurrency_reason::line_widened}) {
    CHECK(std::string(name_of(reason)).size() > 3);
  }
}

TEST_CASE("what was resolved is named in full") {
  image_resolved event;
  error_code ec;
  event.reference = reference::parse("nginx", ec);
  event.top.digest = of('b');
  event.top.size = 12;
  event.top.media_type = "application/x";
  event.platforms = 1;
  CHECK(json_event(event) == "{\"type\":\"image_resolved\",\"reference\":\"docker.io/library/nginx:latest\",\"digest\":\"" +
                                 of('b').string() + "\",\"media_type\":\"application/x\",\"size\":12,\"platforms\":1}");
}

TEST_CASE("errors, messages and the summary are lines of their own types") {
  CHECK(json_error({4, "not there", "NAME_UNKNOWN", ""}) ==
        "{\"type\":\"error\",\"exit_code\":4,\"message\":\"not there\",\"server_message\":\"NAME_UNKNOWN\"}");
  CHECK(json_message(severity::warning, "x") == "{\"type\":\"message\",\"level\":\"warning\",\"message\":\"x\"}");
  run_summary totals;
  totals.images = 1;
  totals.totals.bytes_received = 9;
  totals.elapsed = 1500ms;
  const auto text = json_summary(totals);
  CHECK(text.find("{\"type\":\"summary\",\"images\":1,\"elapsed_ms\":1500,") == 0);
  CHECK(text.find("\"bytes_received\":9") != std::string::npos);
}
