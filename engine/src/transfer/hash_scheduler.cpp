#include "transfer/hash_scheduler.hpp"

#include <algorithm>
#include <exception>
#include <string>
#include <thread>
#include <utility>

namespace gantry::transfer {

hash_scheduler::hash_scheduler(runtime::executor where, runtime::lanes& workers, std::size_t workers_at_once)
    : workers_(workers), at_once_(workers_at_once), busy_(std::move(where)) {}

hash_scheduler::hash_scheduler(runtime::executor where, runtime::lanes& workers)
    : hash_scheduler(std::move(where), workers, std::max(1u, std::thread::hardware_concurrency())) {}

bool hash_scheduler::request::refill() {
  if (!pending.empty()) return true;
  const result<std::span<const std::byte>> more = source->next();
  if (more && !more->empty()) {
    pending = *more;
    return true;
  }
  outcome = more ? result<void>() : result<void>(more.error());
  return false;
}

/// Alone to the end; two until one of them has ended, so that a short one never waits for a long one. \returns the bytes that went in
/// pairs.
std::uint64_t hash_scheduler::run(const batch& taken) {
  request& first = *taken.front();
  if (taken.size() == 1) {
    while (first.refill()) first.into->update(std::exchange(first.pending, {}));
    return 0;
  }
  request& second = *taken.back();
  std::uint64_t paired = 0;
  while (first.refill() && second.refill()) {
    const std::size_t both = std::min(first.pending.size(), second.pending.size());
    model::digester::update_pair(*first.into, first.pending.first(both), *second.into, second.pending.first(both));
    first.pending = first.pending.subspan(both);
    second.pending = second.pending.subspan(both);
    paired += 2 * both;
  }
  return paired;
}

task<> hash_scheduler::work(batch taken) {
  auto call = [taken] { return run(taken); };
  std::optional<failure> defect;
  try {
    paired_ += co_await runtime::offload(workers_, runtime::lane::cpu, std::move(call));
  } catch (const std::exception& error) {
    defect = failure(errc::internal_error, std::string("a defect of the engine: ") + error.what());
  }
  for (const std::shared_ptr<request>& one : taken) {
    if (defect) one->outcome = *defect;
    one->finished = one->outcome.has_value();
    if (one->finished) {
      one->done.notify_all();
    } else {
      waiting_.push_front(one);
    }
  }
  --running_;
  start();
}

void hash_scheduler::start() {
  while (running_ < at_once_ && !waiting_.empty()) {
    batch taken;
    while (taken.size() < 2 && !waiting_.empty()) {
      taken.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    ++running_;
    busy_.spawn(work(std::move(taken)));
  }
}

task<result<void>> hash_scheduler::feed(std::shared_ptr<model::digester> into, std::shared_ptr<hash_source> source) {
  const auto mine = std::make_shared<request>();
  mine->into = std::move(into);
  mine->source = std::move(source);
  waiting_.push_back(mine);
  start();
  while (!mine->finished) co_await mine->done.wait();
  co_return *mine->outcome;
}

}  // namespace gantry::transfer
