#include "jobs/fan_group.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>
#include <vector>

namespace gantry::jobs {
namespace {

// No connection is held meanwhile.
constexpr std::chrono::seconds longest_gathering{30};

}  // namespace

fan_group::member::member(std::shared_ptr<fan_group> group, std::string registry)
    : group_(std::move(group)), registry_(std::move(registry)) {
  if (group_) ++group_->members_[registry_];
}

fan_group::member::~member() {
  if (!group_) return;
  if (--group_->members_[registry_] == 0) group_->members_.erase(registry_);
  group_->changed_.notify_all();
}

void fan_group::settle(const std::string& registry, const digest& blob) {
  auto& now = meetings_[blob];
  if (!now) now = std::make_shared<meeting>();
  now->settled.insert(registry);
  changed_.notify_all();
}

task<> fan_group::begin(std::shared_ptr<meeting> now, descriptor blob) {
  now->begun = true;
  if (now->waiting.size() > 1) {
    std::vector<std::string> ends;
    for (const std::string& registry : now->waiting) {
      ends.push_back(registry);
      ends.push_back(source_.registry());
    }
    const std::size_t permits = ends.size();
    transfer::connection_grant all = co_await transfer::connections_to(shared_, std::move(ends), permits, running_.stop);
    if (all) {
      now->fan = std::make_shared<transfer::fan_out>(shared_, running_, source_, blob);
      for (const std::string& registry : now->waiting) {
        const std::vector<std::string> mine{registry, source_.registry()};
        now->places.emplace(registry, place{now->fan->add(), all.split(mine, mine.size())});
      }
    }
  }
  now->dealt = true;
  changed_.notify_all();
}

bool fan_group::can_feed_all() const {
  // One target may be the source.
  const std::size_t at_source = members_.size() + members_.count(source_.registry());
  return shared_.jobs >= 2 * members_.size() && shared_.max_per_host >= at_source;
}

task<transfer::connection_grant> fan_group::gather(std::string registry, descriptor blob, std::shared_ptr<transfer::fan_reader> reader) {
  if (!can_feed_all()) co_return transfer::connection_grant();
  late_->erase(registry);
  auto& known = meetings_[blob.digest];
  if (!known) known = std::make_shared<meeting>();
  const std::shared_ptr<meeting> now = known;
  if (now->begun || !now->waiting.insert(registry).second) co_return transfer::connection_grant();
  changed_.notify_all();
  const auto deadline = std::chrono::steady_clock::now() + longest_gathering;
  while (!now->dealt && !running_.stop.stop_requested()) {
    if (now->begun) {
      co_await changed_.wait(running_.stop);
      continue;
    }
    std::set<std::string> missing;
    for (const auto& [other, copies] : members_) {
      if (!now->waiting.contains(other) && !now->settled.contains(other) && !late_->contains(other)) missing.insert(other);
    }
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left.count() <= 0) late_->insert(missing.begin(), missing.end());
    if (missing.empty() || left.count() <= 0 || !can_feed_all()) {
      co_await begin(now, blob);
      break;
    }
    co_await changed_.wait(running_.stop, std::chrono::ceil<std::chrono::milliseconds>(left));
  }
  const auto mine = now->places.find(registry);
  if (mine == now->places.end()) co_return transfer::connection_grant();
  reader->join(now->fan, std::move(mine->second.slot));
  transfer::connection_grant leave = std::move(mine->second.leave);
  now->places.erase(mine);
  // The readers keep it alive.
  if (now->places.empty()) now->fan.reset();
  co_return leave;
}

}  // namespace gantry::jobs
