#pragma once

#include "runtime/signal.hpp"
#include "transfer/context.hpp"
#include "transfer/fan_out.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/reference.hpp>

#include <map>
#include <memory>
#include <set>
#include <string>

namespace gantry::jobs {

using runtime::task;

/// The copies of one image to several registries: they go through its blobs in the same order and wait for each other at each, so that one
/// read feeds those that lack it. Nobody waits for long: a registry that does not come is gone on without. Leave for all of them is taken
/// at once: of two groups that each had some of their members under way, neither would go on. Used on the strand alone.
class fan_group : public std::enable_shared_from_this<fan_group> {
 public:
  /// Registries that were waited for in vain, and have not come since; shared by the groups of one run.
  using late_registries = std::shared_ptr<std::set<std::string>>;

  /// \p shared and \p running must outlive it.
  fan_group(transfer::context& shared, transfer::operation& running, reference source, late_registries late)
      : shared_(shared), running_(running), source_(std::move(source)), late_(std::move(late)) {}

  /// A copy to one of the registries is under way as long as this lives.
  class member {
   public:
    member() = default;
    member(std::shared_ptr<fan_group> group, std::string registry);
    member(member&& other) noexcept : group_(std::move(other.group_)), registry_(std::move(other.registry_)) {}
    member& operator=(member&&) = delete;
    ~member();

   private:
    std::shared_ptr<fan_group> group_;
    std::string registry_;
  };

  /// Waits until each registry of the group has said whether it wants \p blob too, and all that do may be under way, then joins \p reader
  /// to them. \returns leave to send to \p registry while it is read from the source; empty when \p reader reads for itself
  task<transfer::connection_grant> gather(std::string registry, descriptor blob, std::shared_ptr<transfer::fan_reader> reader);
  /// \p registry has \p blob, or will not have it.
  void settle(const std::string& registry, const digest& blob);

 private:
  /// Of one registry in a fan.
  struct place {
    std::shared_ptr<transfer::fan_out::slot> slot;
    transfer::connection_grant leave;
  };
  struct meeting {
    std::set<std::string> waiting;
    std::set<std::string> settled;
    bool begun = false;  ///< nobody else may come
    bool dealt = false;  ///< who takes part has a place
    std::shared_ptr<transfer::fan_out> fan;
    std::map<std::string, place> places;
  };
  /// Waits for leave for all who have come, and gives them their places.
  task<> begin(std::shared_ptr<meeting> now, descriptor blob);
  /// Whether all could be connected at once, each to the source and to where it sends.
  bool can_feed_all() const;

  transfer::context& shared_;
  transfer::operation& running_;
  reference source_;
  std::map<std::string, unsigned> members_;
  late_registries late_;
  std::map<digest, std::shared_ptr<meeting>> meetings_;
  runtime::signal changed_;
};

}  // namespace gantry::jobs
