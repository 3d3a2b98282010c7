#include "jobs/uploader.hpp"

#include "jobs/referrers_index.hpp"
#include "jobs/run_order.hpp"
#include "jobs/side_by_side.hpp"
#include "jobs/target_name.hpp"
#include "jobs/upload_attempt.hpp"
#include "model/media_type.hpp"
#include "registry/blob_upload.hpp"
#include "registry/manifest_requests.hpp"
#include "registry/referrers.hpp"
#include "runtime/deadline.hpp"
#include "runtime/signal.hpp"
#include "runtime/task_group.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <set>

namespace gantry::jobs {
namespace {

// What a process that writes the same manifest needs at most.
constexpr std::chrono::milliseconds other_writer{500};

// Failures that every other image would meet as well.
constexpr std::array failures_of_all = {errc::bad_credentials, errc::insecure_transport, errc::tls_failed,     errc::tls_not_trusted,
                                        errc::tls_expected,    errc::rate_limited,       errc::internal_error, errc::cancelled};

// As many as skopeo and crane send at once, when nobody says otherwise: uploads gain less from more than downloads do.
constexpr unsigned usual_uploads = 8;

/// Carries out one plan.
class uploader {
 public:
  uploader(transfer::context& shared, transfer::operation& running, upload_ledger& ledger, std::shared_ptr<upload_feed> feed,
           upload_settings settings)
      : shared_(shared),
        running_(running),
        ledger_(ledger),
        feed_(std::move(feed)),
        options_(std::move(settings)),
        silence_([&shared](const std::string& registry) { return shared.registry.last_answer(registry); }, 1,
                 shared.retry.budget * 9 / 10) {}

  task<result<upload_outcome>> run(push_plan plan);

 private:
  task<> carry();
  task<result<void>> move_blob(planned_blob one);
  /// Where somebody else brings \p one to \p place, those that read it together with us need not wait: two copies that did so for each
  /// other, each holding what the other wants, would stand still.
  void stand_aside(const std::string& place, const planned_blob& one);
  /// The same for one that nobody else brings to that repository.
  task<result<void>> bring(planned_blob one);
  task<result<void>> upload(planned_blob one);
  /// Another repository of the registry that most likely has the blob; empty when none is known.
  std::string likely_repository(const planned_blob& one) const;
  /// Whether a dry run can count \p one as mounted.
  task<result<bool>> could_mount(planned_blob one);
  task<result<bool>> has_blob(const planned_blob& one);
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
  /// \param told of what the name names in the end
  task<result<void>> write(const planned_image& image, pushed_image& told);
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
  upload_settings options_;
  std::vector<planned_blob> waiting_;                            ///< the next one last
  std::size_t most_ = 1;                                         ///< blobs, or images, at once
  std::optional<failure> broken_;                                ///< nothing new is begun
  std::optional<failure> whole_;                                 ///< the first failure that is no image's own
  run_order silence_;                                            ///< of registries that do not answer
  std::map<std::pair<std::string, std::string>, failure> lost_;  ///< repositories that lack a blob
  std::vector<std::optional<failure>> failed_;                   ///< by image
  upload_outcome done_;
};

std::string uploader::likely_repository(const planned_blob& one) const {
  // docker-registry 2.8 confirms a mount of any other algorithm and then does not know the blob.
  if (one.blob.digest.algorithm() != digest_algorithm::sha256) return {};
  std::string guess = ledger_.other_repository(one.registry, one.blob.digest, one.repository);
  if (!options_.kept.mounts || (!guess.empty() && ledger_.has(one.registry, one.blob.digest, guess))) return guess;
  // What the registry itself has shown to an earlier run is worth more than what records of pulls say.
  std::string seen = options_.kept.mounts->find(one.registry, one.blob.digest, one.repository);
  return seen.empty() ? guess : seen;
}

task<result<bool>> uploader::has_blob(const planned_blob& one) {
  auto ask = [this, one] { return registry::has_blob(shared_.registry, one.registry, one.repository, one.blob, running_.stop); };
  const std::string object = "blob " + std::string(one.blob.digest.short_form());
  co_return co_await transfer::with_retry<bool>(shared_, running_, object, ask, one.registry);
}

task<result<bool>> uploader::could_mount(planned_blob one) {
  one.repository = likely_repository(one);
  if (options_.force_upload || one.repository.empty()) co_return false;
  if (ledger_.has(one.registry, one.blob.digest, one.repository)) co_return true;
  const result<bool> there = co_await has_blob(one);
  // It may not be for us to read: then it is no place to mount from.
  if (!there && there.error().code != condition::cancelled) co_return false;
  if (there && *there) ledger_.add(one.registry, one.blob.digest, one.repository, true);
  co_return there;
}

task<result<void>> uploader::upload(planned_blob one) {
  const digest id = one.blob.digest;
  const std::unique_ptr<blob_feed> feed = feed_->blob(one);
  std::uint64_t sent = 0;
  upload_attempt attempt;
  std::optional<runtime::deadline> lending;
  auto progress = [this, id, &sent, &lending, &attempt](std::int64_t bytes) {
    if (lending) lending->extend(shared_.lends_after);
    sent = static_cast<std::uint64_t>(static_cast<std::int64_t>(sent) + bytes);
    if (bytes > 0) {
      attempt.sent += static_cast<std::uint64_t>(bytes);
      if (!attempt.first) attempt.first = std::chrono::steady_clock::now();
      running_.sent(static_cast<std::uint64_t>(bytes));
      running_.tell_traffic();
    }
    running_.events.progress(id, sent);
  };
  std::uint64_t had = one.blob.size;  // what an earlier run sent
  const registry::body_opener open = [&feed, &sent, &attempt, &had, progress](std::uint64_t offset, std::uint64_t length) {
    sent = offset;
    had = std::min(had, offset);
    if (!attempt.offset) attempt.offset = offset;
    return feed->open(offset, length, progress);
  };
  registry::blob_upload::target where;
  where.registry = one.registry;
  where.repository = one.repository;
  where.blob = one.blob;
  where.refused = ledger_.refusals(one.registry);
  if (!options_.force_upload) {
    where.mount_from = likely_repository(one);
    where.mount_first = !where.mount_from.empty() && ledger_.has(one.registry, id, where.mount_from);
    if (where.mount_from.empty() && options_.elsewhere) {
      where.mount_from = co_await options_.elsewhere(running_, one);
      where.mount_first = true;  // a manifest in that repository names it
    }
  }
  if (options_.kept.sessions && one.blob.size >= upload_sessions::least_size) {
    where.resume = co_await options_.kept.sessions->find(one.registry, one.repository, id);
    where.keep = [sessions = options_.kept.sessions, one](std::optional<http::url> session) {
      return sessions->keep(one.registry, one.repository, one.blob.digest, std::move(session));
    };
  }
  auto moving = std::make_unique<registry::blob_upload>(shared_.registry, where, open);
  running_.events.emit(blob_started{id, one.blob.size, 0, one.role});

  transfer::retry_policy policy(shared_.retry, transfer::jitter_seed());
  const std::string object = std::string(id.short_form());
  const result<void> prepared = co_await feed->prepare();
  if (!prepared) co_return prepared.error();
  std::vector<std::string> ends(1, one.registry);
  if (std::string from = feed_->source(); !from.empty()) ends.push_back(std::move(from));
  const std::size_t permits = std::min<std::size_t>(ends.size(), shared_.jobs);
  for (;;) {
    const std::uint64_t before = sent;
    transfer::connection_grant grant = co_await transfer::connections_to(shared_, ends, permits, running_.stop);
    if (!grant) co_return failure(errc::cancelled, "stopped");
    if (shared_.lends_after.count() > 0) lending.emplace(shared_.executor, shared_.lends_after, [&grant] { grant.reset(); });
    attempt = upload_attempt();
    std::optional<transfer::copying_request> counted(running_.moved());
    const result<void> tried = co_await moving->attempt(running_.stop);
    counted.reset();
    lending.reset();
    std::optional<failure> why;
    if (!tried) why = tried.error();
    tell_attempt(running_, one, attempt, moving->connection(), why ? &*why : nullptr);
    feed->rest();
    grant.reset();
    if (tried) break;
    if (const std::optional<failure> broken = feed->broken()) {
      if (!feed->try_elsewhere()) co_return *broken;
      where.resume.reset();
      moving = std::make_unique<registry::blob_upload>(shared_.registry, where, open);
      continue;
    }
    const std::uint64_t progressed = sent > before ? sent - before : 0;
    std::optional<failure> last = co_await transfer::back_off(running_, policy, object, tried.error(), progressed);
    if (last) co_return std::move(*last);
  }
  running_.note_answer();
  ledger_.learn(one.registry, moving->plan().refusals());
  const bool mounted = moving->plan().mounted();
  // Where a session of an earlier run was there, the mount was not tried.
  const bool in_vain = !mounted && !where.mount_from.empty() && !where.resume;
  if (in_vain && options_.kept.mounts) options_.kept.mounts->forget(one.registry, id, where.mount_from);
  if (mounted) {
    ++done_.counts.blobs_mounted;
  } else {
    ++done_.counts.blobs_uploaded;
    done_.counts.bytes_uploaded += one.blob.size - had;
  }
  running_.events.emit(blob_finished{id, one.blob.size, mounted, one.role, mounted});
  co_return result<void>();
}

void uploader::stand_aside(const std::string& place, const planned_blob& one) {
  if (ledger_.is_moving(place, one.blob.digest)) feed_->settle(one);
}

task<result<void>> uploader::move_blob(planned_blob one) {
  // Others may bring it to the same repository; and into the registry it goes once, to be mounted from there.
  const std::string place = one.registry + "/" + one.repository;
  stand_aside(place, one);
  const upload_ledger::claim mine = co_await ledger_.enter(place, one.blob.digest, running_.stop);
  if (!mine) co_return failure(errc::cancelled, "stopped");
  std::optional<upload_ledger::claim> first;
  if (options_.force_upload || !ledger_.has_anywhere(one.registry, one.blob.digest)) {
    stand_aside(one.registry, one);
    upload_ledger::claim alone = co_await ledger_.enter(one.registry, one.blob.digest, running_.stop);
    if (!alone) co_return failure(errc::cancelled, "stopped");
    first.emplace(std::move(alone));
  }
  // Where it is in the registry already, the repositories need not wait for each other.
  if (!options_.force_upload && ledger_.has_anywhere(one.registry, one.blob.digest)) first.reset();
  co_return co_await bring(std::move(one));
}

task<result<void>> uploader::bring(planned_blob one) {
  bool there = ledger_.has(one.registry, one.blob.digest, one.repository);
  if (!there && !options_.force_upload) {
    const result<bool> found = co_await has_blob(one);
    if (!found) co_return found.error();
    there = *found;
  }
  if (there) {
    ++done_.counts.blobs_present;
    running_.events.emit(blob_started{one.blob.digest, one.blob.size, 0, one.role});
    running_.events.emit(blob_finished{one.blob.digest, one.blob.size, true, one.role, false});
  } else if (options_.dry_run) {
    // What an image before it would have brought there is mounted when its turn comes.
    const result<bool> mountable = co_await could_mount(one);
    if (!mountable) co_return mountable.error();
    if (*mountable) {
      ++done_.counts.blobs_mounted;
    } else {
      ++done_.counts.blobs_uploaded;
      done_.counts.bytes_uploaded += one.blob.size;
    }
  } else {
    const result<void> moved = co_await upload(one);
    if (!moved) co_return moved.error();
  }
  ledger_.add(one.registry, one.blob.digest, one.repository, true);
  if (options_.kept.mounts && !options_.dry_run) options_.kept.mounts->know(one.registry, one.blob.digest, one.repository);
  co_return result<void>();
}

task<> uploader::carry() {
  while (!waiting_.empty() && !broken_) {
    const planned_blob one = std::move(waiting_.back());
    waiting_.pop_back();
    if (given_up(one.registry, one.repository)) {
      feed_->settle(one);
      continue;
    }
    const result<void> moved = co_await move_blob(one);
    feed_->settle(one);
    if (moved) continue;
    lost_.emplace(std::pair(one.registry, one.repository), moved.error());
    error_code ec;
    note_failure_of_all(reference::parse(one.registry + "/" + one.repository, ec).with_tag({}), moved.error());
  }
}

task<result<std::optional<digest>>> uploader::put(const planned_manifest& one, std::string bytes) {
  // One at a time, and by digest once: tags of one index share their children, and docker-registry 2.8 truncates what it writes again, so
  // that an index which names it is refused at that moment.
  const std::string registry = one.name.registry();
  const upload_ledger::claim mine = co_await ledger_.enter(registry, one.document.digest, running_.stop);
  if (!mine) co_return failure(errc::cancelled, "stopped");
  const bool by_digest = one.name.tag().empty();
  if (by_digest && ledger_.has(registry, one.document.digest, one.name.repository())) co_return std::optional<digest>();
  auto ask = [this, &one, &bytes] { return registry::put_manifest(shared_.registry, one.name, one.document, bytes, running_.stop); };
  auto stored =
      co_await transfer::with_retry<registry::stored_manifest>(shared_, running_, "manifest of " + one.name.familiar(), ask, registry);
  if (!stored && stored.error().code == errc::unexpected_status) {
    // Another process may be writing it, or one that it names, at this moment.
    co_await runtime::sleep_for(other_writer, running_.stop);
    stored =
        co_await transfer::with_retry<registry::stored_manifest>(shared_, running_, "manifest of " + one.name.familiar(), ask, registry);
  }
  if (!stored) co_return stored.error();
  ledger_.add(registry, one.document.digest, one.name.repository(), true);
  co_return std::optional<digest>(stored->subject);
}

task<result<std::string>> uploader::bytes_of(const planned_manifest& one) {
  if (!one.bytes.empty()) co_return one.bytes;
  const descriptor document = one.document;
  co_return co_await feed_->document(document);
}

task<result<void>> uploader::write_one(const planned_image& image, const planned_manifest& one, std::string bytes, const digest& lists) {
  const result<std::optional<digest>> confirmed = co_await put(one, bytes);
  if (!confirmed) co_return confirmed.error();
  if (!*confirmed) co_return result<void>();
  digest subject;
  std::optional<descriptor> entry = registry::referrer_of(one.document, bytes, subject);
  if (!entry || **confirmed == subject || subject == lists) co_return result<void>();
  co_return co_await list_as_referrer(shared_, running_, ledger_, image.target, subject, std::move(*entry));
}

task<> uploader::write_child(const planned_image& image, std::size_t number, const digest& lists, std::optional<failure>& broken) {
  if (broken) co_return;
  const planned_manifest& one = image.manifests[number];
  auto bytes = co_await bytes_of(one);
  if (!bytes && !broken) broken = bytes.error();
  if (!bytes) co_return;
  const result<void> written = co_await write_one(image, one, std::move(*bytes), lists);
  if (!written && !broken) broken = written.error();
}

task<result<void>> uploader::write(const planned_image& image, pushed_image& told) {
  // A list of referrers is merged, never replaced: the target's may have entries of its own.
  const digest lists = model::is_index(image.top.media_type) ? listed_subject(image.target) : digest();
  if (image.manifests.empty()) co_return result<void>();
  const std::size_t last = image.manifests.size() - 1;
  for (std::size_t begin = 0; begin < last;) {
    // What an index is made of is there before it.
    std::size_t end = begin;
    while (end < last && !model::is_index(image.manifests[end].document.media_type)) ++end;
    if (end == begin) ++end;
    std::optional<failure> broken;
    std::function<task<>(std::size_t)> one = [this, &image, &lists, &broken, begin](std::size_t number) {
      return write_child(image, begin + number, lists, broken);
    };
    const std::size_t most = std::min<std::size_t>(usual_uploads, most_);  // bytes wait for permits
    co_await side_by_side(shared_.executor, most, end - begin, std::move(one), running_.stop);
    if (running_.stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
    if (broken) co_return *broken;
    begin = end;
  }
  const planned_manifest& top = image.manifests.back();
  auto bytes = co_await bytes_of(top);
  if (!bytes) co_return bytes.error();
  if (!lists) co_return co_await write_one(image, top, std::move(*bytes), lists);
  const auto merged = co_await merge_list(shared_, running_, ledger_, top.name, top.document, std::move(*bytes));
  if (!merged) co_return merged.error();
  told.top = merged->top;
  told.unchanged = !merged->written;
  co_return result<void>();
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
  const result<void> written = co_await write(image, told);
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
