#pragma once

#include "archive/layout.hpp"
#include "jobs/held_directory.hpp"
#include "jobs/sync_part.hpp"
#include "jobs/sync_plan.hpp"
#include "runtime/task.hpp"
#include "store/content_store.hpp"
#include "store/memory_documents.hpp"
#include "transfer/context.hpp"

#include <gantry/sync.hpp>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

namespace gantry::jobs {

using runtime::task;

/// A list into one OCI image layout: images come through the store, under the names that they are fetched by, and the directory is written
/// from there as a whole, when all of them have been tried. One that fails stays as it was in there, and so does one that a HEAD tells to
/// be the same; what the directory has of the others is not fetched. Used on the strand alone; all arguments must outlive it.
class directory_sync {
 public:
  directory_sync(transfer::context& shared, std::shared_ptr<transfer::operation> running, std::shared_ptr<store::content_store> store,
                 const sync_options& options, bool sync)
      : shared_(shared), running_(std::move(running)), store_(std::move(store)), options_(options), sync_(sync) {}

  /// Looks at what is there. errc::invalid_option when it holds images that \p plan does not name, unless they are to be pruned, or is
  /// nothing that may be replaced.
  task<result<void>> begin(const sync_plan& plan);
  /// One image into the store. What fails is in the result.
  task<synced_image> bring(const planned_sync& one, reference target);
  /// Writes the directory, when something in it changes, and notes what it names now.
  task<result<void>> finish(std::vector<synced_image>& done);

  const upload_counts& counts() const noexcept { return counts_; }
  /// Images that the directory held and \ref finish has let go, or in a dry run would.
  const std::vector<reference>& dropped() const noexcept { return dropped_; }

 private:
  /// Where an image is read, by one digest once that is known, so that a tag that moves meanwhile moves in the next run.
  struct pinned_source {
    reference name;
    std::shared_ptr<store::memory_documents> aside;  ///< of a dry run, which leaves nothing in the store
    std::shared_ptr<store_and_directory> documents;
  };
  /// What \ref finish will write.
  struct planned_content;

  task<result<void>> fill(sync_part& part, const planned_sync& one, synced_image& done);
  /// One HEAD tells where the name leads to; nothing when the registry does not say.
  task<result<std::optional<descriptor>>> ask(sync_part& part, reference source);
  void pin(pinned_source& from, descriptor top) const;
  /// What is to be written of the image for \p platforms; empty: all. Manifests that are at hand are not asked for.
  task<result<archive::archived_image>> look(sync_part& part, pinned_source& from, reference target, std::vector<platform> platforms,
                                             bool as_index);
  /// Finds those platforms that the source has, and brings those that have a time of their own within that.
  task<result<std::vector<platform>>> try_platforms(sync_part& part, pinned_source& from, const planned_sync& one, synced_image& done);
  /// Whether the directory has \p image under its name, and all of it.
  task<bool> is_there(const archive::archived_image& image);
  task<result<void>> fetch(sync_part& part, const pinned_source& from, reference source, std::vector<platform> platforms);
  task<> count(const pinned_source& from, const archive::archived_image& image);
  planned_content plan_content(const std::vector<reference>& names) const;
  std::filesystem::path directory() const { return std::get<std::string>(options_.to); }

  transfer::context& shared_;
  std::shared_ptr<transfer::operation> running_;
  std::shared_ptr<store::content_store> store_;
  const sync_options& options_;
  bool sync_;
  held_images there_;                                     ///< what the directory holds
  std::map<reference, archive::archived_image> brought_;  ///< what is new in it, by target
  std::map<reference, descriptor> asked_;                 ///< what sources said
  std::vector<reference> unknown_;                        ///< that it holds of repositories of which not all named tags are known
  std::vector<reference> unwanted_;                       ///< that it holds and the list does not name
  std::vector<reference> dropped_;
  std::set<digest> counted_;  ///< blobs that a dry run has come across
  upload_counts counts_;
};

}  // namespace gantry::jobs
