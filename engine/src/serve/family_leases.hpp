#pragma once

#include "runtime/stop.hpp"
#include "runtime/task.hpp"
#include "runtime/task_group.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"

#include <gantry/digest.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <vector>

namespace gantry::serve {

using runtime::task;

/// Keeps clean-ups away from what was fetched of images that are not whole yet, between the requests of their clients. Used on the strand.
class family_leases {
 public:
  /// How long clean-ups leave what was fetched of an image that is not whole yet: its client asks for the next part.
  static constexpr std::chrono::minutes client_pause{2};

  /// All must outlive the object, and \p spawned be joined before it goes. \param stop ends all leases \param spawned takes the tasks
  family_leases(transfer::context& shared, runtime::stop_source& stop, runtime::task_group& spawned)
      : shared_(shared), stop_(stop), spawned_(spawned) {}

  /// Takes over \p lease on \p family for a while; ends it at once when too many are kept.
  task<> keep(std::shared_ptr<store::lease> lease, std::set<digest> family);
  /// Ends the leases of the families that \p named, which have their names in the store, belong to.
  task<> release(std::vector<digest> named);

 private:
  using clock = std::chrono::steady_clock;
  struct kept_family {
    std::shared_ptr<store::lease> lease;  ///< null when it ended early
    clock::time_point until{};
  };
  task<> let_go_later(std::set<digest> family);

  transfer::context& shared_;
  runtime::stop_source& stop_;
  runtime::task_group& spawned_;
  std::map<std::set<digest>, kept_family> kept_;
};

}  // namespace gantry::serve
