#include "serve/family_leases.hpp"

#include "jobs/keep.hpp"
#include "runtime/signal.hpp"

#include <algorithm>
#include <utility>

namespace gantry::serve {
namespace {

/// Each takes a descriptor.
constexpr std::size_t most_kept = 64;

}  // namespace

task<> family_leases::keep(std::shared_ptr<store::lease> lease, std::set<digest> family) {
  if (stop_.stop_requested() || (kept_.size() >= most_kept && !kept_.contains(family))) {
    co_await jobs::keep_no_longer(shared_, std::move(lease));
    co_return;
  }
  const auto [place, fresh] = kept_.try_emplace(family);
  place->second.until = clock::now() + client_pause;
  std::swap(place->second.lease, lease);
  if (fresh) spawned_.spawn(let_go_later(std::move(family)));
  if (lease) co_await jobs::keep_no_longer(shared_, std::move(lease));
}

task<> family_leases::let_go_later(std::set<digest> family) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(kept_.at(family).until - clock::now());
    if (stop_.stop_requested() || left.count() <= 0) break;
    co_await runtime::sleep_for(left, stop_);
  }
  std::shared_ptr<store::lease> lease = std::move(kept_.at(family).lease);
  kept_.erase(family);
  if (lease) co_await jobs::keep_no_longer(shared_, std::move(lease));
}

task<> family_leases::release(std::vector<digest> named) {
  std::vector<std::shared_ptr<store::lease>> ended;
  for (auto& [family, kept] : kept_) {
    const bool whole = std::any_of(named.begin(), named.end(), [&family = family](const digest& one) { return family.contains(one); });
    if (whole && kept.lease) ended.push_back(std::move(kept.lease));
  }
  for (std::shared_ptr<store::lease>& lease : ended) co_await jobs::keep_no_longer(shared_, std::move(lease));
}

}  // namespace gantry::serve
