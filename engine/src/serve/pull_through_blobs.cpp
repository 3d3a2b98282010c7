#include "http/content_range.hpp"
#include "jobs/keep.hpp"
#include "jobs/throwaway_store.hpp"
#include "serve/passing_target.hpp"
#include "serve/pull_through.hpp"
#include "serve/quiet_operation.hpp"
#include "serve/reader_watch.hpp"
#include "transfer/fetcher.hpp"

#include <fmt/format.h>

#include <exception>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

// The part of pull_through that deals with blobs.

namespace gantry::serve {
namespace {

using runtime::lane;
using runtime::offload;

transfer::wanted_blob wanted_from(const reference& image, const descriptor& blob) {
  transfer::wanted_blob wanted;
  wanted.source = image;
  wanted.blob = blob;
  return wanted;
}

}  // namespace

task<result<std::uint64_t>> pull_through::blob_size(reference image, digest blob, runtime::stop_source& stop) {
  if (const auto running = arriving_.find(blob); running != arriving_.end()) co_return running->second->blob().size;
  if (const std::optional<std::uint64_t> known = families_.size_of(blob)) co_return *known;
  std::function<task<result<std::uint64_t>>()> ask = [this, image, blob, &stop] { return ask_size(image, blob, stop); };
  co_return co_await sizes_.get(image.with_digest(blob).string(), std::move(ask), stop);
}

task<result<std::uint64_t>> pull_through::ask_size(reference image, digest blob, runtime::stop_source& stop) {
  registry::blob_request first;
  first.range = http::byte_range();
  const auto places = shared_.registry.sites(image, true);
  if (!places) co_return places.error();
  const transfer::connection_grant grant = co_await transfer::connection_to(shared_, image.registry(), stop);
  if (!grant) co_return failure(errc::cancelled, "stopped");
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
  if (const auto running = arriving_.find(blob); running != arriving_.end()) co_return running->second->reader(image.name());
  const auto size = co_await blob_size(image, blob, stop);
  if (!size) co_return size.error();
  // Somebody may have begun meanwhile.
  if (const auto running = arriving_.find(blob); running != arriving_.end()) co_return running->second->reader(image.name());
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
  co_return slot->reader(image.name());
}

task<result<void>> pull_through::bring_into_store(reference image, std::shared_ptr<arriving_blob> blob, runtime::stop_source& wanted) {
  const quiet_operation mine(wanted);
  std::vector<transfer::wanted_blob> list(1, wanted_from(image, blob->blob()));
  const auto target = watch_store(store_, shared_.executor, blob);
  const auto done = co_await transfer::fetch_all(shared_, *mine.running(), target, std::move(list));
  if (!done) co_return done.error();
  auto open = [store = store_, what = blob->blob()] { return store->open(what); };
  auto opened = co_await offload(shared_.lanes, lane::files, std::move(open));
  if (!opened) co_return opened.error();
  blob->finished(std::shared_ptr<model::blob_reader>(std::move(*opened)));
  co_return result<void>();
}

task<result<void>> pull_through::bring_past_store(reference image, std::shared_ptr<arriving_blob> blob, runtime::stop_source& wanted) {
  const quiet_operation mine(wanted);
  const auto passing = std::make_shared<passing_target>(jobs::temporary_directory());
  std::vector<transfer::wanted_blob> list(1, wanted_from(image, blob->blob()));
  const auto target = watch_passing(passing, shared_.executor, blob);
  const auto done = co_await transfer::fetch_all(shared_, *mine.running(), target, std::move(list));
  if (!done) co_return done.error();
  blob->finished(passing->stored(blob->blob()));
  co_return result<void>();
}

task<result<void>> pull_through::bring(reference image, std::shared_ptr<arriving_blob> blob, runtime::stop_source& wanted) {
  auto brought = co_await bring_into_store(image, blob, wanted);
  if (brought || !cannot_keep(brought.error())) co_return brought;
  note_unwritable(brought.error());
  co_return co_await bring_past_store(image, blob, wanted);
}

void pull_through::forget(const std::shared_ptr<arriving_blob>& blob) {
  const auto slot = arriving_.find(blob->blob().digest);
  if (slot != arriving_.end() && slot->second == blob) arriving_.erase(slot);
}

task<> pull_through::fetch(reference image, std::shared_ptr<arriving_blob> blob) {
  std::optional<failure> trouble;
  // A failure ends the operation that it happens in, and another one may follow: this ends whichever runs.
  runtime::stop_source wanted(stop_);
  const reader_watch watch(shared_.executor, blob, client_absence, [this, blob, &wanted] {
    forget(blob);
    wanted.request_stop();
  });
  std::shared_ptr<store::lease> lease;
  std::set<digest> family;
  try {
    const quiet_operation mine(wanted);
    const auto kept = co_await jobs::keep_all(shared_, *mine.running(), store_);
    if (kept) {
      lease = *kept;
      family = families_.family_of(blob->blob().digest);
      co_await jobs::keep_only(shared_, lease, family);
      const auto brought = co_await bring(image, blob, wanted);
      if (!brought) trouble = brought.error();
    } else {
      trouble = kept.error();
    }
  } catch (const std::exception& error) {
    trouble = failure(errc::internal_error, std::string("a defect of the engine: ") + error.what());
  }
  if (trouble) {
    if (cannot_keep(*trouble)) {
      note_unwritable(*trouble, "what would be fetched can be neither kept nor passed on");
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
    // Many images share a layer, and most of them were only looked at.
    for (const auto& [repository, when] : blob->asked()) {
      begun_.merge(incomplete_.asked_since(when - family_leases::client_pause, repository, grown));
    }
  }
  if (lease) co_await kept_.keep(std::move(lease), std::move(family));
  co_await record_due();
}

}  // namespace gantry::serve
