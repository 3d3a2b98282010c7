#include "jobs/fan_group.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

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

void fan_group::begin(meeting& now, const descriptor& blob) {
  now.begun = true;
  if (now.waiting.size() > 1) {
    now.fan = std::make_shared<transfer::fan_out>(shared_, running_, source_, blob);
    for (const std::string& registry : now.waiting) now.slots[registry] = now.fan->add();
  }
  changed_.notify_all();
}

bool fan_group::can_feed_all() const {
  // Where the source bounds how much goes on at once, copies of other blobs may hold the turns that the rest of a group waits for.
  const std::size_t under_way = shared_.jobs / 2;
  const std::size_t at_source = under_way * (1 + members_.count(source_.registry()));
  return shared_.jobs >= 2 * members_.size() && shared_.max_per_host >= at_source;
}

task<> fan_group::gather(std::string registry, descriptor blob, std::shared_ptr<transfer::fan_reader> reader) {
  if (!can_feed_all()) co_return;
  late_->erase(registry);
  auto& known = meetings_[blob.digest];
  if (!known) known = std::make_shared<meeting>();
  const std::shared_ptr<meeting> now = known;
  if (now->begun || !now->waiting.insert(registry).second) co_return;
  changed_.notify_all();
  const auto deadline = std::chrono::steady_clock::now() + longest_gathering;
  while (!now->begun && !running_.stop.stop_requested()) {
    std::set<std::string> missing;
    for (const auto& [other, copies] : members_) {
      if (!now->waiting.contains(other) && !now->settled.contains(other) && !late_->contains(other)) missing.insert(other);
    }
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left.count() <= 0) late_->insert(missing.begin(), missing.end());
    if (missing.empty() || left.count() <= 0 || !can_feed_all()) {
      begin(*now, blob);
      break;
    }
    co_await changed_.wait(running_.stop, std::chrono::ceil<std::chrono::milliseconds>(left));
  }
  const auto place = now->slots.find(registry);
  if (place == now->slots.end()) co_return;
  reader->join(now->fan, std::move(place->second));
  now->slots.erase(place);
  // The readers keep it alive.
  if (now->slots.empty()) now->fan.reset();
}

}  // namespace gantry::jobs
