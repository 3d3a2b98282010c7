#include "transfer/fetcher.hpp"

#include "runtime/task_group.hpp"
#include "transfer/commit_queue.hpp"
#include "transfer/connection_controller.hpp"
#include "transfer/segment_stream.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace gantry::transfer {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds tick{100};
// Looking at the lines costs a call of the system for each; who takes work from others sees nothing older than that.
constexpr std::chrono::milliseconds fresh_look{5};
// How many blobs have files open beyond those that are being fetched, so that no connection waits for an open(2).
constexpr std::size_t opened_ahead = 4;
/// Requests ahead, of \p connections together: each holds 34 KiB while it waits, and the more connections there are, the less each idles.
unsigned most_ahead(unsigned connections) { return std::max(8u, 24 - std::min(connections, 24u)); }
// So much waiting for the hash is not an accident of the order in which bytes came: ten milliseconds of its work.
constexpr std::uint64_t hash_backlog = std::uint64_t{16} << 20;

/// One call of fetch_all; lives in its frame.
struct run {
  /// \param lane whether small blobs have a connection of their own at the beginning: behind a layer they would wait a round trip or more
  run(context& with, operation& whose, std::shared_ptr<store::blob_target> into, unsigned connections, bool lane, fetch_options options)
      : shared(with),
        running(whose),
        how(std::move(options)),
        commits(with.executor, with.lanes, std::move(into)),
        plan(settings_of(with, connections, how)),
        controller({std::min(connections, 4u + (lane ? 1u : 0u)), connections}, clock::now()),
        target(with.adaptive ? controller.target() : connections),
        done(whose.stop),
        openings(connections * (1 + planner::settings().ahead) + opened_ahead),
        workers(with.executor),
        openers(with.executor) {}

  static planner::settings settings_of(const context& with, unsigned connections, const fetch_options& how) {
    planner::settings values;
    values.connections = connections;
    values.adaptive = with.adaptive && connections > 1;
    values.per_group = with.max_per_host;
    values.in_order = how.in_order;
    return values;
  }

  context& shared;
  operation& running;
  fetch_options how;
  commit_queue commits;
  planner plan;
  connection_controller controller;
  unsigned target;  ///< connections that should be at work
  line_keeper lines;
  line_map open_lines;
  work_signal changed;
  runtime::stop_source done;  ///< all blobs are there, or the operation was stopped: nobody sleeps on
  std::vector<std::unique_ptr<blob_job>> jobs;
  std::size_t ended = 0;
  runtime::semaphore openings;
  unsigned started = 0;
  unsigned started_ahead = 0;
  bool asks_ahead = false;  ///< there are more blobs than connections
  clock::time_point looked_at;
  runtime::task_group workers;
  runtime::task_group openers;
  fetch_summary summary;
  std::optional<failure> error;

  /// As many as there should be of those who ask.
  void start_workers();
  /// Tells the planner what lies unread on the lines, which is lost with them.
  void look_at_lines(clock::time_point now);

  bool over() const { return ended == jobs.size() || running.stop.stop_requested(); }

  /// The first failure is the cause; what follows it are only the others being stopped.
  void fail(failure cause) {
    if (!error) error = std::move(cause);
    running.request_stop();
    changed.notify_all();
  }
};

/// Counts a job as ended on every way out of it.
class ending {
 public:
  explicit ending(run& all) : all_(all) {}
  ~ending() {
    if (++all_.ended == all_.jobs.size()) all_.done.request_stop();
    all_.changed.notify_all();
  }
  ending(const ending&) = delete;
  ending& operator=(const ending&) = delete;

 private:
  run& all_;
};

/// Turns what is thrown, a defect or a lack of memory, into the failure of the whole, so that nobody waits for what will not come.
task<> guarded(run& all, task<> work) {
  try {
    co_await std::move(work);
  } catch (const std::exception& error) {
    all.fail(failure(errc::internal_error, std::string("a defect of the engine: ") + error.what()));
  }
}

task<> bring(run& all, blob_job& job) {
  const ending counted(all);
  runtime::semaphore::permit opening = co_await all.openings.acquire(1, all.running.stop);
  if (!opening) co_return;
  if (all.how.admit) {
    const bool admitted = co_await all.how.admit(job.wanted().blob);
    if (!admitted) co_return;
  }
  const result<void> done = co_await job.run(std::move(opening), all.openings);
  if (!done) {
    all.fail(done.error());
    co_return;
  }
  if (all.how.arrived) all.how.arrived(job.wanted().blob);
  all.summary.bytes_resumed += job.resumed();
  if (!job.reused()) co_return;
  ++all.summary.reused;
  all.summary.layers_reused += job.wanted().role == blob_role::layer ? 1 : 0;
  all.summary.bytes_reused += job.wanted().blob.size;
}

/// Decides what follows from a stream that failed, and waits. One trouble is one failure of the blob, however many of its streams meet it.
task<> recover(run& all, blob_job& job, stream_outcome outcome) {
  const failure& why = *outcome.error;
  if (outcome.elsewhere) {
    if (outcome.fresh != 0) job.retry.progressed();
    all.running.events.emit(retry_scheduled{std::string(job.wanted().blob.digest.short_form()), 1, std::chrono::milliseconds(0), why.code,
                                            why.text.message() + "; asking another place"});
    co_return;
  }
  const bool server_said_so = why.code == errc::rate_limited || why.code == errc::server_error;
  auto now = clock::now();
  // Other errors say nothing of how many may ask at once.
  if (outcome.overloaded) all.controller.pushed_back(now, all.plan.served_at_most(job.id()));
  if (outcome.fresh >= retry_policy::progress_that_counts) job.retry.progressed();
  // Until it has answered again one connection looks, and the others do something else.
  all.plan.troubled(job.id());
  if (now >= job.calm_until) {
    const auto delay = job.retry.after(why, outcome.fresh, all.running.idle(), all.running.answered_before(why));
    if (!delay) {
      all.fail(give_up(job.retry, why));
      co_return;
    }
    job.calm_until = now + *delay;
    // A server that asks for patience is left alone by all connections, and other servers are not.
    if (server_said_so) all.plan.leave_alone(job.id(), now, job.calm_until);
    all.running.events.emit(
        retry_scheduled{std::string(job.wanted().blob.digest.short_form()), job.retry.failures(), *delay, why.code, why.text.message()});
  }
  const auto pause = std::chrono::duration_cast<std::chrono::milliseconds>(job.calm_until - now) + std::chrono::milliseconds(1);
  co_await runtime::sleep_for(pause, all.done);
}

/// One of those who ask for bytes: over a connection of its own, or \p ahead behind the requests of others.
task<> connection(run& all, unsigned number, bool ahead) {
  std::optional<blob_id> last;
  while (!all.over()) {
    const auto now = clock::now();
    std::optional<assignment> given;
    if (ahead) {
      given = all.plan.next_ahead(now);
    } else if (number < all.target) {
      all.look_at_lines(now);
      given = all.plan.next(now, last);
    }
    if (!given) {
      // The tick wakes who could steal, since nothing else happens while the others only receive.
      co_await all.changed.wait(all.done, ahead);
      continue;
    }
    last = given->blob;
    blob_job& job = *all.jobs[given->blob];
    connection_grant grant;
    if (!ahead) {
      // Nobody has been asked yet, so nobody is late.
      all.plan.held_up(given->stream, now, true);
      grant = co_await connection_to(all.shared, job.wanted().source.registry(), all.running.stop);
      if (!grant) {
        all.plan.ended(given->stream);
        co_return;
      }
      all.plan.held_up(given->stream, clock::now(), false);
    }
    segment_stream stream(all.shared, all.running, all.plan, all.lines, all.open_lines, job);
    stream_outcome outcome = co_await stream.run(*given);
    grant.reset();
    job.stream_ended();
    if (outcome.postponed) {
      all.changed.left_over();
      co_await all.changed.wait(all.done, ahead);
      continue;
    }
    all.changed.notify_all();
    if (outcome.error && !all.running.stop.stop_requested()) {
      co_await recover(all, job, std::move(outcome));
    } else if (outcome.fresh != 0) {
      job.retry.progressed();
    }
  }
}

void run::start_workers() {
  while (started < target) workers.spawn(guarded(*this, connection(*this, started++, false)));
  while (asks_ahead && started_ahead < std::min(target * planner::settings().ahead, most_ahead(target))) {
    workers.spawn(guarded(*this, connection(*this, started_ahead++, true)));
  }
}

void run::look_at_lines(clock::time_point now) {
  if (now - looked_at < fresh_look) return;
  looked_at = now;
  for (const auto& [stream, line] : open_lines) plan.unread(stream, line->unread());
}

void tell_change(run& all) {
  const unsigned now = all.controller.target();
  if (now != all.target) all.running.events.emit(concurrency_changed{all.target, now, all.controller.reason(), all.controller.rate()});
}

/// Looks at the whole ten times per second: lines that crawl, lines that were overtaken, the number of connections.
task<> watch(run& all, runtime::stop_source& finished) {
  for (unsigned count = 0;; ++count) {
    const bool slept = co_await runtime::sleep_for(tick, finished);
    if (!slept) co_return;
    const auto now = clock::now();
    all.look_at_lines(now);
    std::vector<std::pair<stream_id, bool>> ends;
    for (const stream_id stream : all.plan.laggards(now)) ends.emplace_back(stream, false);
    for (const auto& [stream, line] : all.open_lines) {
      if (all.plan.overtaken(stream)) ends.emplace_back(stream, true);
    }
    for (const auto& [stream, overtaken] : ends) {
      const auto found = all.open_lines.find(stream);
      if (found != all.open_lines.end()) found->second->drop(overtaken);
    }
    if (count % 50 == 49) all.lines.drop_slow();
    if (all.shared.adaptive) {
      std::uint64_t unhashed = 0;
      for (const std::unique_ptr<blob_job>& job : all.jobs) unhashed += job->backlog();
      all.controller.serving(now, all.plan.served());
      all.controller.sample(now, all.running.bytes_received(), all.plan.round_trip(), static_cast<unsigned>(all.plan.at_work(now)),
                            unhashed >= hash_backlog);
      tell_change(all);
      all.target = all.controller.target();
      all.plan.set_connections(all.target);
      all.start_workers();
    }
    all.changed.notify_all();
  }
}

}  // namespace

task<result<fetch_summary>> fetch_all(context& shared, operation& running, std::shared_ptr<store::blob_target> into,
                                      std::vector<wanted_blob> blobs, fetch_options how) {
  if (blobs.empty()) co_return fetch_summary();
  std::map<std::string, std::size_t> hosts;
  for (const wanted_blob& one : blobs) hosts.emplace(one.source.registry(), hosts.size());
  const auto most = static_cast<unsigned>(std::min<std::size_t>(shared.jobs, hosts.size() * shared.max_per_host));
  const auto little = [](const wanted_blob& one) { return one.blob.size <= planner::settings().small_blob; };
  run all(shared, running, into, most, std::any_of(blobs.begin(), blobs.end(), little), std::move(how));
  // Blobs are opened in this order: what is small first, so that configs never wait behind layers, then the largest, so that the tail is
  // short.
  const auto rank = [&little](const wanted_blob& one) { return std::pair(!little(one), little(one) ? one.blob.size : ~one.blob.size); };
  const auto before = [&rank](const wanted_blob& a, const wanted_blob& b) { return rank(a) < rank(b); };
  if (!all.how.in_order) std::stable_sort(blobs.begin(), blobs.end(), before);
  const auto ranged = [&](const wanted_blob& one) { return shared.registry.answers_ranges(one.source); };
  if (std::all_of(blobs.begin(), blobs.end(), ranged)) all.plan.assume_ranges();
  for (wanted_blob& one : blobs) {
    const std::size_t host = hosts.at(one.source.registry());
    all.jobs.push_back(std::make_unique<blob_job>(shared, running, all.plan, all.commits, all.changed, into, std::move(one), host));
  }
  runtime::stop_source finished;
  runtime::task_group watchers(shared.executor);
  // From the first task on everybody has to be waited for, whatever cannot be started.
  try {
    for (const std::unique_ptr<blob_job>& job : all.jobs) all.openers.spawn(guarded(all, bring(all, *job)));
    all.plan.set_connections(all.target);
    // With one host alone, since what is asked there for ahead takes the connections that its limit leaves.
    all.asks_ahead = !all.how.in_order && all.jobs.size() > most && hosts.size() == 1;
    all.start_workers();
    watchers.spawn(guarded(all, watch(all, finished)));
  } catch (const std::exception& error) {
    all.fail(failure(errc::internal_error, std::string("a part of the transfer cannot be started: ") + error.what()));
  }
  co_await all.openers.join();
  all.changed.notify_all();
  co_await all.workers.join();
  finished.request_stop();
  co_await watchers.join();
  for (const std::unique_ptr<blob_job>& job : all.jobs) {
    task<> rest = job->settle();
    co_await guarded(all, std::move(rest));
  }
  co_await all.commits.join();
  running.events.flush();
  if (all.error) co_return *all.error;
  if (running.stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  co_return all.summary;
}

}  // namespace gantry::transfer
