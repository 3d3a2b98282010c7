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
constexpr unsigned deepest_index = 4;  // DESIGN section 6
// Others need time to bring more; and looking takes at most a twentieth of it all.
constexpr std::chrono::seconds shortest_pause{30};
constexpr int pause_factor = 20;

std::uint64_t hash_of(const std::string& text) { return std::hash<std::string>()(text); }

}  // namespace

sync_neighbours::sync_neighbours(transfer::context& shared, std::vector<reference> repositories) : shared_(shared) {
  for (reference& one : repositories) {
    area& where = areas_[one.registry()];
    where.repositories.push_back(std::move(one));
  }
}

std::string sync_neighbours::look_up(const area& where, const digest& layer) const {
  const std::uint64_t wanted = hash_of(layer.string());
  const auto found = std::lower_bound(where.places.begin(), where.places.end(), wanted,
                                      [](const place& one, std::uint64_t value) { return one.layer < value; });
  if (found == where.places.end() || found->layer != wanted) return {};
  return where.repositories[found->repository].repository();
}

task<std::string> sync_neighbours::find(transfer::operation& running, planned_blob one) {
  const auto known = areas_.find(one.registry);
  // Configurations are an image's own.
  if (known == areas_.end() || one.role != blob_role::layer) co_return std::string();
  area& where = known->second;
  std::string there = look_up(where, one.blob.digest);
  while (there.empty() && where.looking && !running.stop.stop_requested()) {
    co_await looked_.wait(running.stop);
    there = look_up(where, one.blob.digest);
  }
  if (!there.empty() || running.stop.stop_requested() || steady_clock::now() < where.next_look) co_return there;
  co_await look(running, where);
  co_return look_up(where, one.blob.digest);
}

task<> sync_neighbours::look(transfer::operation& running, area& where) {
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
  round now;
  runtime::task_group group(shared_.executor);
  const std::size_t workers = std::min(looks_at_once, where.repositories.size());
  for (std::size_t i = 0; i < workers; ++i) group.spawn(look_at_repositories(running, where, now));
  co_await group.join();
  where.places.insert(where.places.end(), now.found.begin(), now.found.end());
  const auto before = [](const place& a, const place& b) { return a.layer < b.layer; };
  std::stable_sort(where.places.begin(), where.places.end(), before);
  const auto same = [](const place& a, const place& b) { return a.layer == b.layer; };
  where.places.erase(std::unique(where.places.begin(), where.places.end(), same), where.places.end());
  // Who was stopped may have seen little.
  if (running.stop.stop_requested()) co_return;
  const auto ended = steady_clock::now();
  where.next_look = ended + std::max<steady_clock::duration>(shortest_pause, pause_factor * (ended - began));
}

task<> sync_neighbours::look_at_repositories(transfer::operation& running, area& where, round& now) {
  while (now.next < where.repositories.size() && now.read < most_manifests && !running.stop.stop_requested()) {
    const auto number = static_cast<std::uint32_t>(now.next++);
    const reference repository = where.repositories[number];
    registry::page page;
    registry::page_trail trail;
    for (unsigned pages = 0; pages < most_pages; ++pages) {
      runtime::semaphore::permit permit = co_await shared_.connections.acquire(1, running.stop);
      if (!permit) co_return;
      const auto listed =
          co_await registry::list_tags(shared_.registry, repository, page, running.stop, registry::precedence::registry_alone);
      permit.reset();
      if (!listed) break;
      for (const std::string& tag : listed->names) {
        if (tag_subject(tag) || now.read >= most_manifests || running.stop.stop_requested()) continue;
        const reference name = repository.with_tag(tag);
        if (where.seen.contains(hash_of(name.string()))) continue;
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
  runtime::semaphore::permit permit = co_await shared_.connections.acquire(1, running.stop);
  if (!permit) co_return;
  const auto got = co_await shared_.registry.get_manifest(manifest, running.stop, registry::precedence::registry_alone);
  permit.reset();
  if (!got) co_return;
  where.seen.insert(hash_of(manifest.string()));
  const auto parsed = model::parse_document(got->bytes, got->top.media_type, manifest.string());
  if (!parsed) co_return;
  if (const auto* const image = std::get_if<model::manifest>(&*parsed)) {
    for (const descriptor& layer : image->layers) now.found.push_back({hash_of(layer.digest.string()), repository});
    co_return;
  }
  if (depth == deepest_index) co_return;
  for (const descriptor& child : std::get<model::index>(*parsed).manifests) {
    const reference inner = where.repositories[repository].with_digest(child.digest);
    if (where.seen.contains(hash_of(inner.string()))) continue;
    co_await read(running, where, now, inner, repository, depth + 1);
  }
}

}  // namespace gantry::jobs
