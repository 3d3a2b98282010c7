#pragma once

#include "base/failure.hpp"
#include "jobs/fan_group.hpp"
#include "jobs/referrer_facts.hpp"
#include "jobs/resolve.hpp"
#include "jobs/source_documents.hpp"
#include "jobs/uploader.hpp"
#include "transfer/context.hpp"

#include <gantry/copy.hpp>

#include <cstddef>
#include <functional>
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
  /// \param ledger, facts shared with what else runs; none: of its own
  copy_run(transfer::context& shared, transfer::operation& running, upload_settings settings,
           std::shared_ptr<upload_ledger> ledger = std::make_shared<upload_ledger>(),
           std::shared_ptr<referrer_facts> facts = std::make_shared<referrer_facts>())
      : shared_(shared), running_(running), settings_(std::move(settings)), ledger_(std::move(ledger)), facts_(std::move(facts)) {}

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
  /// Whether a registry has \p manifest, as far as it says.
  task<bool> has(reference manifest);
  /// What refers to \p subjects, side by side. \param depth of manifests that refer to each other \returns how many there are
  task<result<std::size_t>> copy_referrers(reference source, reference target, std::vector<digest> subjects, unsigned depth);
  /// What the API or the list in its place says to refer to \p subject.
  task<result<std::size_t>> copy_listed(reference source, reference target, digest subject, unsigned depth);
  /// One of these, and what refers to it. \param listed whether the target knows of it
  task<result<std::size_t>> copy_referrer(reference source, reference target, digest subject, digest one, bool listed, unsigned depth);
  /// The tag of one \p kind that cosign hangs on \p subject, and on what it names: an SBOM has a signature of its own.
  task<result<std::size_t>> copy_cosign_tag(reference source, reference target, digest subject, std::size_t kind, unsigned depth);
  /// Awaits \p work(0) to \p work(count - 1), several at once. \returns the sum of what they return, or the first failure
  task<result<std::size_t>> sum_of(std::size_t count, std::function<task<result<std::size_t>>(std::size_t)> work);
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
  std::shared_ptr<referrer_facts> facts_;
  upload_counts counts_;
};

}  // namespace gantry::jobs
