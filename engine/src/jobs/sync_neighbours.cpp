#include "jobs/sync_neighbours.hpp"

#include "jobs/sync_plan.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"
#include "registry/listing.hpp"
#include "registry/page_trail.hpp"
#include "runtime/task_group.hpp"

#include <algorithm>
#include <functional>
#include <utility>
#include <variant>

namespace gantry::jobs {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t looks_at_once = 8;
// What one look reads at most, so that nobody waits for long; the next one goes on.
constexpr std::size_t most_manifests = 1'000;
constexpr unsigned most_pages = 100;
constexpr unsigned deepest_known_index = 4;  // DESIGN section 6
// Others need time to bring more; and looking takes at most a twentieth of it all.
constexpr std::chrono::seconds shortest_pause{30};
constexpr int pause_factor = 20;
// Smaller layers are sent as quickly as they are looked for.
constexpr std::uint64_t worth_reading = std::uint64_t{1} << 20;

std::uint64_t hash_of(const std::string& text) { return std::hash<std::string>()(text); }

/// One manifest names the same blobs everywhere.
std::uint64_t hash_of(const reference& manifest) { return hash_of(manifest.digest() ? manifest.digest().string() : manifest.string()); }

}  // namespace

sync_neighbours::sync_neighbours(transfer::context& shared, const sync_lock& lock, std::vector<reference> repositories)
    : shared_(shared), lock_(lock) {
  for (const reference& one : repositories) {
    area& where = areas_[one.registry()];
    number_of(where, one);
    where.parts = where.repositories.size();
  }
}

std::uint32_t sync_neighbours::number_of(area& where, const reference& repository) {
  const auto [at, added] = where.numbers.emplace(repository.repository(), static_cast<std::uint32_t>(where.repositories.size()));
  if (added) where.repositories.push_back(repository);
  return at->second;
}

void sync_neighbours::know(const reference& target, const digest& top) { areas_[target.registry()].seen.insert(hash_of(top.string())); }

std::string sync_neighbours::look_up(const area& where, const planned_blob& one) const {
  const std::uint64_t wanted = hash_of(one.blob.digest.string());
  const auto found = std::lower_bound(where.places.begin(), where.places.end(), wanted,
                                      [](const place& here, std::uint64_t value) { return here.blob < value; });
  if (found == where.places.end() || found->blob != wanted) return {};
  const std::string& there = where.repositories[found->repository].repository();
  return there == one.repository ? std::string() : there;
}

std::vector<reference> sync_neighbours::unread(const area& where, const planned_blob& one, const reference& source) const {
  std::vector<reference> first;
  std::vector<reference> others;
  const std::string front = one.registry + "/";
  const std::string own = front + one.repository;
  const std::string relatives = source.empty() ? std::string() : source.name();
  for (auto at = lock_.lower_bound(front); at != lock_.end() && at->first.starts_with(front); ++at) {
    const std::string name = at->first.substr(0, at->first.rfind(':'));
    if (name == own || where.seen.contains(hash_of(at->second.top.digest.string()))) continue;
    const std::string& of = at->second.source;
    const bool related = !relatives.empty() && of.starts_with(relatives) && of.find_first_of(":@", relatives.size()) == relatives.size();
    std::vector<reference>& into = related ? first : others;
    if (into.size() == most_manifests) continue;
    error_code ec;
    const reference repository = reference::parse(name, ec);
    if (!ec) into.push_back(repository.with_tag({}).with_digest(at->second.top.digest));
  }
  first.insert(first.end(), others.begin(), others.end());
  return first;
}

task<std::string> sync_neighbours::find(transfer::operation& running, planned_blob one, reference source) {
  area& where = areas_[one.registry];
  std::string there = look_up(where, one);
  while (there.empty() && where.looking && !running.stop.stop_requested()) {
    co_await looked_.wait(running.stop);
    there = look_up(where, one);
  }
  // Configurations are an image's own: nobody looks for one.
  if (!there.empty() || running.stop.stop_requested() || one.role != blob_role::layer) co_return there;
  const auto now = steady_clock::now();
  round next;
  if (one.blob.size >= worth_reading && now >= where.next_reading) next.locked = unread(where, one, source);
  const bool parts = where.parts != 0 && now >= where.next_look;
  if (next.locked.empty() && !parts) co_return there;
  co_await look(running, where, std::move(next), parts);
  co_return look_up(where, one);
}

task<> sync_neighbours::look(transfer::operation& running, area& where, round now, bool parts) {
  // Also when the frame goes without having been resumed.
  struct turn {
    turn(area& what, runtime::signal& told) : of(what), done(told) { of.looking = true; }
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    ~turn() {
      of.looking = false;
      done.notify_all();
    }
    area& of;
    runtime::signal& done;
  };
  const turn mine(where, looked_);
  const auto began = steady_clock::now();
  {
    runtime::task_group group(shared_.executor);
    const std::size_t workers = std::min(looks_at_once, now.locked.size());
    for (std::size_t i = 0; i < workers; ++i) group.spawn(read_locked(running, where, now));
    co_await group.join();
  }
  if (parts) {
    runtime::task_group group(shared_.executor);
    const std::size_t workers = std::min(looks_at_once, where.parts);
    for (std::size_t i = 0; i < workers; ++i) group.spawn(look_at_repositories(running, where, now));
    co_await group.join();
  }
  where.places.insert(where.places.end(), now.found.begin(), now.found.end());
  const auto before = [](const place& a, const place& b) { return a.blob < b.blob; };
  std::stable_sort(where.places.begin(), where.places.end(), before);
  const auto same = [](const place& a, const place& b) { return a.blob == b.blob; };
  where.places.erase(std::unique(where.places.begin(), where.places.end(), same), where.places.end());
  // Who was stopped may have seen little.
  if (running.stop.stop_requested()) co_return;
  const auto ended = steady_clock::now();
  const steady_clock::duration pause = pause_factor * (ended - began);
  where.next_reading = ended + pause;
  if (parts) where.next_look = ended + std::max<steady_clock::duration>(shortest_pause, pause);
}

task<> sync_neighbours::read_locked(transfer::operation& running, area& where, round& now) {
  while (now.next_locked < now.locked.size() && now.read < most_manifests && !running.stop.stop_requested()) {
    const reference manifest = now.locked[now.next_locked++];
    // Once is enough also for what is not there any more.
    if (!where.seen.insert(hash_of(manifest)).second) continue;
    const std::uint32_t number = number_of(where, manifest.with_digest({}));
    co_await read(running, where, now, manifest, number, 0);
    if (running.stop.stop_requested()) where.seen.erase(hash_of(manifest));
  }
}

task<> sync_neighbours::look_at_repositories(transfer::operation& running, area& where, round& now) {
  while (now.next < where.parts && now.read < most_manifests && !running.stop.stop_requested()) {
    const auto number = static_cast<std::uint32_t>(now.next++);
    const reference repository = where.repositories[number];
    registry::page page;
    registry::page_trail trail;
    for (unsigned pages = 0; pages < most_pages; ++pages) {
      transfer::connection_grant grant = co_await transfer::connection_to(shared_, repository.registry(), running.stop);
      if (!grant) co_return;
      const auto listed =
          co_await registry::list_tags(shared_.registry, repository, page, running.stop, registry::precedence::registry_alone);
      grant.reset();
      if (!listed) break;
      for (const std::string& tag : listed->names) {
        if (tag_subject(tag) || now.read >= most_manifests || running.stop.stop_requested()) continue;
        const reference name = repository.with_tag(tag);
        if (where.seen.contains(hash_of(name))) continue;
        co_await read(running, where, now, name, number, 0);
      }
      // A list that leads back to itself has no more to tell.
      if (!trail.follow(listed->next, listed->names.empty(), repository.name())) break;
      page.next = listed->next;
      page.by = listed->by;
      if (page.next.empty() || now.read >= most_manifests || running.stop.stop_requested()) break;
    }
  }
}

task<> sync_neighbours::read(transfer::operation& running, area& where, round& now, reference manifest, std::uint32_t repository,
                             unsigned depth) {
  ++now.read;
  transfer::connection_grant grant = co_await transfer::connection_to(shared_, manifest.registry(), running.stop);
  if (!grant) co_return;
  const auto got = co_await shared_.registry.get_manifest(manifest, running.stop, registry::precedence::registry_alone);
  grant.reset();
  if (!got) co_return;
  where.seen.insert(hash_of(manifest));
  const auto parsed = model::parse_document(got->bytes, got->top.media_type, manifest.string());
  if (!parsed) co_return;
  if (const auto* const image = std::get_if<model::manifest>(&*parsed)) {
    now.found.push_back({hash_of(image->config.digest.string()), repository});
    for (const descriptor& layer : image->layers) now.found.push_back({hash_of(layer.digest.string()), repository});
    co_return;
  }
  if (depth == deepest_known_index) co_return;
  for (const descriptor& child : std::get<model::index>(*parsed).manifests) {
    const reference inner = where.repositories[repository].with_digest(child.digest);
    if (where.seen.contains(hash_of(inner))) continue;
    co_await read(running, where, now, inner, repository, depth + 1);
  }
}

}  // namespace gantry::jobs
