#pragma once

#include "jobs/push_plan.hpp"
#include "runtime/signal.hpp"
#include "runtime/task.hpp"
#include "transfer/context.hpp"

#include <gantry/digest.hpp>
#include <gantry/reference.hpp>
#include <gantry/sync.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

namespace gantry::jobs {

using runtime::task;

/// Where other parts of a list, which run elsewhere at the same time or ran before, have brought the layers that they share with this one.
/// The target itself is asked: its manifests in the repositories of those parts name what is there. That is done when a layer is about to
/// be uploaded, and again only when much more time has gone by than it took. Of a layer 16 bytes are kept. Used on the strand alone.
class sync_neighbours {
 public:
  /// \param repositories of the other parts
  sync_neighbours(transfer::context& shared, std::vector<reference> repositories);

  /// A repository of the blob's registry that probably has it; empty when none is known. \p running is who wants to know; what cannot be
  /// asked is not known.
  task<std::string> find(transfer::operation& running, planned_blob one);

 private:
  struct place {
    std::uint64_t layer = 0;       ///< hash of its digest
    std::uint32_t repository = 0;  ///< in \ref area::repositories
  };
  /// One registry.
  struct area {
    std::vector<reference> repositories;
    std::vector<place> places;               ///< sorted by layer
    std::unordered_set<std::uint64_t> seen;  ///< hashes of names and manifests that were read
    std::chrono::steady_clock::time_point next_look{};
    bool looking = false;
  };
  /// A look that is under way.
  struct round {
    std::vector<place> found;
    std::size_t next = 0;  ///< repository
    std::size_t read = 0;  ///< manifests
  };
  std::string look_up(const area& where, const digest& layer) const;
  task<> look(transfer::operation& running, area& where);
  task<> look_at_repositories(transfer::operation& running, area& where, round& now);
  task<> read(transfer::operation& running, area& where, round& now, reference manifest, std::uint32_t repository, unsigned depth);

  transfer::context& shared_;
  std::map<std::string, area> areas_;
  runtime::signal looked_;
};

}  // namespace gantry::jobs
