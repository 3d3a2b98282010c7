#include "jobs/bench.hpp"

#include "jobs/resolve.hpp"
#include "jobs/wanted_blobs.hpp"
#include "runtime/task_group.hpp"
#include "store/blob_target.hpp"
#include "store/memory_documents.hpp"
#include "transfer/fetcher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gantry::jobs {
namespace {

// PERFORMANCE, "Adaptive count": the most that is tried when nobody says otherwise.
constexpr unsigned most_automatic = 16;
// A registry that wants to be left alone for longer is not waited for.
constexpr std::chrono::minutes longest_rest{2};

/// Takes a blob and forgets it when it is complete. Without a file nothing can be read back: what arrived out of order is hashed as
/// whatever is in the buffer, which costs what hashing costs, and the digest is not checked.
class passing_part final : public store::blob_part {
 public:
  passing_part(descriptor blob, runtime::file file) : blob_(std::move(blob)), file_(std::move(file)) {}

  const descriptor& blob() const noexcept override { return blob_; }
  const store::byte_ranges& held() const noexcept override { return nothing_; }
  result<void> write(std::uint64_t offset, std::span<const std::byte> bytes) override {
    return file_.is_open() ? file_.write_at(offset, bytes) : result<void>();
  }
  result<void> record(const store::journal_record& /*piece*/) override { return {}; }
  result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const override {
    return file_.is_open() ? file_.read_at(offset, into) : result<std::size_t>(into.size());
  }
  void start_writeback(std::uint64_t offset, std::uint64_t length) const noexcept override {
    if (file_.is_open()) file_.start_writeback(offset, length);
  }
  result<void> commit(const digest& computed) override {
    if (!file_.is_open() || computed == blob_.digest) return {};
    return failure(errc::digest_mismatch,
                   fmt::format("the {} bytes received for blob {} hash to {}", blob_.size, blob_.digest.string(), computed.string()));
  }
  void discard() noexcept override { file_ = {}; }

 private:
  descriptor blob_;
  runtime::file file_;
  store::byte_ranges nothing_;
};

class passing_target final : public store::blob_target {
 public:
  /// \param directory for temporary files; empty: bytes go nowhere
  explicit passing_target(std::filesystem::path directory) : directory_(std::move(directory)) {}

  result<store::claim_attempt> claim(const descriptor& /*blob*/) override {
    store::claim_attempt answer;
    answer.lock.emplace();
    return answer;
  }
  result<std::unique_ptr<store::blob_part>> begin(const descriptor& blob, store::ingest_options /*options*/) override {
    runtime::file file;
    if (!directory_.empty()) {
      auto opened = runtime::file::open_unnamed(directory_);
      if (!opened) return opened.error();
      if (auto reserved = opened->reserve(blob.size); !reserved) return reserved.error();
      file = std::move(*opened);
    }
    return std::unique_ptr<store::blob_part>(std::make_unique<passing_part>(blob, std::move(file)));
  }

 private:
  std::filesystem::path directory_;
};

/// Ends a run when its time is over.
task<> limit(transfer::operation& run, std::chrono::milliseconds time, runtime::stop_source& done, bool& timed_out) {
  const bool over = co_await runtime::sleep_for(time, done);
  if (!over) co_return;
  timed_out = true;
  run.request_stop();
}

/// How long a host that was asked wants to be left alone.
std::chrono::seconds rest_of(const transfer::context& shared) {
  return std::chrono::ceil<std::chrono::seconds>(shared.registry.rests_until() - std::chrono::steady_clock::now());
}

task<bench_run> measure(transfer::context& shared, transfer::operation& whole, unsigned jobs, std::vector<transfer::wanted_blob> blobs,
                        const bench_options& options) {
  bench_run measured;
  measured.jobs = jobs;
  const unsigned most = jobs != 0 ? jobs : most_automatic;
  runtime::semaphore connections(most);
  transfer::context with = shared.with_connections(connections, most, jobs == 0);

  // Of an operation of its own, so that it can be stopped alone. Its progress is that of the whole.
  auto watch = [&measured, &whole](const event& what) {
    if (const auto* progress = std::get_if<transfer_progress>(&what)) {
      measured.connections = std::max(measured.connections, progress->connections);
      whole.events.progress(*progress);
    } else if (std::holds_alternative<retry_scheduled>(what)) {
      ++measured.retries;
      whole.events.emit(what);
    }
  };
  transfer::operation run(transfer::event_emitter(std::move(watch), {}));
  runtime::stop_source::registration stopped(whole.stop, [&run] { run.request_stop(); });

  bool timed_out = false;
  runtime::stop_source done;
  runtime::task_group timer(shared.executor);
  if (options.time_each.count() > 0) timer.spawn(limit(run, options.time_each, done, timed_out));
  auto target = std::make_shared<passing_target>(options.directory);
  transfer::fetch_options how;
  const auto started = std::chrono::steady_clock::now();
  const result<transfer::fetch_summary> fetched =
      co_await transfer::fetch_all(with, run, std::move(target), std::move(blobs), std::move(how));
  measured.elapsed = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started);
  done.request_stop();
  co_await timer.join();

  measured.bytes = run.bytes_received();
  measured.complete = fetched.has_value();
  if (!fetched && !(timed_out && fetched.error().code == errc::cancelled)) {
    measured.ec = fetched.error().code;
    measured.error = fetched.error().text.message();
  } else if (measured.bytes == 0 && !fetched && !whole.stop.stop_requested()) {
    const bool refused = rest_of(shared) > std::chrono::seconds(0);
    measured.ec = refused ? errc::rate_limited : errc::timed_out;
    measured.error = fmt::format("no byte arrived within {} ms{}", options.time_each.count(),
                                 refused ? ": the registry limits the rate of requests" : "; --time allows more");
  }
  co_return measured;
}

/// What one setting is made to wait for says nothing about the next: waits until the registry may be asked again. \returns why the next
/// cannot be measured
task<std::optional<failure>> rest(transfer::context& shared, transfer::operation& whole) {
  const std::chrono::seconds left = rest_of(shared);
  if (left <= std::chrono::seconds(0)) co_return std::nullopt;
  if (left > longest_rest) {
    co_return failure(errc::rate_limited,
                      fmt::format("not measured: the registry limits the rate of requests and asks to come back in {} s", left.count()));
  }
  whole.events.emit(warning{fmt::format("the registry limits the rate of requests; measuring goes on in {} s", left.count())});
  co_await runtime::sleep_for(left, whole.stop);
  co_return std::nullopt;
}

}  // namespace

task<result<bench_result>> bench(transfer::context& shared, std::shared_ptr<transfer::operation> running, reference image,
                                 bench_options options) {
  transfer::operation& whole = *running;
  if (image.empty()) co_return failure(errc::invalid_reference, "an empty reference names no image");
  platform_choice choice;
  if (options.image_platform) choice.platforms.push_back(*options.image_platform);
  resolver names(shared, whole, std::make_shared<store::memory_documents>());
  const result<resolved_image> resolved = co_await names.resolve(image, std::move(choice));
  if (!resolved) co_return resolved.error();
  whole.events.emit(image_resolved{image, resolved->top, resolved->manifests.size()});
  const std::vector<resolved_image> images(1, *resolved);
  const result<std::vector<transfer::wanted_blob>> wanted = blobs_of(images);
  if (!wanted) co_return wanted.error();

  bench_result report;
  report.reference = image;
  for (const transfer::wanted_blob& one : *wanted) report.image_bytes += one.blob.size;
  for (const unsigned jobs : options.jobs) {
    if (whole.stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
    std::vector<transfer::wanted_blob> blobs = *wanted;
    // Over connections of its own, as a pull has: those of the setting before have their windows open already.
    shared.registry.cool_down();
    // Tells that the next number's turn has come, also where it will not be measured.
    whole.events.emit(transfer_planned{wanted->size(), report.image_bytes, 0, 0});
    bench_run measured;
    measured.jobs = jobs;
    const std::optional<failure> refused = co_await rest(shared, whole);
    if (refused) {
      measured.ec = refused->code;
      measured.error = refused->text.message();
    } else {
      measured = co_await measure(shared, whole, jobs, std::move(blobs), options);
    }
    // Another number of connections does not mend what is wrong with the directory or the image.
    if (measured.ec && (*measured.ec == condition::storage || *measured.ec == condition::integrity))
      co_return failure(*measured.ec, measured.error);
    report.runs.push_back(std::move(measured));
  }
  if (whole.stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  report.recommended = recommend_jobs(report.runs);
  if (!report.recommended && !report.runs.empty() && report.runs.front().ec) {
    co_return failure(*report.runs.front().ec, report.runs.front().error);
  }
  co_return report;
}

}  // namespace gantry::jobs

namespace gantry {

std::optional<unsigned> recommend_jobs(const std::vector<bench_run>& runs) {
  constexpr double good_enough = 0.9;
  double best = 0;
  for (const bench_run& run : runs) best = std::max(best, run.rate());
  std::optional<unsigned> choice;
  for (const bench_run& run : runs) {
    if (best <= 0 || run.rate() < good_enough * best) continue;
    if (!choice || run.jobs < *choice) choice = run.jobs;
  }
  return choice;
}

}  // namespace gantry
