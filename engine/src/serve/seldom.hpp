#pragma once

#include <chrono>
#include <cstddef>
#include <map>

namespace gantry::serve {

/// Lets each key through once in a while. Bounded: when there are too many keys, those that may pass again are forgotten, or else all.
template <class Key>
class seldom {
 public:
  using clock = std::chrono::steady_clock;
  static constexpr std::size_t most_remembered = 10'000;

  explicit seldom(clock::duration pause, std::size_t most = most_remembered) : pause_(pause), most_(most) {}

  /// Whether \p key was not let through within the pause before \p now; from now on it was.
  bool due(const Key& key, clock::time_point now = clock::now()) {
    const auto found = passed_.find(key);
    if (found != passed_.end()) {
      if (now - found->second < pause_) return false;
      found->second = now;
      return true;
    }
    if (passed_.size() >= most_) {
      std::erase_if(passed_, [&](const auto& one) { return now - one.second >= pause_; });
      if (passed_.size() >= most_) passed_.clear();
    }
    passed_.emplace(key, now);
    return true;
  }

 private:
  clock::duration pause_;
  std::size_t most_;
  std::map<Key, clock::time_point> passed_;
};

}  // namespace gantry::serve
