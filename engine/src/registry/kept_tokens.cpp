#include "registry/kept_tokens.hpp"

#include <algorithm>
#include <vector>

namespace gantry::registry {
namespace {

// DESIGN section 7, "token".
constexpr std::chrono::seconds renew_early{10};

}  // namespace

bool kept_token::is_usable() const { return !value.empty() && std::chrono::system_clock::now() + renew_early < expires_at; }

std::shared_ptr<kept_token> kept_tokens::at(const std::string& key) {
  const auto [known, made] = tokens_.try_emplace(key);
  if (made) known->second.token = std::make_shared<kept_token>();
  known->second.used = std::chrono::steady_clock::now();
  // Held, so that it is not among those that make room.
  std::shared_ptr<kept_token> token = known->second.token;
  if (made) make_room();
  return token;
}

void kept_tokens::make_room() {
  const auto is_held = [](const entry& one) { return one.token.use_count() > 1; };
  std::erase_if(tokens_, [&](const auto& one) { return !is_held(one.second) && !one.second.token->is_usable(); });

  const auto size_of = [](const auto& one) { return one.first.size() + one.second.token->value.size(); };
  std::size_t bytes = 0;
  std::vector<std::map<std::string, entry>::iterator> free;
  for (auto one = tokens_.begin(); one != tokens_.end(); ++one) {
    bytes += size_of(*one);
    if (!is_held(one->second)) free.push_back(one);
  }
  if (tokens_.size() <= most_.tokens && bytes <= most_.bytes) return;
  std::sort(free.begin(), free.end(), [](const auto& a, const auto& b) { return a->second.used < b->second.used; });
  for (const auto& one : free) {
    if (tokens_.size() <= most_.tokens && bytes <= most_.bytes) break;
    bytes -= size_of(*one);
    tokens_.erase(one);
  }
}

}  // namespace gantry::registry
