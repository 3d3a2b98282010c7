#include "progress/text.hpp"

#include "support/catch.hpp"

#include <string>

using namespace gantry;
using namespace gantry::app;
using namespace std::chrono_literals;

TEST_CASE("an error is the sentence, the registry's words and the hint on lines of their own") {
  CHECK(error_text({1, "it failed", "", ""}) == "gantry: it failed\n");
  CHECK(error_text({1, "it failed", "DENIED", "log in"}) == "gantry: it failed\nregistry said: DENIED\nhint: log in\n");
  CHECK(message_text(severity::warning, "x") == "gantry: warning: x\n");
  CHECK(message_text(severity::note, "x") == "gantry: x\n");
  CHECK(message_text(severity::note, "x", true) == "gantry: x\n");
  CHECK(message_text(severity::warning, "x", true) == "gantry: \x1b[33mwarning:\x1b[0m x\n");
  CHECK(error_text({1, "it failed", "", "log in"}, true) == "\x1b[31mgantry:\x1b[0m it failed\n\x1b[1mhint:\x1b[0m log in\n");
}

TEST_CASE("messages are broken at words where a line has no room, identifiers and short commands stay whole") {
  CHECK(message_text(severity::warning, "a tag has moved", false, 20) == "gantry: warning: a\n  tag has moved\n");
  CHECK(message_text(severity::warning, "a tag has moved", true, 20) == "gantry: \x1b[33mwarning:\x1b[0m a\n  tag has moved\n");
  CHECK(message_text(severity::note, "one two", false, 11) == "gantry: one\n  two\n");
  // Without a terminal lines stay whole.
  CHECK(message_text(severity::note, std::string(300, 'x') + " y") == "gantry: " + std::string(300, 'x') + " y\n");
  const std::string name = "sha256:" + std::string(64, 'a');
  CHECK(message_text(severity::note, "app:1 is " + name + " now", false, 40) == "gantry: app:1 is\n  " + name + "\n  now\n");
  CHECK(error_text({1, "it failed for good", "not for you", "log in with 'gantry login a.test', or give -u USER"}, false, 28) ==
        "gantry: it failed for good\nregistry said: not for you\nhint: log in with\n  'gantry login a.test', or\n  give -u USER\n");
  // What is longer than a line is broken like all else.
  CHECK(message_text(severity::note, "'gantry login a.test'", false, 16) == "gantry: 'gantry\n  login a.test'\n");
  CHECK(message_text(severity::note, "one\n  two three", false, 12) == "gantry: one\n  two three\n");
  CHECK(wrap_lines("1 image in 2 s: 20 B received\ncache: none\n", 20) == "1 image in 2 s: 20 B\n  received\ncache: none\n");
  for (std::size_t width = 1; width < 60; ++width) {
    const std::string text = "\xe9\x95\x9c\xe5\x83\x8f one two three, four 'gantry pull a' five";
    std::string joined = message_text(severity::note, text, false, width);
    std::string whole;
    for (std::size_t i = 0; i < joined.size(); ++i) {
      if (joined[i] == '\n' && i + 1 < joined.size()) {
        whole += ' ';
        i += 2;  // the indent
      } else {
        whole += joined[i];
      }
    }
    INFO(width << ": " << joined);
    CHECK(whole == "gantry: " + text + "\n");
  }
}

TEST_CASE("nothing that others wrote moves the cursor or names the window") {
  const std::string evil = "a\x1b]0;pwned\x07 b\x7f \xc2\x9b" "2J \xe2\x80\xae \xff";
  CHECK(message_text(severity::note, evil) == "gantry: a?]0;pwned? b? ?2J ? ?\n");
  CHECK(error_text({1, evil, evil, "line\nline"}) ==
        "gantry: a?]0;pwned? b? ?2J ? ?\nregistry said: a?]0;pwned? b? ?2J ? ?\nhint: line\nline\n");
  // Letters of all scripts stay.
  CHECK(message_text(severity::note, "\xe9\x95\x9c\xe5\x83\x8f \xc3\xa9 \xf0\x9f\x90\x8b") ==
        "gantry: \xe9\x95\x9c\xe5\x83\x8f \xc3\xa9 \xf0\x9f\x90\x8b\n");
}

TEST_CASE("the summary tells what the store saved") {
  run_summary run;
  run.images = 1;
  run.elapsed = 2s;
  run.totals.layers = 6;
  run.totals.layers_reused = 5;
  run.totals.bytes_reused = 131'000'000;
  run.totals.bytes_received = 20'000'000;
  const auto text = summary_text(run);
  CHECK(text.find("1 image in 2") == 0);
  CHECK(text.find("20.0 MB received, 10.0 MB/s") != std::string::npos);
  CHECK(text.find("\ncache: 5/6 layers reused, 131.0 MB not downloaded\n") != std::string::npos);
  run.images = 2;
  CHECK(summary_text(run).find("2 images in ") == 0);
}

TEST_CASE("transitions have words, plain progress has none") {
  CHECK_FALSE(describe(blob_progress{}));
  CHECK_FALSE(describe(blob_started{}));
  CHECK_FALSE(describe(transfer_planned{}));  // nothing is to be moved
  transfer_planned plan;
  plan.blobs = 1;
  CHECK(describe(plan)->second == "1 blob, 0 B");
  CHECK(describe(transfer_planned{3, 30, 1, 10})->second == "3 blobs, 30 B; 1 of them, 10 B, is in the store");
  CHECK(describe(transfer_planned{3, 30, 2, 20})->second == "3 blobs, 30 B; 2 of them, 20 B, are in the store");
  const auto warned = describe(warning{"careful"});
  REQUIRE(warned);
  CHECK(warned->first == severity::warning);
  CHECK(warned->second == "careful");
  error_code ec;
  const digest blob = digest::parse("sha256:" + std::string(64, 'a'), ec);
  CHECK(describe(blob_finished{blob, 7, true, blob_role::layer, true})->second.find(": mounted from another repository, 7") !=
        std::string::npos);
  CHECK(describe(blob_finished{blob, 7, true})->second.find(": there already, 7") != std::string::npos);
  CHECK(describe(blob_finished{blob, 7})->second == "aaaaaaaaaaaa: done, 7 B");
  CHECK(finished_text(blob_finished{blob, 7}, "checked") == "aaaaaaaaaaaa: checked, 7 B");
  const auto retry = describe(retry_scheduled{"abc", 1, 1s, make_error_code(errc::connection_lost), ""});
  REQUIRE(retry);
  CHECK(retry->second.find("abc: connection lost; next attempt in 1") == 0);
  CHECK(describe(retry_scheduled{"abc", 1, 1s, make_error_code(errc::connection_lost), "is the port right?"})->second.find(
            "abc: is the port right? next attempt in 1") == 0);
  // What the cause names already is not named twice, in short form or in full.
  for (const char* object : {"tags of a.test/x", "tags of x"}) {
    const retry_scheduled named{object, 1, 1s, make_error_code(errc::server_error), "the tags of a.test/x: the server answered 500"};
    CHECK(describe(named)->second.starts_with("the tags of a.test/x: the server answered 500; next attempt in 1"));
  }
}

TEST_CASE("the time that is left is told in whole seconds") {
  CHECK(time_left(std::chrono::seconds(0)) == "less than 1 s left");
  CHECK(time_left(std::chrono::seconds(3)) == "3 s left");
  CHECK(time_left(std::chrono::seconds(48)) == "48 s left");
  CHECK(time_left(std::chrono::seconds(90)) == "1 min 30 s left");
}

TEST_CASE("the status line has amount, share, speed and time left") {
  progress_state state;
  const progress_clock::time_point start{1h};
  CHECK(status_text(state, start).empty());
  transfer_planned plan;
  plan.blobs = 1;
  plan.bytes = 100'000'000;
  state.apply(plan, start);
  blob_started begun;
  begun.size = plan.bytes;
  state.apply(begun, start);
  for (unsigned i = 1; i <= 20; ++i) state.apply(blob_progress{digest(), i * 1'000'000ULL}, start + i * 100ms);
  CHECK(status_text(state, start + 2s).find("20.0 MB of 100.0 MB (20 %), 1") == 0);
  state.apply(archive_progress{1'000'000, 4'000'000}, start);
  CHECK(status_text(state, start) == "writing the archive: 1.0 MB of 4.0 MB");
}
