#pragma once

#include "base/failure.hpp"
#include "runtime/batch_queue.hpp"
#include "runtime/semaphore.hpp"
#include "store/blob_target.hpp"

#include <gantry/digest.hpp>

#include <memory>
#include <optional>

namespace gantry::transfer {

using runtime::task;

/// Commits the blobs of an operation. While some are being forced to disk those that are complete meanwhile gather, and go together: their
/// contents share the file system's own commit, their names one sync of the directory. Used on the strand alone; outlives all calls.
class commit_queue {
 public:
  commit_queue(runtime::executor where, runtime::lanes& workers, std::shared_ptr<store::blob_target> into);

  /// A place for one blob; to be had before its files are no longer counted elsewhere, so that they do not pile up open.
  task<runtime::semaphore::permit> admit(runtime::stop_source& stop) { return room_.acquire(1, stop); }

  /// \returns when content and name of the blob are as durable as its target makes them; \p part has been destroyed then.
  task<result<void>> commit(std::shared_ptr<store::blob_part> part, digest computed);

  /// Waits for the workers; for those who destroy the queue.
  task<> join() { return queue_.join(); }

 private:
  struct item {
    std::shared_ptr<store::blob_target> into;
    std::shared_ptr<store::blob_part> part;
    digest computed;
    std::optional<result<void>> outcome;
    bool complete = false;
  };
  using items = runtime::batch_queue<item>;
  static void run(const items::batch& taken);

  std::shared_ptr<store::blob_target> into_;
  runtime::semaphore room_;
  items queue_;
};

}  // namespace gantry::transfer
