#include "serve/pull_through.hpp"

#include "http/content_range.hpp"
#include "jobs/complete_part.hpp"
#include "jobs/keep.hpp"
#include "jobs/record.hpp"
#include "jobs/referrers.hpp"
#include "jobs/throwaway_store.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"
#include "registry/manifest_requests.hpp"
#include "runtime/deadline.hpp"
#include "serve/carried_content.hpp"
#include "serve/held_documents.hpp"
#include "serve/passing_target.hpp"
#include "serve/quiet_operation.hpp"
#include "serve/reader_watch.hpp"
#include "store/image_tree.hpp"
#include "transfer/fetcher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
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

/// The store cannot take what is fetched. A disk that fails or is away is another matter.
bool cannot_keep(const failure& why) { return why.code == errc::no_space || why.code == errc::access_denied; }

transfer::wanted_blob wanted_from(const reference& image, const descriptor& blob) {
  transfer::wanted_blob wanted;
  wanted.source = image;
  wanted.blob = blob;
  return wanted;
}

/// Whether the store has a record of that name in which all of \p record stands. Blocking.
bool says_nothing_new(const store::content_store& store, store::reference_record record) {
  const auto older = store.find_reference(record.name);
  if (!older || !*older) return false;
  record.indexes = store::nested_indexes(store, record.top);
  return merge(**older, std::move(record)) == **older;
}

/// The record of a name none of whose platforms is complete: what is there can be served, and no clean-up takes it for nobody's. Nothing
/// where it would take the place of something complete. Blocking.
std::optional<store::reference_record> begun_part(const store::content_store& store, const reference& name, const descriptor& top) {
  if (!store.holds(top)) return std::nullopt;
  const auto older = store.find_reference(name);
  if (!older) return std::nullopt;
  if (*older && (*older)->top.digest != top.digest && !(*older)->manifests.empty()) return std::nullopt;
  store::reference_record record;
  record.name = name;
  record.top = top;
  return record;
}

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

void pull_through::remember(const reference& image, const descriptor& top) {
  if (image.digest() && incomplete_.lead_to(image, families_.above(top.digest))) return;
  incomplete_.put(image, top);
}

task<std::optional<descriptor>> pull_through::held_top(reference image) {
  // A name that clients are still fetching has no record yet.
  std::optional<descriptor> asked_before;
  if (const descriptor* known = incomplete_.find(image)) asked_before = *known;
  auto look = [store = store_, image, asked_before]() -> std::optional<descriptor> {
    if (asked_before && store->holds(*asked_before)) return asked_before;
    const auto record = store->find_reference(image);
    if (!record || !*record || !store->holds((*record)->top)) return std::nullopt;
    return (*record)->top;
  };
  co_return co_await offload(shared_.lanes, lane::files, std::move(look));
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
  answer.refused = true;
  if (said_.due(image)) {
    note_(fmt::format("{} did not say which {} is now, answering from the store: {}", registry_, image.familiar(), why.text.message()));
  }
  return answer;
}

task<result<digest>> pull_through::revalidate(reference image, runtime::stop_source& stop) {
  runtime::stop_source limited(stop);
  const runtime::deadline limit(shared_.executor, revalidation_limit, [&limited] { limited.request_stop(); });
  auto now = co_await ask_digest(image, limited);
  if (!now && limit.expired()) {
    co_return failure(errc::timed_out, fmt::format("{} did not say in time whether {} has moved", registry_, image.familiar()));
  }
  co_return now;
}

task<result<upstream_manifest>> pull_through::fetch_document(reference image, runtime::stop_source& stop) {
  auto got = co_await shared_.registry.get_manifest(image, stop);
  if (!got && got.error().code == condition::retryable && got.error().code != errc::rate_limited) {
    const bool slept = co_await runtime::sleep_for(second_try, stop);
    if (slept) got = co_await shared_.registry.get_manifest(image, stop);
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
    if (fetched && !fetched->bytes) remember(image, fetched->top);
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
    if (arriving_.empty()) co_await record_complete();
  }
  co_return fetched;
}

task<result<upstream_manifest>> pull_through::manifest(reference image, runtime::stop_source& stop) {
  std::optional<descriptor> held;
  if (!image.digest()) held = co_await held_top(image);
  if (held) {
    if (clock::now() < offline_until_) co_return upstream_manifest{*held};
    const auto now = co_await revalidate(image, stop);
    if (!now && store_will_do(now.error())) co_return stale(image, *held, now.error());
    if (!now) co_return now.error();
    if (*now == held->digest) {
      if (!families_.knows(held->digest)) co_await learn_held(*held);
      remember(image, *held);
      co_return upstream_manifest{*held};
    }
  }
  auto fetched = co_await fetch_and_record(image, stop);
  if (!fetched && held && store_will_do(fetched.error())) co_return stale(image, *held, fetched.error());
  co_return fetched;
}

task<> pull_through::note_held(reference image, descriptor document) {
  if (incomplete_.find(image) != nullptr) co_return;
  if (!families_.knows(document.digest)) co_await learn_held(document);
  remember(image, document);
  if (incomplete_.find(image) == nullptr) co_return;
  touched_.merge(families_.family_of(document.digest));
  if (arriving_.empty()) co_await record_complete();
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

task<result<std::uint64_t>> pull_through::blob_size(reference image, digest blob, runtime::stop_source& stop) {
  if (const auto running = arriving_.find(blob); running != arriving_.end()) co_return running->second->blob().size;
  if (const std::optional<std::uint64_t> known = families_.size_of(blob)) co_return *known;
  const std::string key = image.with_digest(blob).string();
  if (const auto other = asking_.find(key); other != asking_.end()) {
    const std::shared_ptr<size_question> question = other->second;
    while (!question->told) {
      if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
      co_await question->answered.wait(stop);
    }
    co_return *question->told;
  }
  const auto question = std::make_shared<size_question>();
  asking_.emplace(key, question);
  result<std::uint64_t> told = failure(errc::cancelled, "stopped");
  std::exception_ptr thrown;
  try {
    told = co_await ask_size(image, blob, stop);
  } catch (...) {
    thrown = std::current_exception();
  }
  asking_.erase(key);
  question->told = told;
  question->answered.notify_all();
  if (thrown) std::rethrow_exception(thrown);
  co_return told;
}

task<result<std::uint64_t>> pull_through::ask_size(reference image, digest blob, runtime::stop_source& stop) {
  registry::blob_request first;
  first.range = http::byte_range();
  const auto places = shared_.registry.sites(image, true);
  if (!places) co_return places.error();
  // The registry itself comes last, behind its mirrors.
  auto reply = co_await shared_.registry.get_blob(places->back(), blob, first, stop);
  if (!reply) co_return reply.error();
  const http::response_head& head = reply->head();
  std::optional<std::uint64_t> size;
  if (head.status == 206) {
    const auto part = http::parse_content_range(head.all("Content-Range"));
    if (part) size = part->total;
  } else if (head.framing == http::body_framing::length) {
    size = head.content_length;
  }
  if (!size) {
    co_return failure(errc::protocol_error, fmt::format("{} does not say how large blob {} is", registry_, blob.string()));
  }
  families_.note_size(blob, *size);
  co_return *size;
}

task<result<std::shared_ptr<blob_feed>>> pull_through::blob(reference image, digest blob, runtime::stop_source& stop) {
  if (const auto running = arriving_.find(blob); running != arriving_.end()) co_return running->second->reader();
  const auto size = co_await blob_size(image, blob, stop);
  if (!size) co_return size.error();
  // Somebody may have begun meanwhile.
  if (const auto running = arriving_.find(blob); running != arriving_.end()) co_return running->second->reader();
  descriptor wanted;
  wanted.digest = blob;
  wanted.size = *size;
  auto look = [store = store_, wanted] { return store->holds(wanted); };
  const bool held = co_await offload(shared_.lanes, lane::files, std::move(look));
  if (held) co_return std::shared_ptr<blob_feed>();
  if (stop_.stop_requested()) co_return failure(errc::cancelled, "stopped");
  std::shared_ptr<arriving_blob>& slot = arriving_[blob];
  if (!slot) {
    slot = std::make_shared<arriving_blob>(shared_.lanes, wanted);
    fetches_.spawn(fetch(image, slot));
  }
  co_return slot->reader();
}

task<result<void>> pull_through::bring_into_store(reference image, std::shared_ptr<arriving_blob> blob,
                                                  std::shared_ptr<transfer::operation> running) {
  std::vector<transfer::wanted_blob> list(1, wanted_from(image, blob->blob()));
  const auto target = watch_store(store_, shared_.executor, blob);
  const auto done = co_await transfer::fetch_all(shared_, *running, target, std::move(list));
  if (!done) co_return done.error();
  auto open = [store = store_, what = blob->blob()] { return store->open(what); };
  auto opened = co_await offload(shared_.lanes, lane::files, std::move(open));
  if (!opened) co_return opened.error();
  blob->finished(std::shared_ptr<model::blob_reader>(std::move(*opened)));
  co_return result<void>();
}

task<result<void>> pull_through::bring_past_store(reference image, std::shared_ptr<arriving_blob> blob,
                                                  std::shared_ptr<transfer::operation> running) {
  const auto passing = std::make_shared<passing_target>(jobs::temporary_directory());
  std::vector<transfer::wanted_blob> list(1, wanted_from(image, blob->blob()));
  const auto target = watch_passing(passing, shared_.executor, blob);
  const auto done = co_await transfer::fetch_all(shared_, *running, target, std::move(list));
  if (!done) co_return done.error();
  blob->finished(passing->stored(blob->blob()));
  co_return result<void>();
}

task<result<void>> pull_through::bring(reference image, std::shared_ptr<arriving_blob> blob, std::shared_ptr<transfer::operation> running) {
  auto brought = co_await bring_into_store(image, blob, running);
  if (brought || !cannot_keep(brought.error())) co_return brought;
  note_unwritable(brought.error());
  co_return co_await bring_past_store(image, blob, running);
}

void pull_through::note_unwritable(const failure& why) {
  if (!unwritable_said_.due(why.code.message())) return;
  note_(fmt::format("what is fetched is passed on and not kept: {}", why.text.message()));
}

void pull_through::forget(const std::shared_ptr<arriving_blob>& blob) {
  const auto slot = arriving_.find(blob->blob().digest);
  if (slot != arriving_.end() && slot->second == blob) arriving_.erase(slot);
}

task<> pull_through::fetch(reference image, std::shared_ptr<arriving_blob> blob) {
  std::optional<failure> trouble;
  const quiet_operation mine(stop_);
  const reader_watch watch(shared_.executor, blob, client_absence, [this, blob, running = mine.running()] {
    forget(blob);
    running->request_stop();
  });
  std::shared_ptr<store::lease> lease;
  std::set<digest> family;
  try {
    const auto kept = co_await jobs::keep_all(shared_, *mine.running(), store_);
    if (kept) {
      lease = *kept;
      family = families_.family_of(blob->blob().digest);
      co_await jobs::keep_only(shared_, lease, family);
      const auto brought = co_await bring(image, blob, mine.running());
      if (!brought) trouble = brought.error();
    } else {
      trouble = kept.error();
    }
  } catch (const std::exception& error) {
    trouble = failure(errc::internal_error, std::string("a defect of the engine: ") + error.what());
  }
  if (trouble) {
    if (cannot_keep(*trouble)) {
      note_unwritable(*trouble);
    } else if (trouble->code != errc::cancelled) {
      note_(fmt::format("blob {} was not fetched: {}", blob->blob().digest.string(), trouble->text.message()));
    }
    blob->failed(std::move(*trouble));
  }
  forget(blob);
  // Documents may have come meanwhile that name it.
  if (!trouble) {
    const std::set<digest> grown = families_.family_of(blob->blob().digest);
    touched_.insert(grown.begin(), grown.end());
    begun_.insert(grown.begin(), grown.end());
  }
  if (lease) co_await kept_.keep(std::move(lease), std::move(family));
  if (arriving_.empty() && !stop_.stop_requested()) co_await record_complete();
}

task<> pull_through::learn_held(descriptor top) {
  auto read = [store = store_, top] { return held_documents(*store, top); };
  const auto documents = co_await offload(shared_.lanes, lane::files, std::move(read));
  for (const auto& [entry, document] : documents) families_.learn(document, entry);
}

task<> pull_through::record_complete() {
  std::set<digest> touched = std::exchange(touched_, {});
  std::set<digest> begun = std::exchange(begun_, {});
  auto names = incomplete_.all();
  const auto rest = std::partition(names.begin(), names.end(), [&](const auto& one) { return touched.contains(one.second.digest); });
  // Of documents that came before this server nothing may be known: then it can be any of them.
  if (rest != names.begin()) names.erase(rest, names.end());
  if (names.empty()) co_return;
  struct state {
    std::vector<store::reference_record> records;
    std::vector<std::pair<reference, digest>> whole;
  };
  auto look = [store = store_, begun, names = std::move(names)] {
    state now;
    for (const auto& [name, top] : names) {
      bool whole = false;
      auto record = jobs::complete_part(*store, name, top, whole);
      if (whole) now.whole.emplace_back(name, top.digest);
      if (!record && begun.contains(top.digest)) record = begun_part(*store, name, top);
      // Who puts a record says that the name was pulled just now.
      if (record && !says_nothing_new(*store, *record)) now.records.push_back(std::move(*record));
    }
    return now;
  };
  state now = co_await offload(shared_.lanes, lane::files, std::move(look));
  if (!now.records.empty()) {
    const quiet_operation mine(stop_);
    const result<void> recorded = co_await jobs::record(shared_, *mine.running(), store_, std::move(now.records));
    if (!recorded) {
      if (cannot_keep(recorded.error())) {
        note_unwritable(recorded.error());
      } else if (recorded.error().code != errc::cancelled) {
        note_(recorded.error().text.message());
      }
      touched_.merge(touched);
      begun_.merge(begun);
      co_return;
    }
  }
  for (const auto& [name, top] : now.whole) {
    const descriptor* known = incomplete_.find(name);
    if (known != nullptr && known->digest == top) incomplete_.erase(name);
  }
  // Whatever has its name needs no more.
  std::vector<digest> named;
  for (const auto& [name, top] : now.whole) named.push_back(top);
  co_await kept_.release(std::move(named));
}

task<> pull_through::close() {
  stop_.request_stop();
  co_await fetches_.join();
}

}  // namespace gantry::serve
