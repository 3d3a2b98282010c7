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
        "{\"type\":\"blob_finished\",\"digest\":\"" + a + "\",\"size\":10,\"reused\":true}");
  CHECK(json_event(transfer_planned{4, 1000, 1, 10}) ==
        "{\"type\":\"transfer_planned\",\"blobs\":4,\"bytes\":1000,\"blobs_held\":1,\"bytes_held\":10}");
  CHECK(json_event(waiting{"x"}) == "{\"type\":\"waiting\",\"what\":\"x\"}");
  CHECK(json_event(archive_progress{1, 2}) == "{\"type\":\"archive_progress\",\"done\":1,\"total\":2}");
  CHECK(json_event(warning{"a\nb"}) == "{\"type\":\"warning\",\"message\":\"a\\nb\"}");
  CHECK(json_event(transfer_progress{7, 3}) == "{\"type\":\"transfer_progress\",\"received\":7,\"connections\":3}");
  CHECK(json_event(retry_scheduled{"token", 2, 500ms, make_error_code(errc::connection_lost), "cut"}) ==
        "{\"type\":\"retry_scheduled\",\"object\":\"token\",\"attempt\":2,\"delay_ms\":500,\"reason\":\"connection "
        "lost\",\"message\":\"cut\"}");
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
