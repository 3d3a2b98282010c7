#pragma once

#include "runtime/stop.hpp"
#include "transfer/operation.hpp"

#include <memory>

namespace gantry::serve {

/// An operation that nobody watches. It ends with the server.
class quiet_operation {
 public:
  explicit quiet_operation(runtime::stop_source& stop)
      : running_(std::make_shared<transfer::operation>(transfer::event_emitter({}, {}))),
        registered_(stop, [running = running_] { running->request_stop(); }) {
    if (stop.stop_requested()) running_->request_stop();
  }
  const std::shared_ptr<transfer::operation>& running() const noexcept { return running_; }

 private:
  std::shared_ptr<transfer::operation> running_;
  runtime::stop_source::registration registered_;
};

}  // namespace gantry::serve
