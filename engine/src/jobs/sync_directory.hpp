#pragma once

#include "archive/layout.hpp"
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
#include <set>
#include <string>
#include <vector>

namespace gantry::jobs {

using runtime::task;

/// A list into one OCI image layout: images come through the store, under the names that they are fetched by, and the directory is written
/// from there as a whole, when all of them have been tried. One that fails stays as it was in there. Used on the strand alone; all
/// arguments must outlive it.
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
  /// What a dry run has read of an image.
  struct looked_at {
    descriptor top;
    std::shared_ptr<store::memory_documents> documents;
    std::set<digest> manifests;
  };
  /// What has come into the store for one target.
  struct brought_image {
    reference known_as;  ///< its name in the store
    descriptor top;
    std::set<digest> manifests;
    std::vector<platform> platforms;  ///< that are written; empty: all that came
    bool as_index = false;            ///< one platform is named by an index all the same
  };
  /// What \ref finish will write.
  struct planned_content;

  task<result<void>> fill(sync_part& part, const planned_sync& one, synced_image& done);
  task<result<void>> fetch(sync_part& part, const planned_sync& one, std::vector<platform> platforms, synced_image& done,
                           brought_image& into);
  result<planned_content> plan_content(const std::vector<reference>& names) const;
  void settle_dry(synced_image& done, const std::vector<platform>& platforms);
  std::filesystem::path directory() const { return std::get<std::string>(options_.to); }

  transfer::context& shared_;
  std::shared_ptr<transfer::operation> running_;
  std::shared_ptr<store::content_store> store_;
  const sync_options& options_;
  bool sync_;
  std::map<reference, archive::archived_image> there_;  ///< what the directory holds
  std::vector<std::string> nameless_;                   ///< the same without a full name, as messages call it
  std::map<reference, brought_image> brought_;          ///< by target
  std::vector<reference> unknown_;                      ///< that it holds of repositories of which not all named tags are known
  std::vector<reference> unwanted_;                     ///< that it holds and the list does not name
  std::vector<reference> dropped_;
  std::map<reference, looked_at> looked_;
  std::set<digest> counted_;  ///< blobs that a dry run has come across
  upload_counts counts_;
};

}  // namespace gantry::jobs
