#pragma once

#include "base/failure.hpp"
#include "jobs/push_plan.hpp"
#include "jobs/upload_feed.hpp"
#include "jobs/upload_ledger.hpp"
#include "jobs/upload_settings.hpp"
#include "registry/blob_upload.hpp"
#include "registry/upload_plan.hpp"
#include "runtime/task.hpp"
#include "transfer/context.hpp"

#include <gantry/push.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace gantry::jobs {

using runtime::task;

/// Brings the blobs of one plan to their repositories, each in the cheapest way: it is there, it is mounted, the session of an earlier run
/// goes on, it is sent. Several may be under way at once. Used on the strand alone.
class blob_uploader {
 public:
  /// \p shared, \p running, \p ledger and \p options must outlive it.
  blob_uploader(transfer::context& shared, transfer::operation& running, upload_ledger& ledger, std::shared_ptr<upload_feed> feed,
                const upload_settings& options)
      : shared_(shared), running_(running), ledger_(ledger), feed_(std::move(feed)), options_(options) {}
  blob_uploader(const blob_uploader&) = delete;
  blob_uploader& operator=(const blob_uploader&) = delete;

  /// Waits for those who bring \p one to the same repository, or into the registry, and does what they leave to do. In a dry run it only
  /// counts. errc::cancelled after a stop; else what the registry, or the feed, fails with when tries and time are used up.
  task<result<void>> move_blob(planned_blob one);

  /// What became of the blobs that were moved: present, mounted, uploaded, and the bytes of these.
  const upload_counts& counts() const noexcept { return counts_; }

 private:
  /// Where somebody else brings \p one to \p place, those that read it together with us need not wait: two copies that did so for each
  /// other, each holding what the other wants, would stand still.
  void stand_aside(const std::string& place, const planned_blob& one);
  /// The same as \ref move_blob for one that nobody else brings to that repository.
  task<result<void>> bring(planned_blob one);
  task<result<void>> upload(planned_blob one);
  /// Where \p one goes, and what is tried before all of it is sent: a mount, the session of an earlier run.
  task<registry::blob_upload::target> target_of(planned_blob one);
  /// Counts and tells. \param had bytes that an earlier run sent
  void finished(const planned_blob& one, const registry::blob_upload::target& where, const registry::upload_plan& came, std::uint64_t had);
  /// Another repository of the registry that most likely has the blob; empty when none is known.
  std::string likely_repository(const planned_blob& one) const;
  /// Whether a dry run can count \p one as mounted.
  task<result<bool>> could_mount(planned_blob one);
  task<result<bool>> has_blob(const planned_blob& one);

  transfer::context& shared_;
  transfer::operation& running_;
  upload_ledger& ledger_;
  std::shared_ptr<upload_feed> feed_;
  const upload_settings& options_;
  upload_counts counts_;
};

}  // namespace gantry::jobs
