#pragma once

#include "base/failure.hpp"
#include "http/body_source.hpp"
#include "jobs/push_plan.hpp"
#include "jobs/upload_sessions.hpp"
#include "registry/upload_plan.hpp"
#include "runtime/signal.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"
#include "transfer/upload_body.hpp"

#include <gantry/push.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
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
  /// Connections that one blob needs beside the one that sends it.
  virtual unsigned connections() const { return 0; }
};

/// What is known of the registries that uploads go to, shared by all that run at once: which repositories have a blob, which blobs are on
/// their way, so that one goes into a registry once and is mounted from there, and which ways of sending are refused there. Used on the
/// strand alone; outlives what uses it.
class upload_ledger {
 public:
  /// While it lives nobody else moves the blob into that registry.
  class claim {
   public:
    claim() = default;
    claim(upload_ledger& owner, std::pair<std::string, digest> what) : owner_(&owner), what_(std::move(what)) {}
    claim(claim&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), what_(std::move(other.what_)) {}
    claim& operator=(claim&&) = delete;
    ~claim();
    explicit operator bool() const noexcept { return owner_ != nullptr; }

   private:
    upload_ledger* owner_ = nullptr;
    std::pair<std::string, digest> what_;
  };

  /// Waits until nobody else moves this blob to \p registry. Empty when \p stop came first.
  task<claim> enter(std::string registry, digest blob, runtime::stop_source& stop);

  /// \p sure: it was seen there; else somebody believes so.
  void add(const std::string& registry, const digest& blob, const std::string& repository, bool sure);
  void add(const std::string& registry, const mount_hints& hints);
  bool has(const std::string& registry, const digest& blob, const std::string& repository) const;
  /// Another repository that probably has the blob; empty when none is known.
  std::string other_repository(const std::string& registry, const digest& blob, const std::string& repository) const;

  /// What blobs have met there; those that go at once may meet it once each.
  const registry::upload_refusals& refusals(const std::string& registry) { return refusals_[registry]; }
  void learn(const std::string& registry, const registry::upload_refusals& met) { refusals_[registry].add(met); }

 private:
  struct place {
    std::string repository;
    bool sure = false;
  };
  std::map<std::pair<std::string, digest>, std::vector<place>> places_;
  std::set<std::pair<std::string, digest>> moving_;
  std::map<std::string, registry::upload_refusals> refusals_;
  runtime::signal changed_;
};

/// Puts \p entry into the list of referrers of \p subject that a registry without the referrers API keeps under a tag (distribution-spec,
/// "Referrers Tag Schema"). What others have written there stays; after writing it is read again, since another may have written at the
/// same time.
task<result<void>> list_as_referrer(transfer::context& shared, transfer::operation& running, upload_ledger& ledger, reference repository,
                                    digest subject, descriptor entry);

struct upload_settings {
  bool force_upload = false;  ///< see push_options
  bool dry_run = false;
  std::shared_ptr<upload_sessions> sessions{};  ///< of other runs; none: uploads begin anew
  /// Asked for another repository of the registry that may have a blob when nothing is known of one; may be empty.
  std::function<task<std::string>(transfer::operation&, planned_blob)> elsewhere{};
  std::shared_ptr<store::content_store> cache{};  ///< where what is copied passes through and stays; none: memory alone
};

/// What one plan came to.
struct upload_outcome {
  std::vector<pushed_image> images;
  upload_counts counts;
};

void add_counts(upload_counts& sum, const upload_counts& more);

/// What \p target names now, by one HEAD and one try; empty also when nobody tells.
task<result<digest>> named_now(transfer::context& shared, reference target, runtime::stop_source& stop);
/// Whether that is \p top, which is not empty; tries again. \param tried how the first try, made elsewhere, has failed
task<result<bool>> names_already(transfer::context& shared, transfer::operation& running, reference target, digest top,
                                 std::optional<failure> tried = std::nullopt);

/// Carries out \p plan: blobs that the registries lack, then manifests, children before parents, the names last. \p shared, \p running and
/// \p ledger must outlive the task.
task<result<upload_outcome>> upload(transfer::context& shared, transfer::operation& running, upload_ledger& ledger,
                                    std::shared_ptr<upload_feed> feed, upload_settings settings, push_plan plan);

}  // namespace gantry::jobs
