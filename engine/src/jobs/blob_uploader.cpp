#include "jobs/blob_uploader.hpp"

#include "jobs/upload_attempt.hpp"
#include "jobs/upload_sessions.hpp"
#include "runtime/deadline.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

namespace gantry::jobs {

std::string blob_uploader::likely_repository(const planned_blob& one) const {
  // docker-registry 2.8 confirms a mount of any other algorithm and then does not know the blob.
  if (one.blob.digest.algorithm() != digest_algorithm::sha256) return {};
  std::string guess = ledger_.other_repository(one.registry, one.blob.digest, one.repository);
  if (!options_.kept.mounts || (!guess.empty() && ledger_.has(one.registry, one.blob.digest, guess))) return guess;
  // What the registry itself has shown to an earlier run is worth more than what records of pulls say.
  std::string seen = options_.kept.mounts->find(one.registry, one.blob.digest, one.repository);
  return seen.empty() ? guess : seen;
}

task<result<bool>> blob_uploader::has_blob(const planned_blob& one) {
  auto ask = [this, one] { return registry::has_blob(shared_.registry, one.registry, one.repository, one.blob, running_.stop); };
  const std::string object = "blob " + std::string(one.blob.digest.short_form());
  co_return co_await transfer::with_retry<bool>(shared_, running_, object, ask, one.registry);
}

task<result<bool>> blob_uploader::could_mount(planned_blob one) {
  one.repository = likely_repository(one);
  if (options_.force_upload || one.repository.empty()) co_return false;
  if (ledger_.has(one.registry, one.blob.digest, one.repository)) co_return true;
  const result<bool> there = co_await has_blob(one);
  // It may not be for us to read: then it is no place to mount from.
  if (!there && there.error().code != condition::cancelled) co_return false;
  if (there && *there) ledger_.add(one.registry, one.blob.digest, one.repository, true);
  co_return there;
}

task<registry::blob_upload::target> blob_uploader::target_of(planned_blob one) {
  const digest id = one.blob.digest;
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
  co_return where;
}

task<result<void>> blob_uploader::upload(planned_blob one) {
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
  registry::blob_upload::target where = co_await target_of(one);
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
    transfer::connection_grant grant = feed->leave();
    if (!grant) grant = co_await transfer::connections_to(shared_, ends, permits, running_.stop);
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
  finished(one, where, moving->plan(), had);
  co_return result<void>();
}

void blob_uploader::finished(const planned_blob& one, const registry::blob_upload::target& where, const registry::upload_plan& came,
                             std::uint64_t had) {
  running_.note_answer();
  ledger_.learn(one.registry, came.refusals());
  const bool mounted = came.mounted();
  // Where a session of an earlier run was there, the mount was not tried.
  const bool in_vain = !mounted && !where.mount_from.empty() && !where.resume;
  if (in_vain && options_.kept.mounts) options_.kept.mounts->forget(one.registry, one.blob.digest, where.mount_from);
  if (mounted) {
    ++counts_.blobs_mounted;
  } else {
    ++counts_.blobs_uploaded;
    counts_.bytes_uploaded += one.blob.size - had;
  }
  running_.events.emit(blob_finished{one.blob.digest, one.blob.size, mounted, one.role, mounted});
}

void blob_uploader::stand_aside(const std::string& place, const planned_blob& one) {
  if (ledger_.is_moving(place, one.blob.digest)) feed_->settle(one);
}

task<result<void>> blob_uploader::move_blob(planned_blob one) {
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

task<result<void>> blob_uploader::bring(planned_blob one) {
  bool there = ledger_.has(one.registry, one.blob.digest, one.repository);
  if (!there && !options_.force_upload) {
    const result<bool> found = co_await has_blob(one);
    if (!found) co_return found.error();
    there = *found;
  }
  if (there) {
    ++counts_.blobs_present;
    running_.events.emit(blob_started{one.blob.digest, one.blob.size, 0, one.role});
    running_.events.emit(blob_finished{one.blob.digest, one.blob.size, true, one.role, false});
  } else if (options_.dry_run) {
    // What an image before it would have brought there is mounted when its turn comes.
    const result<bool> mountable = co_await could_mount(one);
    if (!mountable) co_return mountable.error();
    if (*mountable) {
      ++counts_.blobs_mounted;
    } else {
      ++counts_.blobs_uploaded;
      counts_.bytes_uploaded += one.blob.size;
    }
  } else {
    const result<void> moved = co_await upload(one);
    if (!moved) co_return moved.error();
  }
  ledger_.add(one.registry, one.blob.digest, one.repository, true);
  if (options_.kept.mounts && !options_.dry_run) options_.kept.mounts->know(one.registry, one.blob.digest, one.repository);
  co_return result<void>();
}

}  // namespace gantry::jobs
