#include "jobs/uploader.hpp"

#include "jobs/blob_uploader.hpp"
#include "jobs/manifest_writer.hpp"
#include "jobs/run_order.hpp"
#include "jobs/side_by_side.hpp"
#include "jobs/target_name.hpp"
#include "runtime/task_group.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <set>

namespace gantry::jobs {
namespace {

// Failures that every other image would meet as well.
constexpr std::array failures_of_all = {errc::bad_credentials, errc::insecure_transport, errc::tls_failed,     errc::tls_not_trusted,
                                        errc::tls_expected,    errc::rate_limited,       errc::internal_error, errc::cancelled};

/// Carries out one plan.
class uploader {
 public:
  uploader(transfer::context& shared, transfer::operation& running, upload_ledger& ledger, std::shared_ptr<upload_feed> feed,
           upload_settings settings)
      : shared_(shared),
        running_(running),
        feed_(std::move(feed)),
        options_(std::move(settings)),
        blobs_(shared, running, ledger, feed_, options_),
        manifests_(shared, running, ledger, feed_),
        silence_([&shared](const std::string& registry) { return shared.registry.last_answer(registry); }, 1,
                 shared.retry.budget * 9 / 10) {}

  task<result<upload_outcome>> run(push_plan plan);

 private:
  task<> carry();
  task<> look(const planned_image& image, std::size_t number, bool& same);
  task<> write_image(const planned_image& image, std::size_t number, pushed_image& told);
  /// What images that are not unchanged consist of; counts the rest.
  void choose_blobs(std::vector<planned_blob> blobs, const std::vector<planned_image>& images, const std::deque<bool>& same);
  /// Why what goes to that repository need not be tried any more.
  std::optional<failure> given_up(const std::string& registry, const std::string& repository) const;
  std::optional<failure> given_up(const reference& target) const { return given_up(target.registry(), target.repository()); }
  /// \param name of what met it
  void note_failure_of_all(const reference& name, const failure& why);
  /// The failures of single images apart from what came.
  void tell_apart(const std::vector<planned_image>& images);

  transfer::context& shared_;
  transfer::operation& running_;
  std::shared_ptr<upload_feed> feed_;
  upload_settings options_;
  blob_uploader blobs_;
  manifest_writer manifests_;
  std::vector<planned_blob> waiting_;                            ///< the next one last
  std::size_t most_ = 1;                                         ///< blobs, or images, at once
  std::optional<failure> broken_;                                ///< nothing new is begun
  std::optional<failure> whole_;                                 ///< the first failure that is no image's own
  run_order silence_;                                            ///< of registries that do not answer
  std::map<std::pair<std::string, std::string>, failure> lost_;  ///< repositories that lack a blob
  std::vector<std::optional<failure>> failed_;                   ///< by image
  upload_outcome done_;
};

task<> uploader::carry() {
  while (!waiting_.empty() && !broken_) {
    const planned_blob one = std::move(waiting_.back());
    waiting_.pop_back();
    if (given_up(one.registry, one.repository)) {
      feed_->settle(one);
      continue;
    }
    const result<void> moved = co_await blobs_.move_blob(one);
    feed_->settle(one);
    if (moved) continue;
    lost_.emplace(std::pair(one.registry, one.repository), moved.error());
    error_code ec;
    note_failure_of_all(reference::parse(one.registry + "/" + one.repository, ec).with_tag({}), moved.error());
  }
}

std::optional<failure> uploader::given_up(const std::string& registry, const std::string& repository) const {
  if (broken_) return broken_;
  if (const auto lost = lost_.find({registry, repository}); lost != lost_.end()) return lost->second;
  run_order::ends ends;
  ends.target = registry;
  return silence_.given_up(ends);
}

void uploader::note_failure_of_all(const reference& name, const failure& why) {
  const bool all = refuses_account(shared_, name, why) ||
                   std::any_of(failures_of_all.begin(), failures_of_all.end(), [&](errc one) { return why.code == one; });
  if (all && !broken_) broken_ = why;
  run_order::ends ends;
  ends.target = name.registry();
  silence_.failed(ends, name.string(), why);
  if (!whole_ && (all || silence_.given_up(ends))) whole_ = why;
}

task<> uploader::write_image(const planned_image& image, std::size_t number, pushed_image& told) {
  failed_[number] = given_up(image.target);
  if (failed_[number]) co_return;
  const result<void> written = co_await manifests_.write(image, told);
  if (written) co_return;
  failed_[number] = written.error();
  note_failure_of_all(image.target, written.error());
}

task<> uploader::look(const planned_image& image, std::size_t number, bool& same) {
  if (options_.force_upload || image.changed) co_return;
  failed_[number] = given_up(image.target);
  if (failed_[number]) co_return;
  const reference target = image.target;
  const auto found = co_await names_already(shared_, running_, target, image.top.digest);
  same = found && *found;
  if (found) co_return;
  failed_[number] = found.error();
  note_failure_of_all(target, found.error());
}

void uploader::choose_blobs(std::vector<planned_blob> blobs, const std::vector<planned_image>& images, const std::deque<bool>& same) {
  using repository = std::pair<std::string, std::string>;
  std::set<repository> wanted;
  std::set<repository> unchanged;
  for (std::size_t i = 0; i < images.size(); ++i) {
    if (!failed_[i]) (same[i] ? unchanged : wanted).emplace(images[i].target.registry(), images[i].target.repository());
  }
  transfer_planned planned;
  for (planned_blob& one : blobs) {
    ++done_.counts.blobs;
    done_.counts.bytes += one.blob.size;
    const repository place(one.registry, one.repository);
    if (!wanted.contains(place)) {
      done_.counts.blobs_present += unchanged.contains(place) ? 1 : 0;
      continue;
    }
    ++planned.blobs;
    planned.bytes += one.blob.size;
    waiting_.push_back(std::move(one));
  }
  // What other repositories are to mount comes last: whoever waits for it would keep others from sending.
  std::set<std::pair<std::string, digest>> known;
  const auto is_first = [&](const planned_blob& one) { return known.emplace(one.registry, one.blob.digest).second; };
  std::stable_partition(waiting_.begin(), waiting_.end(), is_first);
  std::reverse(waiting_.begin(), waiting_.end());
  running_.events.emit(planned);
}

void uploader::tell_apart(const std::vector<planned_image>& images) {
  std::vector<pushed_image> came;
  for (std::size_t i = 0; i < images.size(); ++i) {
    if (failed_[i]) {
      const diagnostics& text = failed_[i]->text;
      done_.failed.push_back({images[i].source, images[i].target, failed_[i]->code, text.message(), text.server_message()});
    } else {
      came.push_back(std::move(done_.images[i]));
    }
  }
  done_.images = std::move(came);
}

task<result<upload_outcome>> uploader::run(push_plan plan) {
  most_ = shared_.adaptive ? std::min(usual_uploads, shared_.jobs) : shared_.jobs;
  const std::vector<planned_image>& images = plan.images;
  failed_.resize(images.size());
  std::deque<bool> same(images.size());
  std::function<task<>(std::size_t)> ask = [this, &images, &same](std::size_t number) {
    return look(images[number], number, same[number]);
  };
  co_await side_by_side(shared_.executor, shared_.jobs, images.size(), std::move(ask), running_.stop);
  const bool alone = images.size() == 1;
  if (alone && failed_.front()) co_return *failed_.front();
  std::vector<std::size_t> changed;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const planned_image& one = images[i];
    if (options_.names_targets && !failed_[i])
      running_.events.emit(image_resolved{one.target, one.top, same[i] ? 0 : std::max<std::size_t>(1, one.manifests.size())});
    done_.images.push_back({images[i].source, images[i].target, images[i].top, same[i]});
    if (!same[i] && !failed_[i]) changed.push_back(i);
  }
  if (!running_.stop.stop_requested()) {
    choose_blobs(std::move(plan.blobs), images, same);
    runtime::task_group group(shared_.executor);
    const std::size_t workers = std::min<std::size_t>(most_, waiting_.size());
    for (std::size_t i = 0; i < workers; ++i) group.spawn(carry());
    co_await group.join();
  }
  std::function<task<>(std::size_t)> one = [this, &images, &changed](std::size_t number) {
    return write_image(images[changed[number]], changed[number], done_.images[changed[number]]);
  };
  if (options_.dry_run) {
    for (const std::size_t number : changed) failed_[number] = given_up(images[number].target);
  } else {
    co_await side_by_side(shared_.executor, most_, changed.size(), std::move(one), running_.stop);
  }
  if (alone && failed_.front()) co_return *failed_.front();
  if (running_.stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  const bool nothing = std::all_of(failed_.begin(), failed_.end(), [](const auto& why) { return why.has_value(); });
  if (nothing && whole_) co_return *whole_;
  // A source of which nothing can be read fails once, not for each image.
  const bool unread = std::all_of(failed_.begin(), failed_.end(), [](const auto& why) { return why && why->code == condition::storage; });
  if (unread && !failed_.empty()) co_return *failed_.front();
  tell_apart(images);
  add_counts(done_.counts, blobs_.counts());
  running_.events.flush();
  co_return std::move(done_);
}

}  // namespace

void add_counts(upload_counts& sum, const upload_counts& more) {
  sum.blobs += more.blobs;
  sum.bytes += more.bytes;
  sum.blobs_present += more.blobs_present;
  sum.blobs_mounted += more.blobs_mounted;
  sum.blobs_uploaded += more.blobs_uploaded;
  sum.bytes_uploaded += more.bytes_uploaded;
}

task<result<upload_outcome>> upload(transfer::context& shared, transfer::operation& running, upload_ledger& ledger,
                                    std::shared_ptr<upload_feed> feed, upload_settings settings, push_plan plan) {
  uploader moving(shared, running, ledger, std::move(feed), std::move(settings));
  co_return co_await moving.run(std::move(plan));
}

}  // namespace gantry::jobs
