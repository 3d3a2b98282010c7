#pragma once

#include "base/failure.hpp"
#include "runtime/signal.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace gantry::registry {

/// A bearer token, or the place of one that is being fetched. Those who wait for it, or fetch it, hold it.
struct kept_token {
  std::string value;
  std::chrono::system_clock::time_point expires_at;
  bool being_fetched = false;
  runtime::signal fetched;
  unsigned round = 0;              ///< fetches so far, the one under way included
  std::optional<failure> refusal;  ///< why a fetch was refused, in a way that the next one would be too
  unsigned refused_round = 0;      ///< which fetch that was

  /// One fetch, over on every way out.
  struct fetching {
    explicit fetching(kept_token& whose) : owner(whose) {
      owner.being_fetched = true;
      ++owner.round;
    }
    fetching(const fetching&) = delete;
    fetching& operator=(const fetching&) = delete;
    ~fetching() {
      owner.being_fetched = false;
      owner.fetched.notify_all();
    }
    kept_token& owner;
  };

  /// Whether it may still be sent: it is renewed ten seconds early.
  bool is_usable() const;
};

/// Tokens by what they are good for, in memory alone. Clients of `serve` choose the names of repositories, so that there are bounds, kept
/// whenever a token is added: what has expired goes, and then what was asked for longest ago. A token that somebody holds stays. Used on
/// the strand alone.
class kept_tokens {
 public:
  struct bounds {
    std::size_t tokens = 10'000;
    std::size_t bytes = std::size_t{16} << 20;  ///< of tokens and of what they are found by; one token has 128 KiB at most
  };

  kept_tokens() : kept_tokens(bounds()) {}
  explicit kept_tokens(bounds most) : most_(most) {}

  /// The token of \p key, made when there is none. Whoever gets it holds it as long as it is of use.
  std::shared_ptr<kept_token> at(const std::string& key);

  std::size_t size() const noexcept { return tokens_.size(); }

 private:
  struct entry {
    std::shared_ptr<kept_token> token;
    std::chrono::steady_clock::time_point used;
  };
  void make_room();

  bounds most_;
  std::map<std::string, entry> tokens_;
};

}  // namespace gantry::registry
