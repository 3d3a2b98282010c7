#include "transfer/operation.hpp"

#include "support/loop.hpp"

#include <boost/asio/io_context.hpp>

#include <string>
#include <thread>
#include <variant>
#include <vector>

namespace gantry::transfer {
namespace {

using namespace std::chrono_literals;

digest some_digest(char digit) {
  error_code ec;
  return digest::parse("sha256:" + std::string(64, digit), ec);
}

struct fixture {
  std::vector<event> events;
  operation running{event_emitter([this](const event& one) { events.push_back(one); }, {})};

  template <class Kind>
  std::vector<Kind> all() const {
    std::vector<Kind> found;
    for (const event& one : events) {
      if (const auto* kind = std::get_if<Kind>(&one)) found.push_back(*kind);
    }
    return found;
  }
};

TEST_CASE("transitions are delivered at once and in order") {
  fixture f;
  f.running.events.emit(warning{"one"});
  f.running.events.emit(waiting{"two"});
  f.running.events.emit(warning{"three"});
  REQUIRE(f.events.size() == 3);
  CHECK(std::holds_alternative<waiting>(f.events[1]));
}

TEST_CASE("bytes that were there before and answers are no progress") {
  fixture f;
  const auto pause = [] { std::this_thread::sleep_for(30ms); };
  pause();
  f.running.received(1000, 0);
  f.running.note_contact();
  CHECK(f.running.idle() >= 30ms);
  CHECK(f.running.bytes_received() == 1000);
  pause();
  CHECK(f.running.idle() >= 60ms);
  f.running.resume_waiting();
  pause();
  const auto before = f.running.idle();
  f.running.received(1000, 1);
  CHECK(f.running.idle() < before);
}

TEST_CASE("progress is coalesced to the latest value of each blob") {
  fixture f;
  f.running.events.flush();  // so that the next interval has just begun
  for (std::uint64_t done = 1; done <= 1000; ++done) {
    f.running.events.progress(some_digest('a'), done);
    f.running.events.progress(some_digest('b'), done + 5);
  }
  CHECK(f.events.size() < 100);
  f.running.events.flush();
  const auto seen = f.all<blob_progress>();
  REQUIRE(seen.size() >= 2);
  CHECK(seen[seen.size() - 2].done == 1000);
  CHECK(seen.back().done == 1005);
  const std::size_t before = f.events.size();
  f.running.events.flush();
  CHECK(f.events.size() == before);
}

TEST_CASE("a transition comes after the progress that led to it") {
  fixture f;
  f.running.events.flush();
  f.running.events.progress(some_digest('a'), 7);
  f.running.events.progress(archive_progress{1, 2});
  f.running.events.progress(transfer_progress{3, 4});
  f.running.events.emit(blob_finished{some_digest('a'), 7, false});
  REQUIRE_FALSE(f.events.empty());
  CHECK(std::holds_alternative<blob_finished>(f.events.back()));
  CHECK(f.all<blob_progress>().size() == 1);
  CHECK(f.all<archive_progress>().size() == 1);
  CHECK(f.all<transfer_progress>().size() == 1);
}

TEST_CASE("progress that is due is handed out without waiting for a transition") {
  fixture f;
  f.running.events.flush();
  std::this_thread::sleep_for(120ms);
  f.running.events.progress(some_digest('a'), 7);
  CHECK(f.all<blob_progress>().size() == 1);
}

TEST_CASE("with an executor of its own the handler runs there, in order") {
  boost::asio::io_context elsewhere;
  std::vector<std::string> seen;
  operation running(event_emitter([&](const event& one) { seen.push_back(std::get<warning>(one).message); }, elsewhere.get_executor()));
  running.events.emit(warning{"one"});
  running.events.emit(warning{"two"});
  CHECK(seen.empty());
  elsewhere.run();
  CHECK(seen == std::vector<std::string>{"one", "two"});
}

TEST_CASE("without a handler nothing is delivered and nothing breaks") {
  operation running(event_emitter({}, {}));
  running.events.emit(warning{"nobody hears"});
  running.events.progress(some_digest('a'), 1);
  running.events.flush();
  SUCCEED();
}

TEST_CASE("a stop reaches both the strand and the workers") {
  fixture f;
  int calls = 0;
  const runtime::stop_source::registration registered(f.running.stop, [&] {
    ++calls;
    CHECK(f.running.stop_flag());
  });
  CHECK_FALSE(f.running.stop_flag());
  f.running.request_stop();
  f.running.request_stop();
  CHECK(calls == 1);
  CHECK(f.running.stop_flag());
}

TEST_CASE("bytes and answers end the silence") {
  fixture f;
  const failure silence(errc::connection_refused, "nobody listens");
  CHECK_FALSE(f.running.answered_before(silence));
  std::this_thread::sleep_for(60ms);
  CHECK(f.running.idle() >= 60ms);
  f.running.received(5);
  f.running.received(7);
  CHECK(f.running.bytes_received() == 12);
  CHECK(f.running.answered_before(silence));
  CHECK(f.running.idle() < 60ms);
}

TEST_CASE("what another registry answered, or this one in an earlier operation, does not count") {
  const auto earlier = std::chrono::steady_clock::now();
  fixture f;
  f.running.received(5);
  failure silence(errc::connection_refused, "nobody listens");
  silence.last_answer = std::chrono::steady_clock::time_point();
  CHECK_FALSE(f.running.answered_before(silence));
  silence.last_answer = earlier - 1s;
  CHECK_FALSE(f.running.answered_before(silence));
  silence.last_answer = std::chrono::steady_clock::now();
  CHECK(f.running.answered_before(silence));
}

}  // namespace
}  // namespace gantry::transfer
