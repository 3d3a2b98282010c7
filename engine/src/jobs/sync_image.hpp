#pragma once

#include "jobs/copy_run.hpp"
#include "jobs/push.hpp"
#include "jobs/sync_lock.hpp"
#include "jobs/sync_part.hpp"
#include "jobs/sync_plan.hpp"
#include "jobs/uploader.hpp"
#include "transfer/context.hpp"

#include <gantry/sync.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gantry::jobs {

// What those that bring images of a list have in common.

/// The time that \p entry gives to one of its platforms.
std::optional<std::chrono::milliseconds> time_of(const sync_entry& entry, const platform& wanted);
bool times_platforms(const sync_entry& entry);
failure too_late(const std::string& what, std::chrono::milliseconds limit);
void note_failure(synced_image& image, const failure& why);

/// Brings single images of a list to their targets. All that run at once share what they know. Used on the strand alone; must outlive what
/// it runs, and all arguments must outlive it.
class image_sync {
 public:
  image_sync(transfer::context& shared, transfer::operation& running, const sync_options& options, sync_lock& lock, upload_state kept)
      : shared_(shared), running_(running), options_(options), lock_(lock) {
    settings_.force_upload = options.force_upload;
    settings_.dry_run = options.dry_run;
    settings_.names_targets = true;
    settings_.kept = std::move(kept);
  }

  /// What a source is known to be; shared by its targets.
  struct source_state {
    bool asked = false;
    std::optional<descriptor> top;  ///< none although asked: the registry did not say
    std::shared_ptr<source_documents> documents = std::make_shared<source_documents>();
  };

  /// Knows where a blob of a source may be that was not brought in this run; see upload_settings.
  using elsewhere = std::function<task<std::string>(transfer::operation&, planned_blob, reference)>;
  void ask_elsewhere(elsewhere asked) { elsewhere_ = std::move(asked); }

  /// One image to one of its targets, within the time that its entry allows. What fails is in the result.
  task<synced_image> bring(const planned_sync& one, reference target, source_state& source);

  /// Hands out what is held back.
  void flush();

  const upload_counts& counts() const noexcept { return counts_; }

 private:
  /// Plans of single images come as one that grows, a few times per second.
  void forward(const event& what);
  task<result<void>> carry(sync_part& part, const planned_sync& one, source_state& source, synced_image& done);
  /// The same for a source that is a directory.
  task<result<void>> carry_local(sync_part& part, const planned_sync& one, synced_image& done);
  task<result<std::shared_ptr<const loaded_source>>> load(sync_part& part, std::filesystem::path directory);
  /// \param missing what the source is known not to have
  void keep_in_lock(const synced_image& done, const std::string& source, const digest& source_digest, const std::vector<platform>& written,
                    const std::vector<platform>& missing);
  /// \param target of which \p named becomes what it names, if that may be asked beside, and then by one try
  task<result<void>> ask_source(sync_part& part, const planned_sync& one, source_state& source, reference target,
                                std::optional<result<digest>>& named);
  const locked_tag* locked(const reference& target) const;
  upload_settings settings_for(reference source) const;
  task<result<void>> copy(sync_part& part, reference source, copy_run::choice wanted, synced_image& done);
  struct brought_platforms {
    std::vector<platform> there;
    bool late = false;  ///< what is missing did not come in its time: another run may have it
  };
  /// The platforms of the entry one by one, each in its time: those that came, the others in \p done. What stops the tag is returned.
  task<result<brought_platforms>> bring_platforms(sync_part& part, const sync_entry& entry, reference source,
                                                  std::shared_ptr<source_documents> documents, synced_image& done);
  task<result<void>> bring_platform(sync_part& part, platform wanted, bool blobs, reference source,
                                    std::shared_ptr<source_documents> documents, reference target);

  transfer::context& shared_;
  transfer::operation& running_;
  const sync_options& options_;
  sync_lock& lock_;
  upload_settings settings_;
  elsewhere elsewhere_;
  std::shared_ptr<upload_ledger> ledger_ = std::make_shared<upload_ledger>();
  std::shared_ptr<referrer_facts> facts_ = std::make_shared<referrer_facts>();
  upload_counts counts_;
  std::map<std::filesystem::path, std::shared_ptr<const loaded_source>> loaded_;
  transfer_planned planned_;
  bool planned_more_ = false;
  std::chrono::steady_clock::time_point told_{};
};

}  // namespace gantry::jobs
