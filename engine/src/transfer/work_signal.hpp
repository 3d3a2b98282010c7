#pragma once

#include "runtime/signal.hpp"
#include "runtime/stop.hpp"
#include "runtime/task.hpp"

namespace gantry::transfer {

using runtime::task;

/// Wakes those who look for work: connections, and those who ask ahead behind their requests. Used on the strand alone.
class work_signal {
 public:
  /// Sleeps until a notification or a stop. \param ahead as one of those who ask ahead
  task<> wait(runtime::stop_source& stop, bool ahead) { return (ahead ? ahead_ : connections_).wait(stop); }

  /// There may be work, or an end of it.
  void notify_all() {
    connections_.notify_all();
    ahead_.notify_all();
  }
  /// Whoever asked ahead found no room and has left its blob to others: to those with connections, since the rest would find none either,
  /// and tell each other so without end.
  void left_over() { connections_.notify_all(); }

 private:
  runtime::signal connections_;
  runtime::signal ahead_;
};

}  // namespace gantry::transfer
