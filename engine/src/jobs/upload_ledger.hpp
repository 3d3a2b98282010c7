#pragma once

#include "jobs/push_plan.hpp"
#include "registry/upload_plan.hpp"
#include "runtime/signal.hpp"
#include "runtime/stop.hpp"
#include "runtime/task.hpp"

#include <gantry/digest.hpp>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace gantry::jobs {

using runtime::task;

/// What is known of the registries that uploads go to, shared by all that run at once: which repositories have a blob, which blobs are on
/// their way, so that one goes into a registry once and is mounted from there, and which ways of sending are refused there. Used on the
/// strand alone; outlives what uses it.
class upload_ledger {
 public:
  /// While it lives nobody else moves the blob into that registry.
  class claim {
   public:
    claim() = default;
    claim(upload_ledger& owner, std::pair<std::string, digest> what) : owner_(&owner), what_(std::move(what)) {}
    claim(claim&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), what_(std::move(other.what_)) {}
    claim& operator=(claim&&) = delete;
    ~claim();
    explicit operator bool() const noexcept { return owner_ != nullptr; }

   private:
    upload_ledger* owner_ = nullptr;
    std::pair<std::string, digest> what_;
  };

  /// Waits until nobody else moves this blob to \p registry. Empty when \p stop came first.
  task<claim> enter(std::string registry, digest blob, runtime::stop_source& stop);

  /// Whether \ref enter would wait.
  bool is_moving(const std::string& registry, const digest& blob) const { return moving_.contains({registry, blob}); }

  /// \p sure: it was seen there; else somebody believes so.
  void add(const std::string& registry, const digest& blob, const std::string& repository, bool sure);
  void add(const std::string& registry, const mount_hints& hints);
  bool has(const std::string& registry, const digest& blob, const std::string& repository) const;
  /// Whether some repository of \p registry was seen to have the blob.
  bool has_anywhere(const std::string& registry, const digest& blob) const;
  /// Another repository that probably has the blob; empty when none is known.
  std::string other_repository(const std::string& registry, const digest& blob, const std::string& repository) const;

  /// What blobs have met there; those that go at once may meet it once each.
  const registry::upload_refusals& refusals(const std::string& registry) { return refusals_[registry]; }
  void learn(const std::string& registry, const registry::upload_refusals& met) { refusals_[registry].add(met); }

 private:
  struct place {
    std::string repository;
    bool sure = false;
  };
  std::map<std::pair<std::string, digest>, std::vector<place>> places_;
  std::set<std::pair<std::string, digest>> moving_;
  std::map<std::string, registry::upload_refusals> refusals_;
  runtime::signal changed_;
};

}  // namespace gantry::jobs
