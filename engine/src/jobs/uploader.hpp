#pragma once

#include "base/failure.hpp"
#include "http/body_source.hpp"
#include "jobs/mount_memory.hpp"
#include "jobs/push_plan.hpp"
#include "jobs/upload_ledger.hpp"
#include "jobs/upload_sessions.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"
#include "transfer/upload_body.hpp"

#include <gantry/push.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gantry::jobs {

using runtime::task;

/// The bytes of one blob for as long as it takes to upload it.
class blob_feed {
 public:
  virtual ~blob_feed() = default;

  /// Awaited once before the first body, without a connection.
  virtual task<result<void>> prepare() { co_return result<void>(); }
  /// The body of one request.
  virtual std::unique_ptr<http::body_source> open(std::uint64_t offset, std::uint64_t length,
                                                  transfer::upload_body::progress_handler progress) = 0;
  /// The attempt is over and there may be another.
  virtual void rest() {}
  /// A failure of the feed that no other attempt to upload mends.
  virtual std::optional<failure> broken() const { return std::nullopt; }
  /// After \ref broken: whether the bytes can be had elsewhere, for an upload that begins anew.
  virtual bool try_elsewhere() { return false; }
};

/// Where what is uploaded comes from.
class upload_feed {
 public:
  virtual ~upload_feed() = default;
  virtual std::unique_ptr<blob_feed> blob(const planned_blob& one) = 0;
  /// The bytes of a manifest, verified.
  virtual task<result<std::string>> document(descriptor one) = 0;
  /// The registry has \p one, or will not have it; said of every blob that is planned.
  virtual void settle(const planned_blob& /*one*/) {}
  /// The registry that a blob is read from while it is sent, over a connection of its own; empty: none.
  virtual std::string source() const { return {}; }
};

struct upload_settings {
  bool force_upload = false;  ///< see push_options
  bool dry_run = false;
  upload_state kept{};  ///< of other runs
  /// Asked for another repository of the registry that may have a blob when nothing is known of one; may be empty.
  std::function<task<std::string>(transfer::operation&, planned_blob)> elsewhere{};
  bool names_targets = false;  ///< events of a copy are about the name that it writes, not about its source, which may have several
  std::shared_ptr<store::content_store> cache{};  ///< where what is copied passes through and stays; none: memory alone
};

/// What one plan came to.
struct upload_outcome {
  std::vector<pushed_image> images;
  std::vector<push_failure> failed;  ///< only of plans of several images
  upload_counts counts;
};

void add_counts(upload_counts& sum, const upload_counts& more);

/// Carries out \p plan: blobs that the registries lack, then manifests, children before parents, the names last. What fails of one image
/// stops no other; a blob fails those of its repository. The failure of a plan's only image is that of the plan, and so is one that is no
/// image's own (the registry is silent, or refuses the account) when it left nothing. \p shared, \p running and \p ledger must outlive
/// the task.
task<result<upload_outcome>> upload(transfer::context& shared, transfer::operation& running, upload_ledger& ledger,
                                    std::shared_ptr<upload_feed> feed, upload_settings settings, push_plan plan);

}  // namespace gantry::jobs
