// Requests that wait for their turn with a host that has asked for fewer of them.
#include "http/client.hpp"
#include "http/request_watch.hpp"

#include "unit/http/client_fixture.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace gantry::http {
namespace {

using fixture = client_fixture;
using words = std::vector<std::string>;

/// Writes down what a request is said to wait for.
struct noted_watch final : request_watch {
  void held_up(bool waiting) override { told.emplace_back(waiting ? "held up" : "free"); }
  void asks(const origin& where) override { told.push_back("asks " + where.authority()); }
  words told;
};

TEST_CASE("a request whose host has asked for patience is held up until it is made") {
  const bool with_body = GENERATE(false, true);
  const bool patient = GENERATE(false, true);
  INFO(with_body << patient);
  fixture f;
  f.keep({scripted_stream::text(head("Content-Length: 0\r\n"))});
  noted_watch watch;
  request message = f.get();
  message.how.watch = &watch;
  const std::string host = message.target.origin.authority();
  if (patient) f.asking.governor_of(host).rest_until(std::chrono::steady_clock::now() + 60ms);

  endable body;
  if (with_body) message.verb = method::put;
  const result<exchange> reply = with_body ? f.loop.run(f.asking.send(message, body, f.stop)) : f.send(message);
  REQUIRE(reply);
  words expected{"asks " + host};
  if (patient) expected.insert(expected.begin(), {"held up", "free"});
  CHECK(watch.told == expected);
}

TEST_CASE("a request that waits until another has tried its host is held up, and no longer once it is stopped") {
  fixture f;
  f.keep({scripted_stream::stall()});
  f.asking.governor_of(f.target().origin.authority()).rest_until(std::chrono::steady_clock::now());
  std::optional<result<exchange>> tries;
  f.loop.spawn(f.asking.send(f.get(), f.stop), tries);
  f.loop.poll();

  noted_watch watch;
  request message = f.get();
  message.how.watch = &watch;
  std::optional<result<exchange>> waits;
  f.loop.spawn(f.asking.send(message, f.stop), waits);
  f.loop.poll();
  CHECK(watch.told == words{"held up"});

  f.stop.request_stop();
  f.loop.drain();
  REQUIRE(waits);
  test::must_fail(*waits, errc::cancelled);
  CHECK(watch.told == words{"held up", "free"});
}

}  // namespace
}  // namespace gantry::http
