#include "jobs/lookup.hpp"
#include "jobs/prune_plan.hpp"
#include "jobs/referrers.hpp"
#include "jobs/remove.hpp"
#include "jobs/side_by_side.hpp"
#include "jobs/sync.hpp"
#include "jobs/sync_plan.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"
#include "registry/manifest_requests.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace gantry::jobs {
namespace {

constexpr unsigned deepest_index = 4;  // DESIGN section 6

/// What became of one manifest.
struct removal_outcome {
  bool gone = false;
  std::optional<failure> kept;  ///< neither: it was not tried
};

/// Who stops a deletion that was asked for cannot know whether it came first.
failure cut_short() { return {errc::cancelled, "it was about to be deleted when the run was stopped, and may be gone"}; }

/// One repository, of which some tags are to go.
class repository_prune {
 public:
  repository_prune(transfer::context& shared, std::shared_ptr<transfer::operation> running, reference repository, bool dry_run,
                   prune_result& done)
      : shared_(shared), running_(std::move(running)), repository_(std::move(repository)), dry_run_(dry_run), done_(done) {}

  task<result<void>> run(std::set<std::string> unwanted);

 private:
  /// Deletes tags alone while the registry does so; those that are gone are taken out of what is unwanted.
  task<result<void>> delete_tags();
  task<result<void>> learn();
  task<> look_at(std::string tag);
  task<> read_index(digest top);
  task<> ask_referrers(digest subject);
  task<result<void>> add_children(reference index, std::set<digest>& into, unsigned depth);
  task<result<bool>> is_referred(digest subject);
  task<result<std::optional<descriptor>>> head(reference name);
  /// \param told what became of each removal of the plan
  task<result<void>> remove(const prune_plan& plan, std::vector<removal_outcome>& told);
  task<> remove_one(const prune_plan::removal& one, removal_outcome& told);

  /// Requests of one kind, as many at once as the engine has permits; \returns the first failure that makes all others futile.
  task<result<void>> each(std::size_t count, std::function<task<>(std::size_t)> work);
  void give_up(failure why) {
    if (!broken_) broken_ = std::move(why);
  }
  void keep(const std::string& tag, std::string why) { done_.kept.push_back({repository_.with_tag(tag), {}, std::move(why), {}}); }
  void keep(const std::string& tag, const failure& why) {
    done_.kept.push_back({repository_.with_tag(tag), why.code, why.text.message(), why.text.server_message()});
  }

  transfer::context& shared_;
  std::shared_ptr<transfer::operation> running_;
  reference repository_;
  bool dry_run_;
  prune_result& done_;
  prune_facts facts_;
  std::shared_ptr<upload_ledger> ledger_ = std::make_shared<upload_ledger>();  ///< one writer of each list of referrers at a time
  std::set<digest> needed_;                                                    ///< by indexes that could not be deleted
  std::optional<failure> broken_;
};

task<result<void>> repository_prune::each(std::size_t count, std::function<task<>(std::size_t)> work) {
  co_await side_by_side(shared_.executor, shared_.jobs, count, std::move(work), running_->stop);
  if (running_->stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  if (broken_) co_return *broken_;
  co_return result<void>();
}

task<result<std::optional<descriptor>>> repository_prune::head(reference name) {
  auto ask = [this, name] { return registry::head_manifest(shared_.registry, name, running_->stop, registry::precedence::registry_alone); };
  auto found =
      co_await transfer::with_retry<std::optional<descriptor>>(shared_, *running_, "manifest of " + name.familiar(), ask, name.registry());
  if (!found && found.error().code == errc::not_found) co_return std::optional<descriptor>();
  if (found && !*found) co_return failure(errc::unexpected_status, fmt::format("{} does not say which manifest it names", name.string()));
  co_return found;
}

task<result<void>> repository_prune::delete_tags() {
  const std::vector<std::string> tags(facts_.unwanted.begin(), facts_.unwanted.end());
  std::size_t tried = 0;
  // One at a time until one has shown whether the registry does it: one that is not there shows nothing.
  for (bool shown = false; !shown && tried < tags.size(); ++tried) {
    const reference name = repository_.with_tag(tags[tried]);
    const auto gone = co_await remove_reference(shared_, running_, name);
    if (!gone && gone.error().code == errc::unexpected_status) co_return result<void>();
    if (!gone && gone.error().code == condition::cancelled) keep(tags[tried], cut_short());
    if (!gone && gone.error().code != errc::not_found) co_return gone.error();
    shown = gone.has_value();
    facts_.unwanted.erase(tags[tried]);
    done_.deleted.push_back(name);
  }
  std::vector<std::optional<result<delete_result>>> told(tags.size() - tried);
  std::function<task<>(std::size_t)> one = [this, &tags, &told, tried](std::size_t number) -> task<> {
    const reference name = repository_.with_tag(tags[tried + number]);
    told[number] = co_await remove_reference(shared_, running_, name);
  };
  const result<void> all = co_await each(told.size(), std::move(one));
  for (std::size_t i = 0; i < told.size(); ++i) {
    const std::string& tag = tags[tried + i];
    if (!told[i] || (!*told[i] && told[i]->error().code == errc::unexpected_status)) continue;
    facts_.unwanted.erase(tag);
    if (*told[i] || told[i]->error().code == errc::not_found) {
      done_.deleted.push_back(repository_.with_tag(tag));
    } else {
      keep(tag, told[i]->error().code == condition::cancelled ? cut_short() : told[i]->error());
    }
  }
  co_return all;
}

task<result<void>> repository_prune::add_children(reference index, std::set<digest>& into, unsigned depth) {
  auto get = [this, index] { return shared_.registry.get_manifest(index, running_->stop, registry::precedence::registry_alone); };
  const auto got =
      co_await transfer::with_retry<registry::document>(shared_, *running_, "manifest of " + index.familiar(), get, index.registry());
  if (!got) co_return got.error();
  const auto parsed = model::parse_document(got->bytes, got->top.media_type, index.string());
  if (!parsed) co_return parsed.error();
  const auto* const content = std::get_if<model::index>(&*parsed);
  if (content == nullptr) co_return result<void>();
  if (depth == deepest_index) co_return failure(errc::limit_exceeded, fmt::format("{} nests indexes too deep", index.string()));
  for (const descriptor& child : content->manifests) {
    into.insert(child.digest);
    if (!model::is_index(child.media_type)) continue;
    const reference inner = repository_.with_digest(child.digest);
    const result<void> added = co_await add_children(inner, into, depth + 1);
    if (!added && added.error().code != errc::not_found) co_return added.error();
  }
  co_return result<void>();
}

task<result<bool>> repository_prune::is_referred(digest subject) {
  if (facts_.tags.contains(model::referrers_tag(subject.string()))) co_return true;
  const auto found = co_await find_referrers(shared_, *running_, repository_, subject, registry::precedence::registry_alone);
  if (!found) co_return found.error();
  co_return !found->empty();
}

task<> repository_prune::look_at(std::string tag) {
  // What is not known of one tag decides about all.
  if (broken_) co_return;
  const reference name = repository_.with_tag(tag);
  const auto top = co_await head(name);
  if (!top) give_up(top.error());
  if (!top || !*top) co_return;
  facts_.tags.emplace(tag, (*top)->digest);
  if (model::is_index((*top)->media_type)) facts_.children.try_emplace((*top)->digest);
}

task<> repository_prune::read_index(digest top) {
  if (broken_) co_return;
  const reference index = repository_.with_digest(top);
  std::set<digest>& children = facts_.children[top];
  const result<void> added = co_await add_children(index, children, 1);
  if (!added) give_up(added.error());
}

task<> repository_prune::ask_referrers(digest subject) {
  if (broken_) co_return;
  const result<bool> referred = co_await is_referred(subject);
  if (!referred) give_up(referred.error());
  if (referred && *referred) facts_.referred.insert(subject);
}

task<result<void>> repository_prune::learn() {
  tags_options every;
  const auto there = co_await list_tags(shared_, running_, repository_, std::move(every), registry::precedence::registry_alone);
  if (!there) co_return there.error();
  std::function<task<>(std::size_t)> look = [this, &there](std::size_t number) { return look_at(there->tags[number]); };
  const result<void> looked = co_await each(there->tags.size(), std::move(look));
  if (!looked) co_return looked.error();
  std::vector<digest> indexes;
  indexes.reserve(facts_.children.size());
  for (const auto& index : facts_.children) indexes.push_back(index.first);
  std::function<task<>(std::size_t)> read = [this, &indexes](std::size_t number) { return read_index(indexes[number]); };
  const result<void> known = co_await each(indexes.size(), std::move(read));
  if (!known) co_return known.error();
  const std::vector<digest> subjects = open_questions(facts_);
  std::function<task<>(std::size_t)> ask = [this, &subjects](std::size_t number) { return ask_referrers(subjects[number]); };
  co_return co_await each(subjects.size(), std::move(ask));
}

task<> repository_prune::remove_one(const prune_plan::removal& one, removal_outcome& told) {
  // It goes with its subject, which stays.
  if (broken_ || needed_.contains(one.subject)) co_return;
  if (needed_.contains(one.manifest)) {
    told.kept.emplace(error_code(), "an index that could not be deleted is made of this manifest");
  } else {
    const reference manifest = repository_.with_digest(one.manifest);
    const auto gone = co_await remove_reference(shared_, running_, manifest, ledger_);
    told.gone = gone || gone.error().code == errc::not_found;
    if (told.gone) co_return;
    const bool cut = gone.error().code == condition::cancelled;
    told.kept = cut ? cut_short() : gone.error();
    if (cut) give_up(gone.error());
  }
  const auto& children = facts_.children[one.manifest];
  needed_.insert(children.begin(), children.end());
}

task<result<void>> repository_prune::remove(const prune_plan& plan, std::vector<removal_outcome>& told) {
  for (const std::vector<std::size_t>& round : removal_rounds(plan, facts_)) {
    std::function<task<>(std::size_t)> one = [this, &plan, &told, &round](std::size_t number) {
      return remove_one(plan.remove[round[number]], told[round[number]]);
    };
    const result<void> gone = co_await each(round.size(), std::move(one));
    if (!gone) co_return gone.error();
  }
  co_return result<void>();
}

task<result<void>> repository_prune::run(std::set<std::string> unwanted) {
  facts_.unwanted = std::move(unwanted);
  if (!dry_run_) {
    const result<void> alone = co_await delete_tags();
    if (!alone) co_return alone.error();
    if (facts_.unwanted.empty()) co_return result<void>();
  }
  const result<void> learnt = co_await learn();
  if (!learnt) co_return learnt.error();
  const prune_plan plan = plan_prune(facts_);
  const char* const unless = dry_run_ ? ", unless it deletes tags alone, which only trying shows" : "";
  for (const auto& one : plan.keep) keep(one.tag, one.why + unless);
  std::vector<removal_outcome> told(plan.remove.size());
  result<void> removed = result<void>();
  if (!dry_run_) removed = co_await remove(plan, told);
  for (std::size_t i = 0; i < told.size(); ++i) {
    for (const std::string& tag : plan.remove[i].tags) {
      if (told[i].kept) keep(tag, *told[i].kept);
      if (told[i].gone || dry_run_) done_.deleted.push_back(repository_.with_tag(tag));
    }
  }
  co_return removed;
}

task<> prune_repository(transfer::context& shared, std::shared_ptr<transfer::operation> running, reference repository,
                        std::set<std::string> unwanted, bool dry_run, prune_result& done) {
  repository_prune one(shared, running, repository, dry_run, done);
  const result<void> pruned = co_await one.run(unwanted);
  done.stopped = !pruned && pruned.error().code == condition::cancelled;
  if (pruned || done.stopped) co_return;
  // What is not known to be unneeded stays, and the other repositories go on.
  for (const std::string& tag : unwanted) {
    const reference name = repository.with_tag(tag);
    const auto same = [&](const auto& known) { return known == name; };
    const bool told = std::any_of(done.deleted.begin(), done.deleted.end(), same) ||
                      std::any_of(done.kept.begin(), done.kept.end(), [&](const kept_tag& known) { return known.name == name; });
    if (!told) done.kept.push_back({name, pruned.error().code, pruned.error().text.message(), pruned.error().text.server_message()});
  }
}

}  // namespace

task<result<prune_result>> prune(transfer::context& shared, std::shared_ptr<transfer::operation> running, std::vector<reference> tags,
                                 prune_options options) {
  const auto started = std::chrono::steady_clock::now();
  std::map<reference, std::set<std::string>> by_repository;
  for (const reference& one : tags) {
    if (one.tag().empty() || one.digest())
      co_return failure(errc::invalid_reference, fmt::format("'{}' names no tag to delete", one.string()));
    by_repository[one.with_tag({})].insert(one.tag());
  }
  const std::vector<std::pair<reference, std::set<std::string>>> repositories(by_repository.begin(), by_repository.end());
  std::vector<prune_result> parts(repositories.size());
  for (prune_result& part : parts) part.stopped = true;  // until it has been tried
  std::function<task<>(std::size_t)> one = [&shared, &running, &repositories, &parts, dry_run = options.dry_run](std::size_t number) {
    const auto& [repository, unwanted] = repositories[number];
    return prune_repository(shared, running, repository, unwanted, dry_run, parts[number]);
  };
  co_await side_by_side(shared.executor, shared.jobs, repositories.size(), std::move(one), running->stop);
  prune_result done;
  for (prune_result& part : parts) {
    done.stopped = done.stopped || part.stopped;
    std::move(part.deleted.begin(), part.deleted.end(), std::back_inserter(done.deleted));
    std::move(part.kept.begin(), part.kept.end(), std::back_inserter(done.kept));
  }
  std::sort(done.deleted.begin(), done.deleted.end(), reads_before);
  std::sort(done.kept.begin(), done.kept.end(), [](const kept_tag& a, const kept_tag& b) { return reads_before(a.name, b.name); });
  // What was deleted has to be told; where nothing was, there is only the end.
  const bool nothing = options.dry_run || (done.deleted.empty() && done.kept.empty());
  if (done.stopped && nothing) co_return failure(errc::cancelled, "stopped");
  done.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
  running->events.flush();
  co_return done;
}

}  // namespace gantry::jobs
