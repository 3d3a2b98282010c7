#pragma once

#include "base/failure.hpp"
#include "registry/blob_location.hpp"
#include "runtime/signal.hpp"
#include "store/blob_target.hpp"
#include "transfer/context.hpp"
#include "transfer/hash_follower.hpp"
#include "transfer/planner.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/events.hpp>
#include <gantry/reference.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

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
  blob_job(context& shared, operation& running, planner& plan, runtime::signal& work_changed, std::shared_ptr<store::blob_target> into,
           wanted_blob wanted);

  /// From the claim to the commit. Keeps what arrived on every way out. errc::digest_mismatch after the whole was fetched twice and was
  /// wrong twice.
  task<result<void>> run();

  const wanted_blob& wanted() const noexcept { return wanted_; }
  blob_id id() const noexcept { return id_; }
  registry::blob_location& location() noexcept { return location_; }
  /// The partial file, while the blob is open.
  const std::shared_ptr<store::blob_part>& part() const noexcept { return part_; }
  hash_follower& hash() noexcept { return *hash_; }
  /// Bytes were written at \p range.
  void written(byte_range range);
  /// One of the streams has ended, with the planner too.
  void stream_ended();

  /// Of all streams of this blob together.
  retry_policy retry;
  /// A failure has been counted and its pause not passed: what fails until then is the same trouble.
  std::chrono::steady_clock::time_point calm_until{};

  bool reused() const noexcept { return reused_; }
  std::uint64_t resumed() const noexcept { return resumed_; }

 private:
  task<result<void>> claim();
  task<result<void>> fetch();
  task<> release();

  context& shared_;
  operation& running_;
  planner& plan_;
  runtime::signal& work_changed_;
  std::shared_ptr<store::blob_target> into_;
  wanted_blob wanted_;
  blob_id id_;
  registry::blob_location location_;
  std::optional<store::digest_lock> lock_;
  store::ingest_place place_ = store::ingest_place::shared;
  std::shared_ptr<store::blob_part> part_;
  std::unique_ptr<hash_follower> hash_;
  runtime::signal grown_;
  bool reused_ = false;
  std::uint64_t resumed_ = 0;
};

}  // namespace gantry::transfer
