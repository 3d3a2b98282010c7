#include "jobs/referrer_facts.hpp"

#include "registry/listing.hpp"

#include <cstddef>
#include <utility>

namespace gantry::jobs {
namespace {

// A list of more is read for longer than the guesses take.
constexpr std::size_t listed_pages = 4;

/// The tags that the registry itself lists.
task<result<std::optional<std::set<std::string>>>> tags_of(transfer::context& shared, transfer::operation& running, reference source) {
  const std::string what = "tags of " + source.familiar_name();
  std::set<std::string> all;
  registry::page before;
  for (std::size_t pages = 0; pages < listed_pages; ++pages) {
    auto ask = [&shared, &running, &before, source] { return registry::list_tags(shared.registry, source, before, running.stop); };
    auto got = co_await transfer::with_retry<registry::page>(shared, running, what, ask, source.registry());
    if (!got) co_return got.error();
    // A mirror lists what it has, and cannot say so.
    if (got->by && got->by->how.is_mirror) break;
    for (std::string& name : got->names) all.insert(std::move(name));
    if (got->next.empty()) co_return std::optional(std::move(all));
    got->names.clear();
    before = std::move(*got);
  }
  co_return std::optional<std::set<std::string>>();
}

}  // namespace

referrer_facts::question::~question() {
  if (owner_ == nullptr) return;
  owner_->asking_.erase(registry_);
  owner_->told_.notify_all();
}

task<referrer_facts::question> referrer_facts::enter(std::string registry, runtime::stop_source& stop) {
  while (asking_.contains(registry) && !stop.stop_requested()) co_await told_.wait(stop);
  if (!asked_.insert(registry).second) co_return question();
  asking_.insert(registry);
  co_return question(*this, std::move(registry));
}

task<> referrer_facts::list(transfer::context& shared, transfer::operation& running, reference source) {
  const std::string name = source.name();
  while (asking_.contains(name)) {
    co_await told_.wait(running.stop);
    if (running.stop.stop_requested()) co_return;
  }
  if (tags_.contains(name)) co_return;
  asking_.insert(name);
  auto found = co_await tags_of(shared, running, std::move(source));
  asking_.erase(name);
  if (found) {
    tags_.emplace(name, std::move(*found));
  } else if (!running.stop.stop_requested()) {
    tags_.emplace(name, tags());
  }
  told_.notify_all();
}

bool referrer_facts::lacks_tag(const reference& name) const {
  const auto known = tags_.find(name.name());
  return known != tags_.end() && known->second && !known->second->contains(name.tag());
}

}  // namespace gantry::jobs
