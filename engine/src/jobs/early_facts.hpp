#pragma once

#include "archive/layout.hpp"
#include "jobs/layer_facts.hpp"
#include "runtime/task_group.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"

#include <gantry/descriptor.hpp>

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

namespace gantry::jobs {

/// Inflates layers while others are still on their way, so that meta/ knows what they come to when everything is here (DESIGN section 5).
/// A gain of time only: what goes wrong is left to learn_layers, which finds it again and reports it. Used on the strand.
class early_facts {
 public:
  early_facts(transfer::context& shared, std::shared_ptr<transfer::operation> running, std::shared_ptr<store::content_store> store,
              std::vector<archive::archived_image> images);

  /// \p blob, a configuration, a layer or anything else, is in the store. \ref join must be awaited then.
  void arrived(const digest& blob);

  /// Waits until all that arrived is known; soon when the operation is stopped. Nothing more arrives.
  runtime::task<> join();

  /// What was learnt, for when meta/ could not be written. After \ref join.
  layer_facts take() { return std::move(facts_); }

 private:
  runtime::task<> read_config(archive::archived_image image);
  /// Inflates \p layer once it is both here and claimed.
  void inflate(const digest& layer);
  /// Puts more workers to what is queued, up to the limit.
  void take_on();
  runtime::task<> take_turns();

  transfer::context& shared_;
  std::shared_ptr<transfer::operation> running_;
  std::shared_ptr<store::content_store> store_;
  std::vector<archive::archived_image> images_;
  std::map<digest, layer_claim> claims_;  ///< by layer, of the configurations that are here
  std::set<digest> held_;                 ///< all that arrived
  std::set<digest> begun_;                ///< layers that were queued
  std::deque<layer_claim> queue_;
  layer_facts facts_;
  unsigned at_once_;
  unsigned active_ = 0;
  runtime::task_group group_;
};

}  // namespace gantry::jobs
