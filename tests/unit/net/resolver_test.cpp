#include "net/resolver.hpp"

#include "support/loop.hpp"
#include "support/no_descriptors.hpp"
#include "support/result.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace gantry::net {
namespace {

using addresses = std::vector<boost::asio::ip::address>;

struct fixture {
  test::loop loop;  // outlives the workers
  runtime::lanes workers;
  resolver names{workers};
  runtime::stop_source stop;

  result<addresses> resolve(const std::string& host) { return loop.run(names.resolve(host, stop)); }
};

TEST_CASE("an address literal is its own answer") {
  fixture f;
  CHECK(test::must(f.resolve("192.0.2.7")) == addresses{boost::asio::ip::make_address("192.0.2.7")});
  CHECK(test::must(f.resolve("2001:db8::1")) == addresses{boost::asio::ip::make_address("2001:db8::1")});
}

TEST_CASE("names below localhost are this machine's, whatever a name server would say") {
  fixture f;
  CHECK(test::must(f.resolve("registry.localhost")) == test::must(f.resolve("localhost")));
}

TEST_CASE("a name that cannot be asked for since no descriptor is left is no name that does not exist") {
  if (!test::descriptors_may_run_out()) return;
  fixture f;
  static_cast<void>(f.resolve("one.invalid"));  // opens what the loop needs for itself
  const test::no_descriptors none;
  const failure said = test::must_fail(f.resolve("two.invalid"), errc::storage_error);
  CHECK(said.text.message().find("ulimit -n") != std::string::npos);
}

TEST_CASE("a name of this machine is found, without repetitions, and found again") {
  fixture f;
  const addresses found = test::must(f.resolve("localhost"));
  REQUIRE_FALSE(found.empty());
  for (const auto& one : found) CHECK(one.is_loopback());
  CHECK(test::must(f.resolve("localhost")) == found);
  f.names.forget("localhost");
  CHECK(test::must(f.resolve("localhost")) == found);
}

TEST_CASE("a known name is answered at once, without a worker") {
  fixture f;
  test::must(f.resolve("localhost"));
  std::optional<result<addresses>> answer;
  f.loop.spawn(f.names.resolve("localhost", f.stop), answer);
  f.loop.poll();  // a trip to a worker would not be over when nothing is left to do here
  CHECK(answer);
  f.loop.drain();
}

TEST_CASE("a name that nobody knows is an error that names it, and is asked again") {
  fixture f;
  for (int i = 0; i < 2; ++i) {
    const failure said = test::must_fail(f.resolve("no-such-host.invalid"), errc::name_not_resolved);
    CHECK(said.text.message().find("no-such-host.invalid") != std::string::npos);
  }
}

TEST_CASE("those who ask at the same time share one answer") {
  fixture f;
  std::vector<std::optional<result<addresses>>> answers(8);
  for (auto& one : answers) f.loop.spawn(f.names.resolve("localhost", f.stop), one);
  f.loop.drain();
  for (const auto& one : answers) {
    REQUIRE(one);
    CHECK(test::must(*one) == test::must(*answers.front()));
  }
}

TEST_CASE("so many names are known at most, and one that is being looked up is among them") {
  fixture f;
  std::optional<result<addresses>> answer;
  f.loop.spawn(f.names.resolve("first.localhost", f.stop), answer);
  f.loop.poll();
  for (std::size_t i = 0; i < resolver::most_names + 10; ++i) test::must(f.resolve(std::to_string(i) + ".localhost"));
  CHECK(f.names.known_names() <= resolver::most_names);
  CHECK(f.names.known_names() >= resolver::most_names / 2);
  REQUIRE(answer);
  test::must(*answer);
}

TEST_CASE("a name is forgotten while it is being looked up") {
  fixture f;
  std::optional<result<addresses>> answer;
  f.loop.spawn(f.names.resolve("no-such-host.invalid", f.stop), answer);
  f.loop.poll();
  f.names.forget("no-such-host.invalid");
  f.loop.drain();
  REQUIRE(answer);
  test::must_fail(*answer, errc::name_not_resolved);
}

}  // namespace
}  // namespace gantry::net
