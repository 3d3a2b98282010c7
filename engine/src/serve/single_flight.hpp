#pragma once

#include "base/failure.hpp"
#include "runtime/signal.hpp"
#include "runtime/stop.hpp"
#include "runtime/task.hpp"

#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace gantry::serve {

/// One question at a time for each key: who asks while somebody else does waits for that answer. Used on the strand; must outlive what is
/// asked.
template <class T>
class single_flight {
 public:
  /// \returns what \p ask brings, for this caller or for another under the same \p key. An answer that nobody got because whoever asked
  /// was stopped is asked for again. errc::cancelled when \p stop ends it.
  runtime::task<result<T>> get(std::string key, std::function<runtime::task<result<T>>()> ask, runtime::stop_source& stop) {
    for (auto other = asking_.find(key); other != asking_.end(); other = asking_.find(key)) {
      const std::shared_ptr<question> waits = other->second;
      while (!waits->told) {
        if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
        co_await waits->answered.wait(stop);
      }
      const bool abandoned = !*waits->told && waits->told->error().code == errc::cancelled;
      if (!abandoned || stop.stop_requested()) co_return *waits->told;
    }
    const auto mine = std::make_shared<question>();
    asking_.emplace(key, mine);
    result<T> told = failure(errc::cancelled, "stopped");
    std::exception_ptr thrown;
    try {
      told = co_await ask();
    } catch (...) {
      thrown = std::current_exception();
    }
    asking_.erase(key);
    mine->told = told;
    mine->answered.notify_all();
    if (thrown) std::rethrow_exception(thrown);
    co_return told;
  }

 private:
  struct question {
    std::optional<result<T>> told;
    runtime::signal answered;
  };
  std::map<std::string, std::shared_ptr<question>> asking_;
};

}  // namespace gantry::serve
