#include "registry/blob_location.hpp"

#include "unit/registry/client_fixture.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gantry::registry {
namespace {

// Long enough for an answer on a busy machine, short enough for a test.
constexpr blob_patience short_patience{500ms, 500ms};
constexpr std::size_t part_size = 1000;

/// A blob behind a redirect, asked for by several at once, each with a stop of its own.
struct shared_blob {
  shared_blob() {
    error_code ec;
    at.hold("team/app", "1.0", image);
    at.inject(at_home(), redirect(), 1, 0);
    const auto sites = fixture.client.sites(fixture.name("team/app:1.0"), true);
    REQUIRE(sites);
    where.emplace(fixture.client, sites->back(), digest::parse(layer().digest, ec), std::vector<std::string>(), short_patience);
    REQUIRE_FALSE(ec);
  }

  const test::test_blob& layer() const { return image.layers[0]; }
  std::string at_home() const { return "/v2/team/app/blobs/" + layer().digest; }
  std::string elsewhere() const { return "/v2/delivery/app/blobs/" + layer().digest; }
  test::fault redirect() const { return test::redirect_to(elsewhere()); }

  /// A request of its own, with whoever else is spawned before the next drain. \returns its number
  std::size_t ask(std::size_t part) {
    stops.push_back(std::make_unique<runtime::stop_source>());
    answers.emplace_back();
    fixture.loop.spawn(fetch(part, *stops.back(), answers.size() - 1));
    return answers.size() - 1;
  }

  runtime::task<> fetch(std::size_t part, runtime::stop_source& stop, std::size_t number) {
    blob_request asking;
    asking.range = http::byte_range{part * part_size, (part + 1) * part_size - 1};
    auto reply = co_await where->get(asking, stop);
    if (!reply) {
      answers[number] = reply.error().text.message();
      co_return;
    }
    http::exchange answer = std::move(*reply);
    const result<std::string> body = co_await answer.read_all(part_size + 1);
    const bool right = body && *body == layer().bytes.substr(part * part_size, part_size);
    answers[number] = right ? "right" : "wrong";
  }

  /// Ends the requests that are not answered.
  void give_up() {
    for (const std::unique_ptr<runtime::stop_source>& one : stops) one->request_stop();
    fixture.loop.drain();
  }

  test::fake_registry at;
  test::test_image image = [] {
    test::image_recipe recipe;
    recipe.layers = {20'000};
    return test::build_image(recipe);
  }();
  client_fixture fixture{at};
  std::optional<blob_location> where;
  std::vector<std::unique_ptr<runtime::stop_source>> stops;
  std::vector<std::string> answers;
};

std::size_t right(const shared_blob& s) {
  std::size_t count = 0;
  for (const std::string& one : s.answers) count += one == "right" ? 1 : 0;
  return count;
}

TEST_CASE("a registry that redirects is asked once for all who want parts of a blob") {
  shared_blob s;
  for (std::size_t i = 0; i < 6; ++i) s.ask(i);
  s.fixture.loop.drain();
  CHECK(right(s) == 6);
  CHECK(s.at.count(s.at_home()) == 1);
}

TEST_CASE("an address that fails for several at once is renewed by one request") {
  shared_blob s;
  s.ask(0);
  s.fixture.loop.drain();
  s.at.heal();
  s.at.inject(s.at_home(), s.redirect(), 1, 0);
  // A storage that has moved says so to whoever comes with the old address.
  s.at.inject(s.elsewhere(), test::redirect_to("/v2/gone/app/blobs/" + s.layer().digest), 1, 5);
  for (std::size_t i = 1; i < 6; ++i) s.ask(i);
  s.fixture.loop.drain();
  CHECK(right(s) == 6);
  CHECK(s.at.count(s.at_home()) == 2);
}

TEST_CASE("who has waited for the answer to another's request asks, one at a time, and the first answer serves all") {
  shared_blob s;
  s.at.heal();
  const bool twice = GENERATE(false, true);
  s.at.inject(s.at_home(), test::no_answer(), 1, twice ? 2 : 1);
  s.at.inject(s.at_home(), s.redirect(), 1, 0);
  for (std::size_t i = 0; i < 6; ++i) s.ask(i);
  s.fixture.loop.run_for(2500ms);
  CHECK(right(s) == (twice ? 4 : 5));
  CHECK(s.at.count(s.at_home()) == (twice ? 3 : 2));
  s.give_up();
}

TEST_CASE("a renewal that nobody answers is asked for by another who needs it") {
  shared_blob s;
  s.ask(0);
  s.fixture.loop.drain();
  REQUIRE(right(s) == 1);
  s.at.heal();
  s.at.inject(s.at_home(), test::no_answer(), 1, 1);
  s.at.inject(s.at_home(), s.redirect(), 1, 0);
  s.at.inject(s.elsewhere(), test::redirect_to("/v2/gone/app/blobs/" + s.layer().digest), 1, 5);
  for (std::size_t i = 1; i < 6; ++i) s.ask(i);
  s.fixture.loop.run_for(2500ms);
  // All but the one whose request for the renewal hangs.
  CHECK(right(s) == 5);
  CHECK(s.at.count(s.at_home()) == 3);
  s.give_up();
}

TEST_CASE("after a refusal the next asks at once, although another request is still without an answer") {
  shared_blob s;
  s.at.heal();
  s.at.inject(s.at_home(), test::no_answer(), 1, 1);
  s.at.inject(s.at_home(), test::answer_with(500), 2, 1);
  s.at.inject(s.at_home(), s.redirect(), 1, 0);
  for (std::size_t i = 0; i < 4; ++i) s.ask(i);
  s.fixture.loop.run_for(2500ms);
  CHECK(right(s) == 2);
  const std::vector<test::recorded_request> asked = s.at.requests(s.at_home());
  REQUIRE(asked.size() == 3);
  CHECK(asked[2].came - asked[1].came < asked[1].came - asked[0].came);
  s.give_up();
}

}  // namespace
}  // namespace gantry::registry
