#include "transfer/fetcher.hpp"

#include "runtime/task_group.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace gantry::transfer {
namespace {

// Below this a blob costs about as much as its request.
constexpr std::uint64_t small_blob_bytes = 64 * 1024;
constexpr std::chrono::seconds judge_interval{5};

/// One call of fetch_all; lives in its frame.
struct run {
  run(context& with, operation& whose, std::shared_ptr<store::content_store> where, std::vector<wanted_blob> blobs)
      : shared(with), running(whose), into(std::move(where)), queue(std::move(blobs)) {}

  context& shared;
  operation& running;
  std::shared_ptr<store::content_store> into;
  std::vector<wanted_blob> queue;
  std::size_t next = 0;
  line_keeper lines;
  fetch_summary summary;
  std::optional<failure> error;
};

task<> work(run& all) {
  while (all.next < all.queue.size() && !all.running.stop.stop_requested()) {
    const wanted_blob wanted = all.queue[all.next++];
    const result<fetched_blob> got = co_await fetch_blob(all.shared, all.running, all.lines, all.into, wanted);
    if (got) {
      all.summary.reused += got->reused ? 1 : 0;
      all.summary.bytes_reused += got->reused ? wanted.blob.size : 0;
      all.summary.bytes_resumed += got->resumed;
      continue;
    }
    // The first failure is the cause; what follows it are only the others being stopped.
    if (!all.error) all.error = got.error();
    all.running.request_stop();
  }
}

task<> judge_lines(run& all, runtime::stop_source& finished) {
  for (;;) {
    const bool slept = co_await runtime::sleep_for(judge_interval, finished);
    if (!slept) co_return;
    all.lines.drop_slow();
  }
}

}  // namespace

void sort_for_fetching(std::vector<wanted_blob>& blobs) {
  const auto rank = [](const wanted_blob& one) {
    const bool small = one.blob.size <= small_blob_bytes;
    return std::pair(!small, small ? one.blob.size : ~one.blob.size);
  };
  std::stable_sort(blobs.begin(), blobs.end(), [&](const wanted_blob& a, const wanted_blob& b) { return rank(a) < rank(b); });
}

task<result<fetch_summary>> fetch_all(context& shared, operation& running, std::shared_ptr<store::content_store> into,
                                      std::vector<wanted_blob> blobs) {
  sort_for_fetching(blobs);
  const std::size_t workers = std::min<std::size_t>(shared.jobs, blobs.size());
  run all(shared, running, std::move(into), std::move(blobs));
  runtime::stop_source finished;
  runtime::task_group judge(shared.executor);
  judge.spawn(judge_lines(all, finished));
  runtime::task_group group(shared.executor);
  for (std::size_t i = 0; i < workers; ++i) group.spawn(work(all));
  co_await group.join();
  finished.request_stop();
  co_await judge.join();
  running.events.flush();
  if (all.error) co_return *all.error;
  if (running.stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  co_return all.summary;
}

}  // namespace gantry::transfer
