// Hosts that redirects lead to are chosen by strangers: what is known of them has a bound.
#include "http/client.hpp"

#include "unit/http/client_fixture.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace gantry::http {
namespace {

using fixture = client_fixture;

TEST_CASE("so many hosts are known at most, and one that wants to be left alone is among them") {
  fixture f;
  f.asking.governor_of("patient.test:443").rest_until(std::chrono::steady_clock::now() + 1h);
  for (std::size_t i = 0; i < client::most_hosts + 10; ++i) f.asking.governor_of(std::to_string(i) + ".test:443");
  CHECK(f.asking.known_hosts() <= client::most_hosts);
  CHECK(f.asking.known_hosts() >= client::most_hosts / 2);
  CHECK(f.asking.resting().contains("patient.test:443"));
}

TEST_CASE("a host that a request waits for stays known, however many others are met") {
  fixture f;
  const std::string host = f.target().origin.authority();
  const governor* const rules = &f.asking.governor_of(host);
  f.asking.governor_of(host).rest_until(std::chrono::steady_clock::now() + 5s);
  std::optional<result<exchange>> reply;
  f.loop.spawn(f.asking.send(f.get(), f.stop), reply);
  f.loop.poll();
  // They rest for longer, so that the one in question would go before them.
  for (std::size_t i = 0; i < client::most_hosts + 10; ++i) {
    f.asking.governor_of(std::to_string(i) + ".test:443").rest_until(std::chrono::steady_clock::now() + 1h);
  }
  CHECK(&f.asking.governor_of(host) == rules);
  f.stop.request_stop();
  f.loop.drain();
  REQUIRE(reply);
  CHECK(reply->error().code == errc::cancelled);
}

}  // namespace
}  // namespace gantry::http
