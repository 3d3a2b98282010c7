#pragma once

#include "base/failure.hpp"
#include "jobs/fan_group.hpp"
#include "jobs/resolve.hpp"
#include "jobs/source_documents.hpp"
#include "jobs/uploader.hpp"
#include "transfer/context.hpp"

#include <gantry/copy.hpp>

#include <cstddef>
#include <memory>
#include <vector>

namespace gantry::jobs {

using runtime::task;

/// Copies that run at once and share what they know: a blob that several of them want goes into a registry once and is mounted by the
/// others, all under the engine's one limit of connections. This is what `sync` is built on:
///
///     copy_run run(shared, *running, settings);
///     // for each entry, as tasks of one runtime::task_group or one after the other:
///     auto copied = co_await run.copy(source, target, choice);
///     // at the end: run.counts()
///
/// A copy that fails harms no other. Used on the strand alone; must outlive its copies, \p shared and \p running must outlive it.
class copy_run {
 public:
  /// \param ledger shared with what else runs; none: one of its own
  copy_run(transfer::context& shared, transfer::operation& running, upload_settings settings,
           std::shared_ptr<upload_ledger> ledger = std::make_shared<upload_ledger>())
      : shared_(shared), running_(running), settings_(std::move(settings)), ledger_(std::move(ledger)) {}

  struct choice {
    std::vector<platform> platforms;                ///< see copy_options
    bool referrers = false;                         ///< the same
    bool as_index = false;                          ///< see push_options
    bool changed = false;                           ///< the target is known to name something else: it is not asked again
    std::shared_ptr<fan_group> fan{};               ///< copies of the same source that one read feeds; none: this one reads for itself
    std::shared_ptr<source_documents> documents{};  ///< what copies of the same source have read; none: this one asks for itself
  };
  /// Brings \p source, a tag or a digest, to the name \p target. When the target names the digest of the source already, which two HEADs
  /// tell, nothing else is asked. errc::not_found, platform_not_found, digest_mismatch, and those of the network.
  task<result<copied_image>> copy(reference source, reference target, choice wanted);

  /// What became of the blobs so far.
  const upload_counts& counts() const noexcept { return counts_; }

 private:
  /// \param platforms see image_resolved
  void tell_resolved(const reference& source, const reference& target, const descriptor& top, std::size_t platforms);
  /// What refers to \p subjects. \param depth of manifests that refer to each other \returns how many there are
  /// Whether a registry has \p manifest, as far as it says.
  task<bool> has(reference manifest);
  task<result<std::size_t>> copy_referrers(reference source, reference target, std::vector<digest> subjects, unsigned depth);
  /// The tags that cosign hangs on \p subject, and on what they name: an SBOM has a signature of its own.
  task<result<std::size_t>> copy_cosign_tags(reference source, reference target, digest subject, unsigned depth);
  /// Gives \p image its name in the store, if all of it is there.
  task<result<void>> note_in_cache(resolved_image image);
  /// The list of referrers \p source, of which some are \p gone: the others, one by one.
  task<result<copied_image>> copy_list(reference source, reference target, digest subject, failure gone);
  /// \param known what others have read of it; may be null
  task<result<resolved_image>> resolve(reference source, std::shared_ptr<store::document_store> documents, source_documents* known,
                                       std::vector<platform> wanted);
  task<result<bool>> is_unchanged(reference source, reference target, descriptor& top);
  task<result<copied_image>> copy_content(reference source, reference target, choice wanted, bool changed, unsigned depth);

  transfer::context& shared_;
  transfer::operation& running_;
  upload_settings settings_;
  std::shared_ptr<upload_ledger> ledger_;
  upload_counts counts_;
};

}  // namespace gantry::jobs
