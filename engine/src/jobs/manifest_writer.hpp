#pragma once

#include "base/failure.hpp"
#include "jobs/push_plan.hpp"
#include "jobs/upload_feed.hpp"
#include "jobs/upload_ledger.hpp"
#include "runtime/task.hpp"
#include "transfer/context.hpp"

#include <gantry/digest.hpp>
#include <gantry/push.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace gantry::jobs {

using runtime::task;

/// Writes the manifests of images whose blobs are there: children before parents, the name last. Several images may be under way at once.
/// Used on the strand alone.
class manifest_writer {
 public:
  /// \p shared, \p running and \p ledger must outlive it.
  manifest_writer(transfer::context& shared, transfer::operation& running, upload_ledger& ledger, std::shared_ptr<upload_feed> feed)
      : shared_(shared), running_(running), ledger_(ledger), feed_(std::move(feed)) {}
  manifest_writer(const manifest_writer&) = delete;
  manifest_writer& operator=(const manifest_writer&) = delete;

  /// \p image must outlive the task. errc::cancelled after a stop; else what the registry, or the feed, fails with.
  /// \param told of what the name names in the end
  task<result<void>> write(const planned_image& image, pushed_image& told);

 private:
  /// \param lists the subject when the image is a list of its referrers
  task<> write_child(const planned_image& image, std::size_t number, const digest& lists, std::optional<failure>& broken);
  task<result<void>> write_one(const planned_image& image, const planned_manifest& one, std::string bytes, const digest& lists);
  task<result<std::string>> bytes_of(const planned_manifest& one);
  /// What the registry confirms as the subject, empty when it does not; nothing when the manifest was written before.
  task<result<std::optional<digest>>> put(const planned_manifest& one, std::string bytes);

  transfer::context& shared_;
  transfer::operation& running_;
  upload_ledger& ledger_;
  std::shared_ptr<upload_feed> feed_;
};

}  // namespace gantry::jobs
