#include "transfer/blob_job.hpp"

#include <fmt/format.h>

#include <chrono>
#include <utility>

namespace gantry::transfer {
namespace {

using runtime::lane;
using runtime::offload;

constexpr std::chrono::milliseconds lock_poll{200};
// DESIGN section 4, "Locks": a holder whose part has not grown for so long is taken for dead or stuck.
constexpr std::chrono::seconds holder_patience{60};

failure stopped() { return {errc::cancelled, "stopped"}; }

}  // namespace

blob_job::blob_job(context& shared, operation& running, planner& plan, runtime::signal& work_changed,
                   std::shared_ptr<store::blob_target> into, wanted_blob wanted)
    : retry(shared.retry, jitter_seed()),
      shared_(shared),
      running_(running),
      plan_(plan),
      work_changed_(work_changed),
      into_(std::move(into)),
      wanted_(std::move(wanted)),
      id_(plan.add(wanted_.blob.size)),
      location_(shared.registry, wanted_.source, wanted_.blob.digest) {}

void blob_job::written(byte_range range) {
  plan_.written(id_, range);
  grown_.notify_all();
}

void blob_job::stream_ended() { grown_.notify_all(); }

task<result<void>> blob_job::claim() {
  bool told = false;
  std::int64_t growth = 0;
  auto changed = std::chrono::steady_clock::now();
  for (;;) {
    auto look = [into = into_, blob = wanted_.blob] { return into->claim(blob); };
    result<store::claim_attempt> answer = co_await offload(shared_.lanes, lane::files, std::move(look));
    if (!answer) co_return answer.error();
    reused_ = answer->held;
    if (answer->held) co_return result<void>();
    if (answer->lock) {
      if (!answer->lock->held()) place_ = store::ingest_place::own;
      lock_ = std::move(answer->lock);
      co_return result<void>();
    }
    if (!told) running_.events.emit(waiting{fmt::format("somebody else is fetching {}; waiting for it", wanted_.blob.digest.short_form())});
    told = true;
    const auto now = std::chrono::steady_clock::now();
    if (answer->growth != growth) {
      growth = answer->growth;
      changed = now;
    } else if (now - changed > holder_patience) {
      place_ = store::ingest_place::own;
      co_return result<void>();
    }
    const bool slept = co_await runtime::sleep_for(lock_poll, running_.stop);
    if (!slept) co_return stopped();
  }
}

task<result<void>> blob_job::fetch() {
  store::ingest_options how;
  how.place = place_;
  how.stop = &running_.stop_flag();
  auto begin = [into = into_, blob = wanted_.blob, how] { return into->begin(blob, how); };
  auto begun = co_await offload(shared_.lanes, lane::files, std::move(begin));
  if (!begun) co_return begun.error();
  part_ = std::move(*begun);
  running_.resume_waiting();
  hash_ = std::make_unique<hash_follower>(shared_.hashes, shared_.hash_buffers, wanted_.blob.digest.algorithm());
  const std::uint64_t held = part_->held().total();
  running_.events.emit(blob_started{wanted_.blob.digest, wanted_.blob.size, held, wanted_.role});
  resumed_ += held;
  plan_.open(id_, part_->held());
  work_changed_.notify_all();

  const std::uint64_t size = wanted_.blob.size;
  while (hash_->position() < size || !plan_.map(id_).complete()) {
    if (running_.stop.stop_requested()) co_return stopped();
    const std::uint64_t frontier = plan_.map(id_).frontier();
    if (hash_->busy() || frontier <= hash_->position()) {
      co_await grown_.wait(running_.stop);
      continue;
    }
    const result<void> advanced = co_await hash_->advance(part_, frontier, running_.stop);
    if (!advanced) co_return advanced.error();
  }
  // The streams journal what they wrote before they end; one that was sent after bytes that others brought is being cut.
  while (plan_.streams_of(id_) != 0) {
    if (running_.stop.stop_requested()) co_return stopped();
    co_await grown_.wait(running_.stop);
  }
  auto commit = [part = part_, digest = hash_->finish()] { return part->commit(digest); };
  co_return co_await offload(shared_.lanes, lane::files, std::move(commit));
}

task<> blob_job::release() {
  // What is left of a part is removed by its destructor, which may take long.
  auto drop = [part = std::exchange(part_, nullptr)]() mutable {
    part.reset();
    return true;
  };
  co_await offload(shared_.lanes, lane::files, std::move(drop));
}

task<result<void>> blob_job::run() {
  const result<void> claimed = co_await claim();
  if (!claimed) co_return claimed.error();
  if (reused_) {
    plan_.drop(id_);
    running_.events.emit(blob_finished{wanted_.blob.digest, wanted_.blob.size, true});
    co_return result<void>();
  }
  for (bool first = true;; first = false) {
    const result<void> fetched = co_await fetch();
    if (fetched) break;
    // Wrong bytes, all there: the part has given them up. Once more from the start, in case something on the way has changed them.
    if (fetched.error().code != errc::digest_mismatch) co_return fetched.error();
    resumed_ = 0;
    if (!first) {
      co_return failure(
          errc::digest_mismatch,
          fmt::format(
              "blob {} of {} arrived twice with another content than its digest says; the registry or something on the way changes it",
              wanted_.blob.digest.string(), wanted_.source.name()));
    }
    co_await release();
    running_.events.emit(
        warning{fmt::format("blob {} does not match its digest; fetching it once more", wanted_.blob.digest.short_form())});
  }
  plan_.drop(id_);
  co_await release();
  lock_.reset();
  running_.events.emit(blob_finished{wanted_.blob.digest, wanted_.blob.size, false});
  co_return result<void>();
}

}  // namespace gantry::transfer
