#include "transfer/blob_job.hpp"

#include "store/holder_watch.hpp"
#include "store/journal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <span>
#include <utility>

namespace gantry::transfer {
namespace {

using runtime::lane;
using runtime::offload;

constexpr std::chrono::milliseconds lock_poll{200};

failure stopped() { return {errc::cancelled, "stopped"}; }

/// A look at a blob and, when the caller is to fetch it, its part.
struct opening_attempt {
  store::claim_attempt claimed;
  std::unique_ptr<store::blob_part> part;
};

/// \p Sent has a piece and who sent it. Blocking.
template <class Sent>
std::set<std::size_t> senders_of_wrong_pieces(const store::blob_part& part, const std::vector<Sent>& sent) {
  std::set<std::size_t> found;
  std::vector<std::byte> block(std::size_t{256} << 10);
  for (const Sent& one : sent) {
    if (found.contains(one.site)) continue;
    store::piece_hasher hasher;
    for (std::uint64_t done = 0; done < one.piece.length;) {
      const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), one.piece.length - done));
      const result<std::size_t> got = part.read_at(one.piece.offset + done, std::span(block).first(wanted));
      if (!got || *got == 0) return found;
      hasher.update(std::span(block).first(*got));
      done += *got;
    }
    if (hasher.value() != one.piece.checksum) found.insert(one.site);
  }
  return found;
}

result<opening_attempt> claim_and_begin(store::blob_target& into, const descriptor& blob, store::ingest_options how) {
  auto claimed = into.claim(blob);
  if (!claimed) return claimed.error();
  opening_attempt answer{std::move(*claimed), nullptr};
  if (answer.claimed.held || answer.claimed.copy || !answer.claimed.lock) return answer;
  if (!answer.claimed.lock->held()) how.place = store::ingest_place::own;
  auto begun = into.begin(blob, how);
  if (!begun) return begun.error();
  answer.part = std::move(*begun);
  return answer;
}

}  // namespace

blob_job::blob_job(context& shared, operation& running, planner& plan, commit_queue& commits, work_signal& work_changed,
                   std::shared_ptr<store::blob_target> into, wanted_blob wanted, std::size_t group)
    : retry(shared.retry, jitter_seed()),
      shared_(shared),
      running_(running),
      plan_(plan),
      commits_(commits),
      work_changed_(work_changed),
      into_(std::move(into)),
      wanted_(std::move(wanted)),
      id_(plan.add(wanted_.blob.size, group)),
      sources_(shared.registry, wanted_.source, wanted_.blob.digest, wanted_.blob.urls),
      tails_(shared.executor) {}

void blob_job::written(byte_range range) {
  plan_.written(id_, range);
  grown_.notify_all();
}

void blob_job::note_pieces(std::size_t site, const std::vector<store::journal_record>& records) {
  for (const store::journal_record& one : records) pieces_.push_back({one, site});
}

void blob_job::stream_ended() { grown_.notify_all(); }

void blob_job::finish_later(task<result<void>> writing) { tails_.spawn(tail(std::move(writing))); }

task<> blob_job::tail(task<result<void>> writing) {
  const result<void> done = co_await std::move(writing);
  if (!done && !unwritten_) unwritten_ = done.error();
  grown_.notify_all();
}

std::uint64_t blob_job::backlog() const {
  if (!part_ || !hash_) return 0;
  const std::uint64_t frontier = plan_.map(id_).frontier();
  return frontier - std::min(frontier, hash_->position());
}

store::ingest_options blob_job::how_to_begin() const {
  store::ingest_options how;
  how.place = place_;
  how.read_again = running_.read_again;
  how.stop = &running_.stop_flag();
  return how;
}

std::shared_ptr<void> blob_job::note_fetching() {
  auto fetching = shared_.fetching;
  const auto place = fetching->insert(wanted_.blob.digest);
  return {nullptr, [fetching, place](void*) { fetching->erase(place); }};
}

task<result<void>> blob_job::claim() {
  unsigned looks = 0;
  bool told = false;
  store::holder_watch holder;
  for (;;) {
    auto look = [into = into_, blob = wanted_.blob, how = how_to_begin()] { return claim_and_begin(*into, blob, how); };
    result<opening_attempt> answer = co_await offload(shared_.lanes, lane::files, std::move(look));
    if (!answer) co_return answer.error();
    store::claim_attempt& claimed = answer->claimed;
    reused_ = claimed.held;
    if (claimed.held) co_return result<void>();
    if (claimed.lock) {
      if (!claimed.lock->held()) place_ = store::ingest_place::own;
      lock_ = std::move(claimed.lock);
      fetching_ = note_fetching();
      copy_ = std::move(claimed.copy);
      part_ = std::move(answer->part);
      co_return result<void>();
    }
    // Not at the first look: one of our own that has just got the lock may not have come to say so. What these fetch is told of anyway.
    if (++looks > 1 && !told && !shared_.fetching->contains(wanted_.blob.digest)) {
      running_.events.emit(waiting{fmt::format("another process is fetching {}; waiting for it", wanted_.blob.digest.short_form())});
      told = true;
    }
    if (holder.is_stuck(claimed.growth, std::chrono::steady_clock::now())) {
      running_.events.emit(warning{
          fmt::format("whoever fetches {} has made no progress for a minute; it is fetched here too", wanted_.blob.digest.short_form())});
      place_ = store::ingest_place::own;
      co_return co_await begin();
    }
    const bool slept = co_await runtime::sleep_for(lock_poll, running_.stop);
    if (!slept) co_return stopped();
  }
}

task<result<void>> blob_job::copy() {
  const runtime::semaphore::permit alone = co_await shared_.copies->acquire(1, running_.stop);
  if (!alone) co_return stopped();
  running_.events.emit(blob_started{wanted_.blob.digest, wanted_.blob.size, 0, wanted_.role});
  while (!running_.stop.stop_requested()) {
    auto call = [from = copy_] { return from->advance(); };
    const auto done = co_await offload(shared_.lanes, lane::files, std::move(call));
    if (!done) co_return done.error();
    if (!*done) co_return result<void>();
    running_.events.progress(wanted_.blob.digest, **done);
    reused_ = **done == wanted_.blob.size;
    if (reused_) co_return result<void>();
  }
  co_return stopped();
}

task<result<void>> blob_job::begin() {
  auto call = [into = into_, blob = wanted_.blob, how = how_to_begin()] { return into->begin(blob, how); };
  auto begun = co_await offload(shared_.lanes, lane::files, std::move(call));
  if (!begun) co_return begun.error();
  part_ = std::move(*begun);
  co_return result<void>();
}

/// Until all bytes are written and hashed, and nobody works on them any more.
task<result<void>> blob_job::receive_all() {
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
    if (unwritten_) co_return *unwritten_;
    const std::uint64_t frontier = plan_.map(id_).frontier();
    if (hash_->busy() || frontier <= hash_->position()) {
      co_await grown_.wait(running_.stop);
      continue;
    }
    const result<void> advanced = co_await hash_->advance(part_, frontier, running_.stop);
    if (!advanced) co_return advanced.error();
  }
  // One that was sent after bytes that others brought is being cut.
  while (plan_.streams_of(id_) != 0) {
    if (running_.stop.stop_requested()) co_return stopped();
    co_await grown_.wait(running_.stop);
  }
  co_await tails_.join();
  if (unwritten_) co_return *unwritten_;
  co_return result<void>();
}

/// Tells by the right bytes, which are in \p part, whose pieces of the first time were wrong.
task<> blob_job::accuse(std::shared_ptr<store::blob_part> part) {
  auto compare = [part, suspects = std::exchange(suspects_, {})] { return senders_of_wrong_pieces(*part, suspects); };
  const std::set<std::size_t> guilty = co_await offload(shared_.lanes, lane::files, std::move(compare));
  for (const std::size_t site : guilty) {
    sources_.drop(site);
    running_.events.emit(warning{fmt::format("the mirror {} sent wrong bytes of blob {}; it is not asked any more", sources_.name_of(site),
                                             wanted_.blob.digest.short_form())});
  }
}

task<result<void>> blob_job::fetch(runtime::semaphore::permit opening) {
  const result<void> received = co_await receive_all();
  if (!received) co_return received.error();
  const runtime::semaphore::permit admitted = co_await commits_.admit(running_.stop);
  if (!admitted) co_return stopped();
  opening.reset();
  std::shared_ptr<store::blob_part> part = std::exchange(part_, nullptr);
  const digest computed = hash_->finish();
  if (!suspects_.empty() && computed == wanted_.blob.digest) co_await accuse(part);
  co_return co_await commits_.commit(std::move(part), computed);
}

task<result<void>> blob_job::run(runtime::semaphore::permit opening, runtime::semaphore& openings) {
  const result<void> claimed = co_await claim();
  if (!claimed) co_return claimed.error();
  if (copy_) {
    // Copies wait for each other, and what has to be fetched does not wait for them.
    opening.reset();
    const result<void> copied = co_await copy();
    copy_.reset();
    if (!copied) co_return copied.error();
    if (!reused_) {
      opening = co_await openings.acquire(1, running_.stop);
      if (!opening) co_return stopped();
      const result<void> begun = co_await begin();
      if (!begun) co_return begun.error();
    }
  }
  if (reused_) {
    plan_.drop(id_);
    running_.events.emit(blob_finished{wanted_.blob.digest, wanted_.blob.size, true, wanted_.role});
    co_return result<void>();
  }
  result<void> fetched = co_await fetch(std::move(opening));
  if (!fetched && fetched.error().code == errc::digest_mismatch) {
    // Wrong bytes, all there: the part has given them up. Once more from the start, in case something on the way has changed them.
    running_.events.emit(warning{fmt::format("blob {} does not match its digest; fetching it once more{}", wanted_.blob.digest.short_form(),
                                             sources_.has_mirrors() ? ", from the registry itself" : "")});
    resumed_ = 0;
    suspects_ = std::exchange(pieces_, {});
    sources_.only_origin();
    fetched = co_await begin();
    runtime::semaphore::permit none;
    if (fetched) fetched = co_await fetch(std::move(none));
    if (!fetched && fetched.error().code == errc::digest_mismatch) {
      fetched = failure(
          errc::digest_mismatch,
          fmt::format(
              "blob {} of {} arrived twice with another content than its digest says; the registry or something on the way changes it",
              wanted_.blob.digest.string(), wanted_.source.name()));
    }
  }
  if (!fetched) co_return fetched.error();
  plan_.drop(id_);
  fetching_.reset();
  lock_.reset();
  running_.events.emit(blob_finished{wanted_.blob.digest, wanted_.blob.size, false, wanted_.role});
  co_return result<void>();
}

}  // namespace gantry::transfer
