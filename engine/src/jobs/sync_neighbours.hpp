#pragma once

#include "jobs/push_plan.hpp"
#include "jobs/sync_lock.hpp"
#include "runtime/signal.hpp"
#include "runtime/task.hpp"
#include "transfer/context.hpp"

#include <gantry/digest.hpp>
#include <gantry/reference.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

namespace gantry::jobs {

using runtime::task;

/// Where layers of a list that it has not brought itself in this run are in its targets: with images that are unchanged, and in
/// repositories of other parts of the list, which run elsewhere at the same time or ran before. The target itself is asked: its manifests
/// name what is there, those of unchanged images by the digests that the lock knows. That is done when a layer is about to be uploaded and
/// never else, and again only when much more time has gone by than it took. Of a layer 16 bytes are kept. Used on the strand alone.
class sync_neighbours {
 public:
  /// \param lock must outlive it; it may change between calls
  /// \param repositories of the other parts
  sync_neighbours(transfer::context& shared, const sync_lock& lock, std::vector<reference> repositories);

  /// A repository of the blob's registry that probably has it; empty when none is known. \p running is who wants to know; what cannot be
  /// asked is not known. \param source what the blob is of: images of the same repository are looked at first
  task<std::string> find(transfer::operation& running, planned_blob one, reference source);

  /// \p target was brought \p top in this run, whose blobs are known: it is not looked at.
  void know(const reference& target, const digest& top);

 private:
  struct place {
    std::uint64_t blob = 0;        ///< hash of its digest
    std::uint32_t repository = 0;  ///< in \ref area::repositories
  };
  /// One registry.
  struct area {
    std::vector<reference> repositories;                   ///< those of other parts come first
    std::map<std::string, std::uint32_t> numbers;          ///< in \ref repositories
    std::size_t parts = 0;                                 ///< how many are of other parts
    std::vector<place> places;                             ///< sorted by blob
    std::unordered_set<std::uint64_t> seen;                ///< hashes of names and manifests that were read
    std::chrono::steady_clock::time_point next_look{};     ///< at other parts
    std::chrono::steady_clock::time_point next_reading{};  ///< of what the lock knows
    bool looking = false;
  };
  /// A look that is under way.
  struct round {
    std::vector<place> found;
    std::vector<reference> locked;  ///< manifests by digest
    std::size_t next_locked = 0;
    std::size_t next = 0;  ///< repository
    std::size_t read = 0;  ///< manifests
  };
  static std::uint32_t number_of(area& where, const reference& repository);
  std::string look_up(const area& where, const planned_blob& one) const;
  /// What the lock knows of other repositories and was not read, the most promising first.
  std::vector<reference> unread(const area& where, const planned_blob& one, const reference& source) const;
  task<> look(transfer::operation& running, area& where, round now, bool parts);
  task<> read_locked(transfer::operation& running, area& where, round& now);
  task<> look_at_repositories(transfer::operation& running, area& where, round& now);
  task<> read(transfer::operation& running, area& where, round& now, reference manifest, std::uint32_t repository, unsigned depth);

  transfer::context& shared_;
  const sync_lock& lock_;
  std::map<std::string, area> areas_;
  runtime::signal looked_;
};

}  // namespace gantry::jobs
