#pragma once

#include "base/failure.hpp"
#include "registry/blob_sources.hpp"
#include "runtime/semaphore.hpp"
#include "runtime/signal.hpp"
#include "runtime/task_group.hpp"
#include "store/blob_target.hpp"
#include "transfer/commit_queue.hpp"
#include "transfer/context.hpp"
#include "transfer/hash_follower.hpp"
#include "transfer/planner.hpp"
#include "transfer/work_signal.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/events.hpp>
#include <gantry/reference.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace gantry::transfer {

/// A blob that an operation wants, and where it is to be had.
struct wanted_blob {
  gantry::reference source;  ///< registry and repository count
  descriptor blob;
  blob_role role = blob_role::layer;
};

/// One blob on its way into the store or an archive. The streams that fetch its bytes find here where to write and tell what they have
/// written; \ref run does the rest: it waits for another process that fetches the same blob, resumes what an earlier run left, follows with
/// the hash, commits.
class blob_job {
 public:
  /// All references must outlive the job.
  /// \param group of the blob, see planner::add
  blob_job(context& shared, operation& running, planner& plan, commit_queue& commits, work_signal& work_changed,
           std::shared_ptr<store::blob_target> into, wanted_blob wanted, std::size_t group);

  /// From the claim to the commit. Keeps what arrived on every way out. errc::digest_mismatch after the whole was fetched twice and was
  /// wrong twice.
  /// \param opening the right to have files open, given back when all bytes are there: others need not wait for the commit
  /// \param openings where to get it again, when it was given back for nothing; must outlive the task
  task<result<void>> run(runtime::semaphore::permit opening, runtime::semaphore& openings);
  /// Waits for what streams have left to be written; for those who destroy the job after its streams.
  task<> settle() { return tails_.join(); }

  const wanted_blob& wanted() const noexcept { return wanted_; }
  blob_id id() const noexcept { return id_; }
  registry::blob_sources& sources() noexcept { return sources_; }
  /// The partial file, while the blob is open.
  const std::shared_ptr<store::blob_part>& part() const noexcept { return part_; }
  hash_follower& hash() noexcept { return *hash_; }
  /// Bytes were written at \p range.
  void written(byte_range range);
  /// A site sent \p records, which are written.
  void note_pieces(std::size_t site, const std::vector<store::journal_record>& records);
  /// One of the streams has ended, with the planner too.
  void stream_ended();
  /// Lets \p writing, the end of what a stream has received, go on without the stream.
  void finish_later(task<result<void>> writing);
  /// Bytes that are there to be hashed and have not been.
  std::uint64_t backlog() const;

  /// Of all streams of this blob together.
  retry_policy retry;
  /// A failure has been counted and its pause not passed: what fails until then is the same trouble.
  std::chrono::steady_clock::time_point calm_until{};

  bool reused() const noexcept { return reused_; }
  std::uint64_t resumed() const noexcept { return resumed_; }

 private:
  struct sent_piece {
    store::journal_record piece;
    std::size_t site = 0;
  };
  task<> accuse(std::shared_ptr<store::blob_part> part);
  store::ingest_options how_to_begin() const;
  task<result<void>> claim();
  /// Says that it is we who fetch the blob, as long as what it returns lives.
  std::shared_ptr<void> note_fetching();
  /// Has the target copy the blob from where it has found it; then it is \ref reused.
  task<result<void>> copy();
  task<result<void>> begin();
  task<result<void>> receive_all();
  task<result<void>> fetch(runtime::semaphore::permit opening);
  task<> tail(task<result<void>> writing);

  context& shared_;
  operation& running_;
  planner& plan_;
  commit_queue& commits_;
  work_signal& work_changed_;
  std::shared_ptr<store::blob_target> into_;
  wanted_blob wanted_;
  blob_id id_;
  registry::blob_sources sources_;
  std::vector<sent_piece> pieces_;    ///< while there are mirrors: who sent what
  std::vector<sent_piece> suspects_;  ///< of a blob that was wrong
  std::optional<store::digest_lock> lock_;
  std::shared_ptr<void> fetching_;  ///< its place in context::fetching, while it has the lock
  store::ingest_place place_ = store::ingest_place::shared;
  std::shared_ptr<store::blob_copy> copy_;
  std::shared_ptr<store::blob_part> part_;
  std::unique_ptr<hash_follower> hash_;
  runtime::signal grown_;
  runtime::task_group tails_;
  std::optional<failure> unwritten_;  ///< of a tail
  bool reused_ = false;
  std::uint64_t resumed_ = 0;
};

}  // namespace gantry::transfer
