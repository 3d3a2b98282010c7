#include "jobs/upload_ledger.hpp"

#include <algorithm>

namespace gantry::jobs {

upload_ledger::claim::~claim() {
  if (owner_ == nullptr) return;
  owner_->moving_.erase(what_);
  owner_->changed_.notify_all();
}

task<upload_ledger::claim> upload_ledger::enter(std::string registry, digest blob, runtime::stop_source& stop) {
  std::pair<std::string, digest> what(std::move(registry), std::move(blob));
  while (!stop.stop_requested()) {
    if (moving_.insert(what).second) co_return claim(*this, std::move(what));
    co_await changed_.wait(stop);
  }
  co_return claim();
}

void upload_ledger::add(const std::string& registry, const digest& blob, const std::string& repository, bool sure) {
  auto& places = places_[{registry, blob}];
  const auto known = std::ranges::find(places, repository, &place::repository);
  if (known == places.end()) {
    places.push_back({repository, sure});
  } else {
    known->sure = known->sure || sure;
  }
}

void upload_ledger::add(const std::string& registry, const mount_hints& hints) {
  for (const auto& [blob, repositories] : hints) {
    for (const std::string& repository : repositories) add(registry, blob, repository, false);
  }
}

bool upload_ledger::has(const std::string& registry, const digest& blob, const std::string& repository) const {
  const auto known = places_.find({registry, blob});
  if (known == places_.end()) return false;
  return std::any_of(known->second.begin(), known->second.end(),
                     [&](const place& one) { return one.sure && one.repository == repository; });
}

bool upload_ledger::has_anywhere(const std::string& registry, const digest& blob) const {
  const auto known = places_.find({registry, blob});
  return known != places_.end() && std::any_of(known->second.begin(), known->second.end(), [](const place& one) { return one.sure; });
}

std::string upload_ledger::other_repository(const std::string& registry, const digest& blob, const std::string& repository) const {
  const auto known = places_.find({registry, blob});
  if (known == places_.end()) return {};
  const place* best = nullptr;
  for (const place& one : known->second) {
    if (one.repository != repository && (best == nullptr || (one.sure && !best->sure))) best = &one;
  }
  return best == nullptr ? std::string() : best->repository;
}

}  // namespace gantry::jobs
