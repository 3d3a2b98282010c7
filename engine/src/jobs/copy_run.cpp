#include "jobs/copy_run.hpp"

#include "jobs/export.hpp"
#include "jobs/push.hpp"
#include "jobs/record.hpp"
#include "jobs/referrers.hpp"
#include "jobs/referrers_index.hpp"
#include "jobs/relayed_feed.hpp"
#include "jobs/resolve.hpp"
#include "jobs/side_by_side.hpp"
#include "jobs/target_name.hpp"
#include "model/manifest.hpp"
#include "registry/manifest_requests.hpp"
#include "store/memory_documents.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

namespace gantry::jobs {
namespace {

// A signature of an SBOM of an image is the third.
constexpr unsigned referrer_depth = 4;
constexpr std::array<const char*, 3> cosign_suffixes = {".sig", ".att", ".sbom"};
constexpr std::size_t signature_kind = 0;  // of these
// Of an index of more manifests one list of tags takes less time than to guess at the tags of each.
constexpr std::size_t guessed_manifests = 2;

/// Without the digest that a tag was found to be.
reference as_asked(const reference& source) { return source.tag().empty() ? source : source.with_digest({}); }

}  // namespace

task<result<bool>> copy_run::is_unchanged(reference source, reference target, descriptor& top) {
  auto ask = [this, source] { return registry::head_manifest(shared_.registry, source, running_.stop); };
  auto found = co_await transfer::with_retry<std::optional<descriptor>>(shared_, running_, "manifest of " + source.familiar(), ask,
                                                                        source.registry());
  if (!found) co_return found.error();
  if (!*found) co_return false;
  top = **found;
  co_return co_await names_already(shared_, running_, target, top.digest);
}

void copy_run::tell_resolved(const reference& source, const reference& target, const descriptor& top, std::size_t platforms) {
  running_.events.emit(image_resolved{settings_.names_targets ? target : as_asked(source), top, platforms});
}

task<result<copied_image>> copy_run::copy(reference source, reference target, choice wanted) {
  const fan_group::member taking_part(wanted.fan, target.registry());
  // What is written has the digest of the source only when it is the whole of it.
  const bool comparable = wanted.platforms.empty() && !settings_.force_upload && !wanted.changed;
  // Who looks for referrers needs to know the manifests, unchanged or not.
  if (comparable && !wanted.referrers) {
    descriptor top;
    const auto same = co_await is_unchanged(source, target, top);
    if (!same) co_return same.error();
    if (*same) {
      tell_resolved(source, target, top, 0);
      copied_image there;
      there.source = std::move(source);
      there.target = std::move(target);
      there.top = std::move(top);
      there.unchanged = true;
      co_return there;
    }
  }
  const bool changed = wanted.changed || (comparable && !wanted.referrers);
  auto copied = co_await copy_content(source, target, std::move(wanted), changed, 0);
  const digest subject = listed_subject(source);
  const bool list = subject && subject == listed_subject(target) && !settings_.dry_run;
  if (copied || copied.error().code != errc::not_found || !list) co_return copied;
  const bool held = co_await has(source);
  if (!held) co_return copied;
  co_return co_await copy_list(std::move(source), std::move(target), subject, copied.error());
}

task<result<copied_image>> copy_run::copy_list(reference source, reference target, digest subject, failure gone) {
  std::vector<digest> subjects(1, subject);
  const auto found = co_await copy_referrers(source, target, std::move(subjects), 0);
  if (!found) co_return found.error();
  auto ask = [this, target] {
    return registry::head_manifest(shared_.registry, target, running_.stop, registry::precedence::registry_alone);
  };
  auto there = co_await transfer::with_retry<std::optional<descriptor>>(shared_, running_, "manifest of " + target.familiar(), ask,
                                                                        target.registry());
  // Nothing of it could be brought.
  if (!there && there.error().code == errc::not_found) co_return gone;
  if (!there) co_return there.error();
  copied_image done;
  done.source = std::move(source);
  done.target = std::move(target);
  if (*there) done.top = std::move(**there);
  done.referrers = *found;
  co_return done;
}

task<result<resolved_image>> copy_run::resolve(reference source, std::shared_ptr<store::document_store> documents, source_documents* known,
                                               std::vector<platform> wanted) {
  std::optional<source_documents::turn> mine;
  if (known != nullptr) {
    source_documents::turn entered = co_await known->enter(running_.stop);
    mine.emplace(std::move(entered));
    source = known->pinned(source);
  }
  resolver names(shared_, running_, std::move(documents));
  platform_choice platforms;
  platforms.all = wanted.empty();
  platforms.platforms = std::move(wanted);
  platforms.opaque = true;
  platforms.nameless = settings_.cache == nullptr;  // the store's names say what they hold
  auto resolved = co_await names.resolve(source, std::move(platforms));
  if (known != nullptr && resolved) known->remember(source, resolved->top);
  if (known != nullptr && !resolved) known->give_up();
  co_return resolved;
}

task<result<copied_image>> copy_run::copy_content(reference source, reference target, choice wanted, bool changed, unsigned depth) {
  std::shared_ptr<store::document_store> documents = settings_.cache;
  source_documents* const known = documents ? nullptr : wanted.documents.get();
  if (known != nullptr) documents = wanted.documents;
  if (!documents) documents = std::make_shared<store::memory_documents>();
  const auto resolved = co_await resolve(source, documents, known, wanted.platforms);
  if (!resolved) co_return resolved.error();

  push_options options;
  options.platforms = wanted.platforms;
  options.as_index = wanted.as_index;
  std::vector<archive::archived_image> images(1, archived(*resolved));
  for (const descriptor& one : resolved->opaque) images.front().manifests.emplace_back().manifest = one;
  auto plan = plan_push(images, push_target(target), options);
  if (!plan) co_return plan.error();
  plan->images.front().changed = changed;
  // What a target gets is told with the plan: of a choice the source has another digest.
  if (!settings_.names_targets) tell_resolved(source, target, resolved->top, resolved->manifests.size() + resolved->opaque.size());
  if (source.registry() == target.registry()) {
    mount_hints hints;
    add_hints(hints, images.front(), source.repository());
    ledger_->add(target.registry(), hints);
  }
  std::vector<digest> subjects;
  if (wanted.referrers) {
    if (plan->images.front().top.digest == resolved->top.digest) subjects.push_back(resolved->top.digest);
    for (const resolved_manifest& one : resolved->manifests) {
      if (!one.attestation && one.entry.digest != resolved->top.digest) subjects.push_back(one.entry.digest);
    }
  }
  auto feed = std::make_shared<relayed_feed>(shared_, running_, source, documents, settings_.cache, wanted.fan);
  auto moved = co_await upload(shared_, running_, *ledger_, std::move(feed), settings_, std::move(*plan));
  if (!moved) co_return moved.error();
  add_counts(counts_, moved->counts);
  if (settings_.cache && !settings_.dry_run) {
    const result<void> noted = co_await note_in_cache(*resolved);
    if (!noted) co_return noted.error();
  }
  copied_image done;
  if (!subjects.empty()) {
    if (resolved->manifests.size() > guessed_manifests) co_await facts_->list(shared_, running_, source);
    const auto found = co_await copy_referrers(source, target, std::move(subjects), depth);
    if (!found) co_return found.error();
    done.referrers = *found;
  }
  done.source = std::move(source);
  done.target = std::move(target);
  done.top = moved->images.front().top;
  done.unchanged = moved->images.front().unchanged;
  co_return done;
}

task<result<void>> copy_run::note_in_cache(resolved_image image) {
  auto look = [store = settings_.cache, image] {
    const auto there = [&](const descriptor& blob) { return store->holds(blob); };
    return std::all_of(image.manifests.begin(), image.manifests.end(), [&](const resolved_manifest& one) {
      const std::vector<descriptor>& layers = one.content.layers;
      return there(one.content.config) && std::all_of(layers.begin(), layers.end(), there);
    });
  };
  // What the target had was not fetched; the name is for whole images.
  const bool whole = co_await runtime::offload(shared_.lanes, runtime::lane::files, std::move(look));
  if (!whole || !image.opaque.empty()) co_return result<void>();
  std::vector<resolved_image> images;
  images.push_back(std::move(image));
  std::vector<store::reference_record> records = records_of(images);
  co_return co_await record(shared_, running_, settings_.cache, std::move(records));
}

task<result<std::size_t>> copy_run::sum_of(std::size_t count, std::function<task<result<std::size_t>>(std::size_t)> work) {
  std::vector<std::optional<result<std::size_t>>> told(count);
  bool broken = false;
  std::function<task<>(std::size_t)> one = [&work, &told, &broken](std::size_t number) -> task<> {
    if (broken) co_return;
    task<result<std::size_t>> asked = work(number);
    told[number] = co_await std::move(asked);
    broken = broken || !*told[number];
  };
  co_await side_by_side(shared_.executor, shared_.jobs, count, std::move(one), running_.stop);
  std::size_t sum = 0;
  for (const auto& each : told) {
    if (each && !*each) co_return each->error();
    if (each) sum += **each;
  }
  if (running_.stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  co_return sum;
}

task<result<std::size_t>> copy_run::copy_cosign_tag(reference source, reference target, digest subject, std::size_t kind, unsigned depth) {
  const std::string tag = model::referrers_tag(subject.string()) + cosign_suffixes[kind];
  const reference from = source.with_digest({}).with_tag(tag);
  const reference to = target.with_digest({}).with_tag(tag);
  if (facts_->lacks_tag(from)) co_return std::size_t{0};
  choice everything;
  auto copied = co_await copy(from, to, std::move(everything));
  if (!copied && copied.error().code == errc::not_found) co_return std::size_t{0};
  if (!copied) co_return copied.error();
  std::size_t count = 1;
  // Nothing hangs on a signature.
  if (depth == referrer_depth || kind == signature_kind) co_return count;
  const digest inner = copied->top.digest;
  for (std::size_t nested = 0; nested < cosign_suffixes.size(); ++nested) {
    const auto more = co_await copy_cosign_tag(source, target, inner, nested, depth + 1);
    if (!more) co_return more.error();
    count += *more;
  }
  co_return count;
}

task<bool> copy_run::has(reference manifest) {
  auto ask = [this, manifest] { return registry::head_manifest(shared_.registry, manifest, running_.stop); };
  const auto found = co_await transfer::with_retry<std::optional<descriptor>>(shared_, running_, "manifest of " + manifest.familiar(), ask,
                                                                              manifest.registry());
  co_return found || found.error().code != errc::not_found;
}

task<result<std::size_t>> copy_run::copy_referrers(reference source, reference target, std::vector<digest> subjects, unsigned depth) {
  // By tags of each kind, and by lists.
  constexpr std::size_t ways = cosign_suffixes.size() + 1;
  std::function<task<result<std::size_t>>(std::size_t)> one = [this, &source, &target, &subjects, depth](std::size_t number) {
    const digest& subject = subjects[number / ways];
    const std::size_t way = number % ways;
    return way < cosign_suffixes.size() ? copy_cosign_tag(source, target, subject, way, depth)
                                        : copy_listed(source, target, subject, depth);
  };
  co_return co_await sum_of(subjects.size() * ways, std::move(one));
}

task<result<std::size_t>> copy_run::copy_listed(reference source, reference target, digest subject, unsigned depth) {
  const auto wanted = co_await find_referrers(shared_, running_, source, subject, registry::precedence::registry_first, facts_.get());
  if (!wanted) co_return wanted.error();
  if (wanted->empty()) co_return std::size_t{0};
  if (depth == referrer_depth) {
    co_return failure(errc::limit_exceeded,
                      fmt::format("manifests of {} refer to each other more than {} times over", source.name(), referrer_depth));
  }
  const auto there = co_await find_referrers(shared_, running_, target, subject, registry::precedence::registry_alone, facts_.get());
  // A repository that does not exist yet may answer like one that must not be read.
  if (!there && there.error().code != condition::not_authorised) co_return there.error();
  std::set<digest> listed;
  if (there) {
    for (const descriptor& one : *there) listed.insert(one.digest);
  }
  std::function<task<result<std::size_t>>(std::size_t)> one = [this, &source, &target, &subject, &wanted, &listed,
                                                               depth](std::size_t number) {
    const digest& referrer = (*wanted)[number].digest;
    return copy_referrer(source, target, subject, referrer, listed.contains(referrer), depth);
  };
  co_return co_await sum_of(wanted->size(), std::move(one));
}

task<result<std::size_t>> copy_run::copy_referrer(reference source, reference target, digest subject, digest one, bool listed,
                                                  unsigned depth) {
  const reference from = source.with_tag({}).with_digest(one);
  const reference to = target.with_tag({}).with_digest(one);
  choice nested;
  nested.referrers = true;
  // Written again when it is not listed: the registry may have the manifest without knowing whom it refers to.
  const auto copied = co_await copy_content(from, to, std::move(nested), !listed, depth + 1);
  if (copied) co_return 1 + copied->referrers;
  if (copied.error().code != errc::not_found) co_return copied.error();
  const bool held = co_await has(from);
  if (held) co_return copied.error();
  // Deleted by digest where nobody takes it off the list: what else refers to the subject is worth no less for that.
  running_.events.emit(warning{fmt::format("{} lists {} among what refers to {}, and does not have it: it is passed over", source.name(),
                                           one.string(), subject.string())});
  co_return std::size_t{0};
}

}  // namespace gantry::jobs
