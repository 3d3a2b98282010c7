#include "jobs/lookup.hpp"
#include "jobs/prune_plan.hpp"
#include "jobs/referrers.hpp"
#include "jobs/remove.hpp"
#include "jobs/sync.hpp"
#include "jobs/sync_plan.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"
#include "registry/manifest_requests.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace gantry::jobs {
namespace {

constexpr unsigned deepest_index = 4;  // DESIGN section 6

/// One repository, of which some tags are to go.
class repository_prune {
 public:
  repository_prune(transfer::context& shared, std::shared_ptr<transfer::operation> running, reference repository, bool dry_run,
                   prune_result& done)
      : shared_(shared), running_(std::move(running)), repository_(std::move(repository)), dry_run_(dry_run), done_(done) {}

  task<result<void>> run(std::set<std::string> unwanted);

 private:
  /// Whether the registry deletes tags alone; those that it deleted are gone from \p unwanted.
  task<result<bool>> delete_tags(std::set<std::string>& unwanted);
  task<result<void>> learn(prune_facts& facts);
  task<result<void>> add_children(reference index, std::set<digest>& into, unsigned depth);
  task<result<bool>> is_referred(digest subject, const prune_facts& facts);
  task<result<std::optional<descriptor>>> head(reference name);
  void keep(const std::string& tag, error_code code, std::string why) {
    done_.kept.push_back({repository_.with_tag(tag), code, std::move(why)});
  }

  transfer::context& shared_;
  std::shared_ptr<transfer::operation> running_;
  reference repository_;
  bool dry_run_;
  prune_result& done_;
};

task<result<std::optional<descriptor>>> repository_prune::head(reference name) {
  auto ask = [this, name] { return registry::head_manifest(shared_.registry, name, running_->stop, registry::precedence::registry_alone); };
  auto found = co_await transfer::with_retry<std::optional<descriptor>>(shared_, *running_, "manifest of " + name.familiar(), ask);
  if (!found && found.error().code == errc::not_found) co_return std::optional<descriptor>();
  if (found && !*found) co_return failure(errc::unexpected_status, fmt::format("{} does not say which manifest it names", name.string()));
  co_return found;
}

task<result<bool>> repository_prune::delete_tags(std::set<std::string>& unwanted) {
  while (!unwanted.empty()) {
    const std::string tag = *unwanted.begin();
    const reference name = repository_.with_tag(tag);
    const auto gone = co_await remove_reference(shared_, running_, name);
    if (!gone && gone.error().code == errc::unexpected_status) co_return false;
    if (!gone && gone.error().code != errc::not_found) co_return gone.error();
    unwanted.erase(tag);
    done_.deleted.push_back(name);
  }
  co_return true;
}

task<result<void>> repository_prune::add_children(reference index, std::set<digest>& into, unsigned depth) {
  auto get = [this, index] { return shared_.registry.get_manifest(index, running_->stop, registry::precedence::registry_alone); };
  const auto got = co_await transfer::with_retry<registry::document>(shared_, *running_, "manifest of " + index.familiar(), get);
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

task<result<bool>> repository_prune::is_referred(digest subject, const prune_facts& facts) {
  if (facts.tags.contains(model::referrers_tag(subject.string()))) co_return true;
  const auto found = co_await find_referrers(shared_, *running_, repository_, subject, registry::precedence::registry_alone);
  if (!found) co_return found.error();
  co_return !found->empty();
}

task<result<void>> repository_prune::learn(prune_facts& facts) {
  tags_options every;
  const auto there = co_await list_tags(shared_, running_, repository_, std::move(every), registry::precedence::registry_alone);
  if (!there) co_return there.error();
  std::set<digest> looked;
  for (const std::string& tag : there->tags) {
    const reference name = repository_.with_tag(tag);
    const auto top = co_await head(name);
    if (!top) co_return top.error();
    if (!*top) continue;
    facts.tags.emplace(tag, (*top)->digest);
    if (!model::is_index((*top)->media_type) || !looked.insert((*top)->digest).second) continue;
    const reference index = repository_.with_digest((*top)->digest);
    std::set<digest>& children = facts.children[(*top)->digest];
    const result<void> added = co_await add_children(index, children, 1);
    if (!added) co_return added.error();
  }
  std::set<digest> asked;
  for (const auto& [tag, top] : facts.tags) {
    if (!facts.unwanted.contains(tag) || !asked.insert(top).second) continue;
    const digest subject = top;
    const result<bool> referred = co_await is_referred(subject, facts);
    if (!referred) co_return referred.error();
    if (*referred) facts.referred.insert(subject);
  }
  co_return result<void>();
}

task<result<void>> repository_prune::run(std::set<std::string> unwanted) {
  if (!dry_run_) {
    const result<bool> alone = co_await delete_tags(unwanted);
    if (!alone) co_return alone.error();
    if (*alone) co_return result<void>();
  }
  prune_facts facts;
  facts.unwanted = std::move(unwanted);
  const result<void> learnt = co_await learn(facts);
  if (!learnt) co_return learnt.error();
  const prune_plan plan = plan_prune(facts);
  const char* const unless = dry_run_ ? ", unless it deletes tags alone, which only trying shows" : "";
  for (const auto& one : plan.keep) keep(one.tag, {}, one.why + unless);
  std::set<digest> needed;  // by indexes that could not be deleted
  for (const auto& one : plan.remove) {
    if (needed.contains(one.subject)) continue;
    if (needed.contains(one.manifest)) {
      const auto& children = facts.children[one.manifest];
      needed.insert(children.begin(), children.end());
      for (const std::string& tag : one.tags) keep(tag, {}, "an index that could not be deleted is made of this manifest");
      continue;
    }
    if (!dry_run_) {
      const reference manifest = repository_.with_digest(one.manifest);
      const auto gone = co_await remove_reference(shared_, running_, manifest);
      if (!gone && gone.error().code == condition::cancelled) co_return gone.error();
      if (!gone && gone.error().code != errc::not_found) {
        const auto& children = facts.children[one.manifest];
        needed.insert(children.begin(), children.end());
        for (const std::string& tag : one.tags) keep(tag, gone.error().code, gone.error().text.message());
        continue;
      }
    }
    for (const std::string& tag : one.tags) done_.deleted.push_back(repository_.with_tag(tag));
  }
  co_return result<void>();
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
  prune_result done;
  for (const auto& [repository, unwanted] : by_repository) {
    repository_prune one(shared, running, repository, options.dry_run, done);
    const result<void> pruned = co_await one.run(unwanted);
    if (running->stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
    if (pruned) continue;
    // What is not known to be unneeded stays, and the other repositories go on.
    for (const std::string& tag : unwanted) {
      const reference name = repository.with_tag(tag);
      const auto same = [&](const auto& known) { return known == name; };
      const bool told = std::any_of(done.deleted.begin(), done.deleted.end(), same) ||
                        std::any_of(done.kept.begin(), done.kept.end(), [&](const kept_tag& known) { return known.name == name; });
      if (!told) done.kept.push_back({name, pruned.error().code, pruned.error().text.message()});
    }
  }
  done.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
  running->events.flush();
  co_return done;
}

}  // namespace gantry::jobs
