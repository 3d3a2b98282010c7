#include "serve/pull_through.hpp"

#include "jobs/keep.hpp"
#include "jobs/referrers.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"
#include "registry/manifest_requests.hpp"
#include "runtime/deadline.hpp"
#include "serve/carried_content.hpp"
#include "serve/passing_target.hpp"
#include "serve/quiet_operation.hpp"

#include <fmt/format.h>

#include <exception>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace gantry::serve {
namespace {

using runtime::lane;
using runtime::offload;

constexpr std::chrono::milliseconds second_try{500};

/// What the store has will do: everything but an answer that says that there is no such thing.
bool store_will_do(const failure& why) { return why.code != errc::not_found; }

}  // namespace

pull_through::pull_through(transfer::context& shared, std::shared_ptr<store::content_store> store, std::string registry,
                           std::function<void(const std::string&)> note)
    : shared_(shared),
      store_(std::move(store)),
      registry_(std::move(registry)),
      note_(std::move(note)),
      incomplete_(image_families::most_remembered),
      fetches_(shared.executor),
      kept_(shared, stop_, fetches_) {}

task<pull_through::held_name> pull_through::held_top(reference image) {
  std::optional<asked_name> asked;
  if (const asked_name* known = incomplete_.find(image)) asked = *known;
  auto look = [store = store_, image, asked] {
    held_name now;
    std::optional<descriptor> record;
    const auto found = store->find_reference(image);
    if (found && *found) record = (*found)->top;
    if (record) now.recorded = record->digest;
    now.top = newest(asked ? &*asked : nullptr, record);
    const auto there = [&store](const std::optional<descriptor>& one) { return one && store->holds(*one); };
    // Of what a clean-up took, the older one may be left.
    if (!there(now.top)) now.top = there(record) ? record : std::nullopt;
    if (!now.top && asked && store->holds(asked->top)) now.top = asked->top;
    return now;
  };
  co_return co_await offload(shared_.lanes, lane::files, std::move(look));
}

task<digest> pull_through::recorded_top(reference image) {
  // A digest leads nowhere else.
  if (image.digest()) co_return digest();
  auto look = [store = store_, image] {
    const auto found = store->find_reference(image);
    return found && *found ? (*found)->top.digest : digest();
  };
  co_return co_await offload(shared_.lanes, lane::files, std::move(look));
}

task<> pull_through::note_answered(reference image, descriptor top, digest recorded) {
  if (!families_.knows(top.digest)) co_await learn_held(top);
  remember(image, {top, std::move(recorded)});
  // A server that was killed may have left all parts of a name, and a record that says otherwise.
  if (!looked_at_.due(image)) co_return;
  touched_.insert(top.digest);
  record_soon();
}

task<result<digest>> pull_through::ask_digest(reference image, runtime::stop_source& stop) {
  auto announced = co_await registry::head_manifest(shared_.registry, image, stop);
  if (!announced) co_return announced.error();
  if (*announced) co_return (*announced)->digest;
  // Some leave the digest out or refuse HEAD: a GET tells.
  const auto whole = co_await shared_.registry.get_manifest(image, stop);
  if (!whole) co_return whole.error();
  co_return whole->top.digest;
}

void pull_through::leave_alone(const failure& why) {
  offline_until_ = clock::now() + offline_pause;
  note_(fmt::format("{} cannot be asked, answering from the store: {}", registry_, why.text.message()));
}

upstream_manifest pull_through::stale(const reference& image, const descriptor& held, const failure& why) {
  upstream_manifest answer{held};
  if (why.code == errc::cancelled) return answer;
  if (why.code == condition::retryable) {
    leave_alone(why);
    return answer;
  }
  // Of other repositories this says nothing. Whoever asks in a loop must not fill the log.
  const bool refused = why.code == condition::not_authorised;
  answer.doubted = refused ? doubt::refused : doubt::unlearnt;
  if (!said_.due(image)) return answer;
  const std::string trouble = refused ? fmt::format("{} refuses to say which {} is now", registry_, image.familiar())
                                      : fmt::format("which {} is now could not be learnt from {}", image.familiar(), registry_);
  note_(fmt::format("{}, answering from the store: {}", trouble, why.text.message()));
  return answer;
}

task<result<digest>> pull_through::revalidate(reference image, runtime::stop_source& stop) {
  runtime::stop_source limited(stop);
  runtime::deadline limit(shared_.executor, revalidation_limit, [&limited] { limited.request_stop(); });
  const transfer::connection_grant grant = co_await transfer::connection_to(shared_, image.registry(), limited);
  // What holds all connections works: that says nothing against the upstream.
  if (!grant) co_return failure(errc::cancelled, fmt::format("no connection to {} was free", registry_));
  limit.extend(revalidation_limit);
  auto now = co_await ask_digest(image, limited);
  if (!now && limit.expired()) {
    co_return failure(errc::timed_out, fmt::format("{} did not say in time whether {} has moved", registry_, image.familiar()));
  }
  co_return now;
}

task<result<registry::document>> pull_through::ask_document(reference image, runtime::stop_source& stop) {
  const transfer::connection_grant grant = co_await transfer::connection_to(shared_, image.registry(), stop);
  if (!grant) co_return failure(errc::cancelled, "stopped");
  co_return co_await shared_.registry.get_manifest(image, stop);
}

task<result<upstream_manifest>> pull_through::fetch_document(reference image, runtime::stop_source& stop) {
  auto got = co_await ask_document(image, stop);
  if (!got && got.error().code == condition::retryable && got.error().code != errc::rate_limited) {
    const bool slept = co_await runtime::sleep_for(second_try, stop);
    if (slept) got = co_await ask_document(image, stop);
  }
  if (!got) co_return got.error();
  descriptor top = got->top;
  const auto type = model::detect_media_type(got->bytes, top.media_type, fmt::format("the manifest of {}", image.string()));
  if (!type) co_return type.error();
  top.media_type = *type;
  families_.learn(got->bytes, top);
  upstream_manifest fetched{top};
  auto keep = [store = store_, top, bytes = got->bytes] { return put_with_carried(*store, top, bytes); };
  const result<void> kept = co_await offload(shared_.lanes, lane::files, std::move(keep));
  if (kept) co_return fetched;
  if (!cannot_keep(kept.error())) co_return kept.error();
  note_unwritable(kept.error());
  fetched.bytes = std::move(got->bytes);
  co_return fetched;
}

task<result<upstream_manifest>> pull_through::fetch_and_record(reference image, runtime::stop_source& stop) {
  // A clean-up must not take away what has no name yet.
  const quiet_operation mine(stop_);
  const auto lease = co_await jobs::keep_all(shared_, *mine.running(), store_);
  if (!lease) co_return lease.error();
  std::exception_ptr thrown;
  result<upstream_manifest> fetched = failure(errc::cancelled, "stopped");
  try {
    fetched = co_await fetch_document(image, stop);
    if (fetched && !fetched->bytes) {
      // Now, not before the question: what was recorded for other clients meanwhile is older than the answer.
      digest recorded = co_await recorded_top(image);
      remember(image, {fetched->top, std::move(recorded)});
    }
  } catch (...) {
    thrown = std::current_exception();
  }
  if (fetched && !fetched->bytes) {
    const std::set<digest> family = families_.family_of(fetched->top.digest);
    co_await jobs::keep_only(shared_, *lease, family);
    co_await kept_.keep(*lease, family);
  } else {
    co_await jobs::keep_no_longer(shared_, *lease);
  }
  if (thrown) std::rethrow_exception(thrown);
  if (fetched && !fetched->bytes) {
    touched_.merge(families_.family_of(fetched->top.digest));
    co_await record_due();
  }
  co_return fetched;
}

task<result<upstream_manifest>> pull_through::manifest(reference image, runtime::stop_source& stop) {
  std::function<task<result<upstream_manifest>>()> ask = [this, image, &stop] { return ask_manifest(image, stop); };
  co_return co_await manifests_.get(image.string(), std::move(ask), stop);
}

task<result<upstream_manifest>> pull_through::ask_manifest(reference image, runtime::stop_source& stop) {
  held_name known;
  if (!image.digest()) known = co_await held_top(image);
  const std::optional<descriptor>& held = known.top;
  if (held) {
    if (clock::now() < offline_until_) {
      co_await note_answered(image, *held, known.recorded);
      co_return upstream_manifest{*held};
    }
    const auto now = co_await revalidate(image, stop);
    if (!now && !store_will_do(now.error())) co_return now.error();
    if (!now || *now == held->digest) {
      co_await note_answered(image, *held, known.recorded);
      if (!now) co_return stale(image, *held, now.error());
      co_return upstream_manifest{*held};
    }
  }
  auto fetched = co_await fetch_and_record(image, stop);
  if (!fetched && held && store_will_do(fetched.error())) co_return stale(image, *held, fetched.error());
  co_return fetched;
}

task<result<std::vector<descriptor>>> pull_through::referrers(reference image, digest subject, runtime::stop_source& stop) {
  if (clock::now() < offline_until_) co_return failure(errc::timed_out, fmt::format("{} did not answer a moment ago", registry_));
  runtime::stop_source limited(stop);
  const runtime::deadline limit(shared_.executor, revalidation_limit, [&limited] { limited.request_stop(); });
  const quiet_operation mine(limited);
  // The client waits, and may ask again.
  transfer::context once = shared_;
  once.retry.attempts = 1;
  once.retry.budget = std::chrono::milliseconds(0);
  auto listed = co_await jobs::find_referrers(once, *mine.running(), image, subject, registry::precedence::registry_first);
  if (listed) co_return listed;
  failure why = listed.error();
  if (limit.expired()) {
    why = failure(errc::timed_out, fmt::format("{} did not say in time what refers to {}", registry_, image.familiar()));
  }
  if (why.code == condition::retryable && !stop.stop_requested()) leave_alone(why);
  co_return why;
}

void pull_through::note_unwritable(const failure& why, const std::string& effect) {
  if (!unwritable_said_.due(effect + why.code.message())) return;
  note_(fmt::format("{}: {}", effect, why.text.message()));
}

task<> pull_through::close() {
  // The leases of what has no name yet end with the tasks that are joined here: this one takes their place until it has. Where there is
  // none, since the store cannot be written or somebody goes on cleaning it up, what is left then gets its name all the same.
  std::shared_ptr<store::lease> lease;
  if (fetches_.running() != 0 || !touched_.empty()) {
    runtime::stop_source patience;
    const runtime::deadline limit(shared_.executor, close_patience, [&patience] { patience.request_stop(); });
    const quiet_operation mine(patience);
    const auto had = co_await jobs::keep_all(shared_, *mine.running(), store_);
    if (had) lease = *had;
  }
  stop_.request_stop();
  co_await fetches_.join();
  // What came since the last time has no name yet, and the next server would not know what belongs together.
  runtime::stop_source patience;
  const runtime::deadline limit(shared_.executor, close_patience, [&patience] { patience.request_stop(); });
  co_await record_all(patience);
  if (lease) co_await jobs::keep_no_longer(shared_, std::move(lease));
}

}  // namespace gantry::serve
