#include "transfer/fetcher.hpp"

#include "runtime/task_group.hpp"
#include "transfer/connection_controller.hpp"
#include "transfer/segment_stream.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace gantry::transfer {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds tick{100};
// How many blobs have files open beyond those that are being fetched, so that no connection waits for an open(2).
constexpr std::size_t opened_ahead = 4;

/// One call of fetch_all; lives in its frame.
struct run {
  run(context& with, operation& whose, unsigned connections)
      : shared(with),
        running(whose),
        plan({connections}),
        controller({std::min(connections, 4u), connections}, clock::now()),
        target(with.adaptive ? controller.target() : connections),
        openings(connections + opened_ahead),
        workers(with.executor),
        openers(with.executor) {}

  context& shared;
  operation& running;
  planner plan;
  connection_controller controller;
  unsigned target;  ///< connections that should be at work
  line_keeper lines;
  line_map open_lines;
  runtime::signal changed;  ///< there may be work, or an end of it
  std::vector<std::unique_ptr<blob_job>> jobs;
  std::size_t ended = 0;
  runtime::semaphore openings;
  unsigned started = 0;
  clock::time_point quiet_until{};  ///< a server that answered with an error is left alone until then
  runtime::task_group workers;
  runtime::task_group openers;
  fetch_summary summary;
  std::optional<failure> error;

  bool over() const { return ended == jobs.size() || running.stop.stop_requested(); }

  /// The first failure is the cause; what follows it are only the others being stopped.
  void fail(failure cause) {
    if (!error) error = std::move(cause);
    running.request_stop();
    changed.notify_all();
  }
};

task<> bring(run& all, blob_job& job) {
  runtime::semaphore::permit opening = co_await all.openings.acquire(1, all.running.stop);
  if (opening) {
    const result<void> done = co_await job.run();
    if (done) {
      all.summary.reused += job.reused() ? 1 : 0;
      all.summary.bytes_reused += job.reused() ? job.wanted().blob.size : 0;
      all.summary.bytes_resumed += job.resumed();
    } else {
      all.fail(done.error());
    }
  }
  ++all.ended;
  all.changed.notify_all();
}

/// Carries out one assignment and waits after a failure. \returns whether the connection goes on.
task<bool> carry_out(run& all, assignment given, retry_policy& policy) {
  blob_job& job = *all.jobs[given.blob];
  segment_stream stream(all.shared, all.running, all.plan, all.lines, all.open_lines, job);
  const stream_outcome outcome = co_await stream.run(given);
  job.stream_ended();
  all.changed.notify_all();
  if (!outcome.error) {
    if (outcome.received != 0) policy.progressed();
    co_return true;
  }
  const failure& why = *outcome.error;
  if (all.running.stop.stop_requested()) co_return false;
  if (why.code == errc::rate_limited || why.code == errc::server_error) {
    all.controller.pushed_back(clock::now());
    // The others need not find out for themselves.
    all.quiet_until = std::max(all.quiet_until, clock::now() + all.shared.retry.first_delay);
  }
  const std::string object(job.wanted().blob.digest.short_form());
  std::optional<failure> last = co_await back_off(all.running, policy, object, why, outcome.received);
  if (last) {
    all.fail(std::move(*last));
    co_return false;
  }
  co_return true;
}

task<> connection(run& all, unsigned number) {
  retry_policy policy(all.shared.retry, jitter_seed());
  std::optional<blob_id> last;
  while (!all.over()) {
    const auto now = clock::now();
    if (now < all.quiet_until) {
      const auto pause = std::chrono::duration_cast<std::chrono::milliseconds>(all.quiet_until - now) + std::chrono::milliseconds(1);
      const bool slept = co_await runtime::sleep_for(pause, all.running.stop);
      if (!slept) co_return;
      continue;
    }
    std::optional<assignment> given;
    if (number < all.target) given = all.plan.next(now, last);
    if (!given) {
      // The tick wakes who could steal, since nothing else happens while the others only receive.
      co_await all.changed.wait(all.running.stop);
      continue;
    }
    last = given->blob;
    runtime::semaphore::permit permit = co_await all.shared.connections.acquire(1, all.running.stop);
    if (!permit) {
      all.plan.ended(given->stream);
      co_return;
    }
    const bool going_on = co_await carry_out(all, *given, policy);
    if (!going_on) co_return;
  }
}

/// Looks at the whole ten times per second: lines that crawl, lines that were overtaken, the number of connections.
task<> watch(run& all, runtime::stop_source& finished) {
  for (unsigned count = 0;; ++count) {
    const bool slept = co_await runtime::sleep_for(tick, finished);
    if (!slept) co_return;
    const auto now = clock::now();
    std::vector<stream_id> ends = all.plan.laggards(now);
    for (const auto& [stream, line] : all.open_lines) {
      if (all.plan.overtaken(stream)) ends.push_back(stream);
    }
    for (const stream_id stream : ends) {
      const auto found = all.open_lines.find(stream);
      if (found != all.open_lines.end()) found->second->drop();
    }
    if (count % 50 == 49) all.lines.drop_slow();
    if (all.shared.adaptive) {
      all.controller.sample(now, all.running.bytes_received(), all.plan.round_trip(), static_cast<unsigned>(all.plan.active()));
      all.target = all.controller.target();
      all.plan.set_connections(all.target);
      while (all.started < all.target) all.workers.spawn(connection(all, all.started++));
    }
    all.changed.notify_all();
  }
}

}  // namespace

task<result<fetch_summary>> fetch_all(context& shared, operation& running, std::shared_ptr<store::content_store> into,
                                      std::vector<wanted_blob> blobs) {
  if (blobs.empty()) co_return fetch_summary();
  run all(shared, running, shared.jobs);
  // Blobs are opened in this order: what is small first, so that configs never wait behind layers, then the largest, so that the tail is
  // short.
  constexpr std::uint64_t small = std::uint64_t{64} << 10;
  const auto rank = [](const wanted_blob& one) {
    const bool little = one.blob.size <= small;
    return std::pair(!little, little ? one.blob.size : ~one.blob.size);
  };
  std::stable_sort(blobs.begin(), blobs.end(), [&](const wanted_blob& a, const wanted_blob& b) { return rank(a) < rank(b); });
  for (wanted_blob& one : blobs)
    all.jobs.push_back(std::make_unique<blob_job>(shared, running, all.plan, all.changed, into, std::move(one)));
  for (const std::unique_ptr<blob_job>& job : all.jobs) all.openers.spawn(bring(all, *job));
  all.plan.set_connections(all.target);
  while (all.started < all.target) all.workers.spawn(connection(all, all.started++));

  runtime::stop_source finished;
  runtime::task_group watchers(shared.executor);
  watchers.spawn(watch(all, finished));
  co_await all.openers.join();
  all.changed.notify_all();
  co_await all.workers.join();
  finished.request_stop();
  co_await watchers.join();
  running.events.flush();
  if (all.error) co_return *all.error;
  if (running.stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  co_return all.summary;
}

}  // namespace gantry::transfer
