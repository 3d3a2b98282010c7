#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

namespace gantry::runtime {

/// What one thread waits for and others bring, each thing once. Thread-safe. The one who waits must sit on lane::apart: in any other lane
/// it could keep those away who are to bring what it waits for.
template <class Key, class Value>
class arrivals {
 public:
  /// Brings \p value; a second one for the same key replaces what was not taken yet.
  void put(const Key& key, Value value) {
    const std::lock_guard guard(mutex_);
    values_.insert_or_assign(key, std::move(value));
    changed_.notify_all();
  }

  /// Nothing more will come: all who wait for something that is not here go away empty.
  void close() {
    const std::lock_guard guard(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  /// Waits for the value of \p key and takes it away. \returns nothing after close().
  /// \param pointless asked from time to time while waiting; true: goes away empty too. May be empty.
  std::optional<Value> take(const Key& key, const std::function<bool()>& pointless = {}) {
    constexpr std::chrono::milliseconds pause{200};
    const auto ready = [&] { return closed_ || values_.contains(key); };
    std::unique_lock guard(mutex_);
    if (!pointless) changed_.wait(guard, ready);
    while (!changed_.wait_for(guard, pause, ready)) {
      if (pointless()) return std::nullopt;
    }
    const auto found = values_.find(key);
    if (found == values_.end()) return std::nullopt;
    std::optional<Value> value(std::move(found->second));
    values_.erase(found);
    return value;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Key, Value> values_;
  bool closed_ = false;
};

}  // namespace gantry::runtime
