#pragma once

#include "runtime/signal.hpp"
#include "runtime/stop.hpp"
#include "runtime/task.hpp"
#include "transfer/context.hpp"

#include <gantry/reference.hpp>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace gantry::jobs {

using runtime::task;

/// What one run has learnt on the way to what refers to images, so that no question is asked twice: which registries have no referrers API,
/// and which tags there are. Used on the strand alone; outlives what uses it.
class referrer_facts {
 public:
  /// The first question to the API of a registry: while it lives, others wait for what the answer shows.
  class question {
   public:
    question() = default;
    question(referrer_facts& owner, std::string registry) : owner_(&owner), registry_(std::move(registry)) {}
    question(question&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), registry_(std::move(other.registry_)) {}
    question& operator=(question&&) = delete;
    ~question();

   private:
    referrer_facts* owner_ = nullptr;
    std::string registry_;
  };
  /// To be held while the API of \p registry is asked; empty for all but the first.
  task<question> enter(std::string registry, runtime::stop_source& stop);
  bool lacks_api(const std::string& registry) const { return without_api_.contains(registry); }
  void note_lack(const std::string& registry) { without_api_.insert(registry); }

  /// Learns the tags of the repository of \p source, once. A list that is refused, or is longer than what it saves, tells nothing.
  task<> list(transfer::context& shared, transfer::operation& running, reference source);

  /// Whether the repository is known to be without the tag of \p name.
  bool lacks_tag(const reference& name) const;

 private:
  using tags = std::optional<std::set<std::string>>;

  std::set<std::string> asked_;   ///< registries
  std::set<std::string> asking_;  ///< registries that were not asked before, and repositories
  std::set<std::string> without_api_;
  std::map<std::string, tags> tags_;  ///< by repository; nothing: not known, and not to be asked again
  runtime::signal told_;
};

}  // namespace gantry::jobs
