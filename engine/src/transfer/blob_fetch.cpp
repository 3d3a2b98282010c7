#include "transfer/blob_fetch.hpp"

#include "base/format.hpp"
#include "http/content_range.hpp"
#include "transfer/blob_stream.hpp"

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <utility>

namespace gantry::transfer {
namespace {

using runtime::lane;
using runtime::offload;

constexpr std::chrono::milliseconds lock_poll{200};
// DESIGN section 4, "Locks": a holder whose part has not grown for so long is taken for dead or stuck.
constexpr std::chrono::seconds holder_patience{60};

failure stopped() { return {errc::cancelled, "stopped"}; }

/// What the wait for a blob's lock came to.
struct claim {
  bool held = false;  ///< the blob is in the store
  std::optional<store::digest_lock> lock;
  store::ingest_place place = store::ingest_place::shared;
};

task<result<claim>> claim_blob(context& shared, operation& running, std::shared_ptr<store::content_store> store, descriptor blob) {
  claim outcome;
  bool told = false;
  std::int64_t stamp = 0;
  auto changed = std::chrono::steady_clock::now();
  for (;;) {
    auto ask = [store, blob]() -> result<claim> {
      claim answer;
      if (store->holds(blob)) {
        answer.held = true;
        return answer;
      }
      auto lock = store->try_lock(blob.digest);
      if (!lock) return lock.error();
      answer.lock = std::move(*lock);
      // It may have been committed between the look and the lock.
      if (answer.lock && store->holds(blob)) answer.held = true;
      return answer;
    };
    result<claim> answer = co_await offload(shared.lanes, lane::files, std::move(ask));
    if (!answer) co_return answer.error();
    if (answer->held || answer->lock) {
      if (answer->lock && !answer->lock->held()) answer->place = store::ingest_place::own;
      co_return std::move(*answer);
    }
    if (!told) running.events.emit(waiting{fmt::format("another process is fetching {}; waiting for it", blob.digest.short_form())});
    told = true;
    auto look = [store, digest = blob.digest] { return store->growth_stamp(digest); };
    const std::int64_t now_stamp = co_await offload(shared.lanes, lane::files, std::move(look));
    const auto now = std::chrono::steady_clock::now();
    if (now_stamp != stamp) {
      stamp = now_stamp;
      changed = now;
    } else if (now - changed > holder_patience) {
      outcome.place = store::ingest_place::own;
      co_return outcome;
    }
    const bool slept = co_await runtime::sleep_for(lock_poll, running.stop);
    if (!slept) co_return stopped();
  }
}

/// One attempt to fill everything that is missing, from the first gap to the last, and to commit.
class blob_attempt {
 public:
  blob_attempt(context& shared, operation& running, line_keeper& lines, const wanted_blob& wanted, std::shared_ptr<store::ingest> part)
      : shared_(shared),
        running_(running),
        lines_(lines),
        wanted_(wanted),
        part_(std::move(part)),
        cursor_(shared.lanes, wanted.blob.digest.algorithm()),
        held_(part_->held()) {}

  task<result<void>> run() {
    retry_policy policy(shared_.retry, jitter_seed());
    bool ranges_work = true;
    for (;;) {
      const std::vector<store::byte_range> gaps = held_.gaps(wanted_.blob.size);
      const std::uint64_t next = gaps.empty() ? wanted_.blob.size : gaps.front().offset;
      // What an earlier run left in front of the gap is hashed before the gap is filled, so that new bytes are hashed from memory.
      const result<void> caught_up = co_await cursor_.catch_up(part_, next, shared_.buffers, running_.stop);
      if (!caught_up) co_return caught_up.error();
      if (gaps.empty()) break;

      runtime::semaphore::permit permit = co_await shared_.connections.acquire(1, running_.stop);
      if (!permit) co_return stopped();
      stream_request request{wanted_.source, wanted_.blob, gaps.front(), ranges_work};
      blob_stream stream(shared_, running_, lines_, part_, cursor_, held_);
      const stream_outcome outcome = co_await stream.run(std::move(request));
      permit.reset();
      if (outcome.rangeless) ranges_work = false;
      if (!outcome.error) continue;
      std::optional<failure> last =
          co_await back_off(running_, policy, std::string(wanted_.blob.digest.short_form()), *outcome.error, outcome.received);
      if (last) co_return std::move(*last);
    }
    auto commit = [part = part_, digest = cursor_.finish()] { return part->commit(digest); };
    co_return co_await offload(shared_.lanes, lane::files, std::move(commit));
  }

 private:
  context& shared_;
  operation& running_;
  line_keeper& lines_;
  const wanted_blob& wanted_;
  std::shared_ptr<store::ingest> part_;
  hash_cursor cursor_;
  store::byte_ranges held_;
};

}  // namespace

task<result<fetched_blob>> fetch_blob(context& shared, operation& running, line_keeper& lines, std::shared_ptr<store::content_store> into,
                                      wanted_blob wanted) {
  fetched_blob done;
  result<claim> claimed = co_await claim_blob(shared, running, into, wanted.blob);
  if (!claimed) co_return claimed.error();
  if (claimed->held) {
    done.reused = true;
    running.events.emit(blob_finished{wanted.blob.digest, wanted.blob.size, true});
    co_return done;
  }
  for (bool first = true;; first = false) {
    store::ingest_options how;
    how.place = claimed->place;
    how.stop = &running.stop_flag();
    auto begin = [into, blob = wanted.blob, how] { return into->begin(blob, how); };
    auto begun = co_await offload(shared.lanes, lane::files, std::move(begin));
    if (!begun) co_return begun.error();
    const std::shared_ptr<store::ingest> part = std::move(*begun);
    if (first) done.resumed = part->held().total();
    running.events.emit(blob_started{wanted.blob.digest, wanted.blob.size, part->held().total(), wanted.role});

    blob_attempt attempt(shared, running, lines, wanted, part);
    const result<void> fetched = co_await attempt.run();
    if (fetched) break;
    // Wrong bytes, all there: the ingest has removed them. One more time from the start; a line that corrupts twice is told apart from a
    // registry that lies by nobody.
    const bool again = first && (fetched.error().code == errc::digest_mismatch);
    if (!again) {
      if (fetched.error().code == errc::digest_mismatch) {
        co_return failure(
            errc::digest_mismatch,
            fmt::format(
                "blob {} of {} arrived twice with another content than its digest says; the registry or something on the way changes it",
                wanted.blob.digest.string(), wanted.source.name()));
      }
      co_return fetched.error();
    }
    running.events.emit(warning{fmt::format("blob {} does not match its digest; fetching it once more", wanted.blob.digest.short_form())});
  }
  running.events.emit(blob_finished{wanted.blob.digest, wanted.blob.size, false});
  co_return done;
}

}  // namespace gantry::transfer
