#include "transfer/commit_queue.hpp"

#include <utility>

namespace gantry::transfer {
namespace {

// Two of the four threads for files: a large blob may need long, and reads and writes must go on.
constexpr std::size_t workers_at_once = 2;
constexpr std::size_t most_together = 32;
// Files that may be open because they wait for their commit.
constexpr std::size_t most_waiting = 64;

}  // namespace

commit_queue::commit_queue(runtime::executor where, runtime::lanes& workers, std::shared_ptr<store::blob_target> into)
    : into_(std::move(into)),
      room_(most_waiting),
      queue_(std::move(where), workers, runtime::lane::files, workers_at_once, most_together, &commit_queue::run) {}

void commit_queue::run(const items::batch& taken) {
  // All on their way to the disk before the first is waited for.
  if (taken.size() > 1) {
    for (const std::shared_ptr<item>& one : taken) one->part->start_writeback(0, one->part->blob().size);
  }
  for (const std::shared_ptr<item>& one : taken) one->outcome = one->part->commit(one->computed);
  const result<void> named = taken.front()->into->sync_names();
  for (const std::shared_ptr<item>& one : taken) {
    if (*one->outcome && !named) one->outcome = named;
    one->part.reset();
    one->complete = true;
  }
}

task<result<void>> commit_queue::commit(std::shared_ptr<store::blob_part> part, digest computed) {
  const auto mine = std::make_shared<item>();
  mine->into = into_;
  mine->part = std::move(part);
  mine->computed = std::move(computed);
  co_await queue_.process(mine);
  co_return *mine->outcome;
}

}  // namespace gantry::transfer
