#pragma once

#include "runtime/signal.hpp"
#include "runtime/stop.hpp"
#include "runtime/task_group.hpp"
#include "serve/arriving_blob.hpp"
#include "serve/asked_names.hpp"
#include "serve/family_leases.hpp"
#include "serve/image_families.hpp"
#include "serve/seldom.hpp"
#include "serve/single_flight.hpp"
#include "serve/upstream.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gantry::serve {

/// What the store does not have comes from a registry, through the engine's transfers, and stays in the store. One fetch of a blob serves
/// all who want it, and ends when nobody wants it any more; what arrived is gone on with. A name is recorded as soon as one of its
/// platforms is complete, or a client took a part of it: it may have the rest already. Used on the strand.
class pull_through final : public upstream {
 public:
  /// How long an upstream that did not answer is left alone when the store has an answer.
  static constexpr std::chrono::seconds offline_pause{30};
  /// How long the fetch of a blob goes on when all who wanted it have left: a client that lost its connection comes again.
  static constexpr std::chrono::seconds client_absence{5};
  /// How often names are recorded while something is on its way.
  static constexpr std::chrono::seconds record_pause{1};
  /// How long somebody else who cleans up the store, or writes its index, is waited for at the end.
  static constexpr std::chrono::seconds close_patience{5};
  /// How often is looked whether all of a name's parts are there that no fetch of this server brought.
  static constexpr std::chrono::minutes look_pause{10};
  /// How often it is said that the store cannot be written.
  static constexpr std::chrono::minutes unwritable_pause{5};
  /// How long the upstream may take to say whether a tag has moved, or what refers to a manifest.
  static constexpr std::chrono::seconds revalidation_limit{10};

  /// \param shared must outlive the object \param note told what the clients are not
  pull_through(transfer::context& shared, std::shared_ptr<store::content_store> store, std::string registry,
               std::function<void(const std::string&)> note);

  const std::string& registry() const noexcept override { return registry_; }
  task<result<upstream_manifest>> manifest(reference image, runtime::stop_source& stop) override;
  task<bool> note_held(reference image, descriptor document, runtime::stop_source& stop) override;
  void note_taken(const reference& image, const digest& blob) override;
  task<result<std::uint64_t>> blob_size(reference image, digest blob, runtime::stop_source& stop) override;
  task<result<std::vector<descriptor>>> referrers(reference image, digest subject, runtime::stop_source& stop) override;
  task<result<std::shared_ptr<blob_feed>>> blob(reference image, digest blob, runtime::stop_source& stop) override;

  /// Ends the fetches under way, keeps what arrived, waits for them, and records the names that are due; no clean-up comes in between. To
  /// be called before the object goes.
  task<> close();

 private:
  using clock = std::chrono::steady_clock;
  /// \ref manifest for one who asks alone.
  task<result<upstream_manifest>> ask_manifest(reference image, runtime::stop_source& stop);
  /// What the store has of a name.
  struct held_name {
    std::optional<descriptor> top;  ///< what it led to last, if that is there
    digest recorded;                ///< what its record leads to; empty: it has none
  };
  task<held_name> held_top(reference image);
  /// What the store's record of \p image leads to; empty: it has none.
  task<digest> recorded_top(reference image);
  /// \p image is answered with what the store has.
  task<> note_answered(reference image, descriptor top, digest recorded);
  task<result<digest>> ask_digest(reference image, runtime::stop_source& stop);
  /// The upstream cannot be asked: left alone for a while, which is said once.
  void leave_alone(const failure& why);
  /// The store answers for \p image with \p held although the upstream may know better: it is left alone when it cannot be asked now. What
  /// else it said, or what is wrong with that, concerns that name only, and is told once in a while.
  upstream_manifest stale(const reference& image, const descriptor& held, const failure& why);
  task<result<digest>> revalidate(reference image, runtime::stop_source& stop);
  task<result<registry::document>> ask_document(reference image, runtime::stop_source& stop);
  task<result<upstream_manifest>> fetch_document(reference image, runtime::stop_source& stop);
  /// Asks the registry, with a request for one byte.
  task<result<std::uint64_t>> ask_size(reference image, digest blob, runtime::stop_source& stop);
  task<result<upstream_manifest>> fetch_and_record(reference image, runtime::stop_source& stop);
  task<> fetch(reference image, std::shared_ptr<arriving_blob> blob);
  /// The fetch of \p blob is over: whoever asks for it now begins another.
  void forget(const std::shared_ptr<arriving_blob>& blob);
  /// Fetches into the store, or past it where it cannot be written. \param wanted stopped when nobody wants the blob any more
  task<result<void>> bring(reference image, std::shared_ptr<arriving_blob> blob, runtime::stop_source& wanted);
  task<result<void>> bring_into_store(reference image, std::shared_ptr<arriving_blob> blob, runtime::stop_source& wanted);
  task<result<void>> bring_past_store(reference image, std::shared_ptr<arriving_blob> blob, runtime::stop_source& wanted);
  /// Says that the store cannot be written, each effect for each reason once in a while.
  void note_unwritable(const failure& why, const std::string& effect = "what is fetched is passed on and not kept");
  /// Records what is due: now when nothing is on its way, else in a moment, together with what comes until then.
  task<> record_due();
  /// In a moment in any case: for those who need not wait for it.
  void record_soon();
  task<> record_in_a_moment();
  /// Once more for what came meanwhile; one at a time. \param stop ends the wait for somebody else who writes the index
  task<> record_all(runtime::stop_source& stop);
  /// Records the names of what was fetched since this was last called, as far as they are complete. \returns whether that succeeded;
  /// else it is due again.
  task<bool> record_complete(runtime::stop_source& stop);
  /// What belongs to an image that an earlier server, or another command, brought.
  task<> learn_held(descriptor top);
  /// Notes a name that is to be recorded. What was asked for by digest needs none of its own when it is a part of what another leads to.
  void remember(const reference& image, asked_name what);

  transfer::context& shared_;
  std::shared_ptr<store::content_store> store_;
  std::string registry_;
  std::function<void(const std::string&)> note_;
  std::map<digest, std::shared_ptr<arriving_blob>> arriving_;
  single_flight<std::uint64_t> sizes_;          ///< by repository and digest
  single_flight<upstream_manifest> manifests_;  ///< by name
  single_flight<digest> known_above_;           ///< by name: whether the registry has what the store holds
  image_families families_;
  asked_names incomplete_;     ///< names that clients asked for, and that may become complete
  std::set<digest> touched_;   ///< the images that something was fetched of since names were last recorded
  std::set<reference> begun_;  ///< names in the repositories of which clients took a blob of theirs
  seldom<reference> looked_at_{look_pause};
  bool recording_ = false;
  bool record_planned_ = false;
  clock::time_point offline_until_{};
  seldom<std::string> unwritable_said_{unwritable_pause};  ///< effects and reasons
  seldom<reference> said_{offline_pause};                  ///< names of which was said that the store answers for them
  runtime::stop_source stop_;
  runtime::task_group fetches_;
  family_leases kept_;
};

}  // namespace gantry::serve
