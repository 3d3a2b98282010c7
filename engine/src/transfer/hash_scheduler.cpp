#include "transfer/hash_scheduler.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace gantry::transfer {
namespace {

/// Two streams side by side keep one core as busy as two workers with a stream each keep two: where pairs gain, half the cores hash, so
/// that those who wait find each other, and the rest is left to the network.
std::size_t usual_workers() {
  const std::size_t cores = std::max(1u, std::thread::hardware_concurrency());
  return model::digester::gains_from_pairs(digest_algorithm::sha256) ? (cores + 1) / 2 : cores;
}

}  // namespace

hash_scheduler::hash_scheduler(runtime::executor where, runtime::lanes& workers, std::size_t workers_at_once)
    : queue_(std::move(where), workers, runtime::lane::cpu, workers_at_once, 2, &hash_scheduler::run) {}

hash_scheduler::hash_scheduler(runtime::executor where, runtime::lanes& workers)
    : hash_scheduler(std::move(where), workers, usual_workers()) {}

bool hash_scheduler::request::refill() {
  if (!pending.empty()) return true;
  const result<std::span<const std::byte>> more = source->next();
  if (!more) error = more.error();
  complete = !more || more->empty();
  if (!complete) pending = *more;
  return !complete;
}

/// Alone to the end; two until one of them has ended, so that a short one never waits for a long one.
void hash_scheduler::run(const requests::batch& taken) {
  request& first = *taken.front();
  if (taken.size() == 1) {
    while (first.refill()) first.into->update(std::exchange(first.pending, {}));
    return;
  }
  request& second = *taken.back();
  while (first.refill() && second.refill()) {
    const std::size_t both = std::min(first.pending.size(), second.pending.size());
    model::digester::update_pair(*first.into, first.pending.first(both), *second.into, second.pending.first(both));
    first.pending = first.pending.subspan(both);
    second.pending = second.pending.subspan(both);
    first.paired += both;
    second.paired += both;
  }
}

task<result<void>> hash_scheduler::feed(std::shared_ptr<model::digester> into, std::shared_ptr<hash_source> source) {
  const auto mine = std::make_shared<request>();
  mine->into = std::move(into);
  mine->source = std::move(source);
  co_await queue_.process(mine);
  paired_ += mine->paired;
  if (mine->error) co_return *mine->error;
  co_return result<void>();
}

}  // namespace gantry::transfer
