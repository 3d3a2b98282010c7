#include "jobs/early_facts.hpp"

#include "jobs/synology.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace gantry::jobs {
namespace {

using runtime::lane;
using runtime::offload;
using runtime::task;

/// While blobs arrive one core is left to hashing, without which nothing more would.
unsigned beside_hashing() { return std::max(2U, std::thread::hardware_concurrency()) - 1; }

}  // namespace

early_facts::early_facts(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                         std::shared_ptr<store::content_store> store, std::vector<archive::archived_image> images)
    : shared_(shared),
      running_(std::move(running)),
      store_(std::move(store)),
      images_(std::move(images)),
      at_once_(beside_hashing()),
      group_(shared.executor) {}

void early_facts::arrived(const digest& blob) {
  held_.insert(blob);
  inflate(blob);
  for (const archive::archived_image& image : images_) {
    const bool configures = std::any_of(image.manifests.begin(), image.manifests.end(),
                                        [&](const archive::archived_manifest& one) { return one.config && one.config->digest == blob; });
    if (configures) group_.spawn(read_config(image));
  }
}

task<> early_facts::join() {
  at_once_ = std::max(at_once_, layers_at_once);
  take_on();
  co_await group_.join();
}

task<> early_facts::read_config(archive::archived_image image) {
  auto read = [store = store_, one = std::move(image)] { return claims_of(*store, one); };
  const result<std::vector<layer_claim>> claims = co_await offload(shared_.lanes, lane::files, std::move(read));
  if (!claims) co_return;
  for (const layer_claim& claim : *claims) {
    claims_.emplace(claim.layer.digest, claim);
    inflate(claim.layer.digest);
  }
}

void early_facts::inflate(const digest& layer) {
  const auto claim = claims_.find(layer);
  if (claim == claims_.end() || !held_.contains(layer) || !begun_.insert(layer).second) return;
  queue_.push_back(claim->second);
  take_on();
}

void early_facts::take_on() {
  for (std::size_t waiting = queue_.size(); waiting > 0 && active_ < at_once_; --waiting) {
    ++active_;
    group_.spawn(take_turns());
  }
}

task<> early_facts::take_turns() {
  while (!queue_.empty() && !running_->stop.stop_requested()) {
    const layer_claim claim = std::move(queue_.front());
    queue_.pop_front();
    auto learn = [store = store_, claim, running = running_] { return learn_layer(*store, claim, running->stop_flag()); };
    const result<store::blob_meta> learnt = co_await offload(shared_.lanes, lane::cpu, std::move(learn));
    if (learnt) facts_.emplace(claim.layer.digest, *learnt);
  }
  --active_;
}

}  // namespace gantry::jobs
