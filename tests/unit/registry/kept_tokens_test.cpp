#include "registry/kept_tokens.hpp"

#include "support/catch.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace gantry::registry {
namespace {

using namespace std::chrono_literals;

void fill(kept_tokens& tokens, const std::string& key, std::size_t bytes, std::chrono::seconds life = 300s) {
  const auto token = tokens.at(key);
  token->value = std::string(bytes, 'x');
  token->expires_at = std::chrono::system_clock::now() + life;
}

/// Asks in a way that changes nothing else than what asking does.
bool has(kept_tokens& tokens, const std::string& key) { return !tokens.at(key)->value.empty(); }

TEST_CASE("a token that has expired, or never came, goes when another comes") {
  kept_tokens tokens;
  fill(tokens, "expired", 10, 5s);  // renewed ten seconds early
  fill(tokens, "good", 10);
  tokens.at("never came");
  CHECK(tokens.size() == 2);
  tokens.at("another");
  CHECK(tokens.size() == 2);
  CHECK(has(tokens, "good"));
  CHECK_FALSE(has(tokens, "expired"));
}

TEST_CASE("of too many tokens those go that were asked for longest ago") {
  kept_tokens tokens(kept_tokens::bounds{3, 1 << 20});
  for (const char* key : {"a", "b", "c"}) fill(tokens, key, 10);
  CHECK(has(tokens, "a"));
  fill(tokens, "d", 10);
  CHECK(tokens.size() == 3);
  CHECK(has(tokens, "a"));
  CHECK(has(tokens, "c"));
  CHECK(has(tokens, "d"));
  CHECK_FALSE(has(tokens, "b"));
}

TEST_CASE("long tokens are fewer than short ones") {
  kept_tokens tokens(kept_tokens::bounds{100, 1000});
  for (const char* key : {"a", "b", "c"}) fill(tokens, key, 400);
  fill(tokens, "d", 10);
  CHECK(tokens.size() == 3);
  CHECK_FALSE(has(tokens, "a"));
}

TEST_CASE("a token that somebody fetches or waits for stays, however many come") {
  kept_tokens tokens(kept_tokens::bounds{2, 1000});
  const auto held = tokens.at("held");
  {
    const kept_token::fetching guard(*held);
    for (int i = 0; i < 10; ++i) fill(tokens, std::to_string(i), 100);
    CHECK(tokens.at("held") == held);
    CHECK(tokens.size() == 2);
  }
  CHECK_FALSE(held->being_fetched);
  CHECK(tokens.at("held") == held);
}

}  // namespace
}  // namespace gantry::registry
