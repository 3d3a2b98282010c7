#pragma once

#include "runtime/stop.hpp"
#include "runtime/task.hpp"
#include "runtime/task_group.hpp"
#include "transfer/context.hpp"

#include <string>

namespace gantry::jobs {

using runtime::task;

/// Opens the connections that the layers will want while manifests and configurations are still on their way; a round trip less for all of
/// them. Whoever opens them closes in the end. Used on the strand alone.
class early_connections {
 public:
  /// \p shared must outlive it.
  early_connections(transfer::context& shared, transfer::operation& running)
      : shared_(shared), stop_(running.stop), opening_(shared.executor) {}

  /// Begins to, and does not wait.
  void open(const std::string& registry);
  /// Ends what is still being opened, and waits for that.
  task<> close();

 private:
  transfer::context& shared_;
  runtime::stop_source stop_;
  runtime::task_group opening_;
  bool opened_ = false;  ///< once: the first registry is mostly the only one
};

}  // namespace gantry::jobs
