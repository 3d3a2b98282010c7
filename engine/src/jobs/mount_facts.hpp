#pragma once

#include <gantry/digest.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::jobs {

/// Which repositories of registries have had a blob. Nothing of it is secret, and all of it may be wrong or lost. Bounded: what was used
/// longest ago goes first. Pure.
class mount_facts {
 public:
  /// So many blobs of registries are written and read.
  static constexpr std::size_t limit = 4096;
  /// Of one blob of a registry so many repositories are known: one to mount from, and another for when that is the one it goes to.
  static constexpr std::size_t places = 2;

  /// What \ref write wrote; none of anything else.
  static mount_facts read(std::string_view text);
  std::string write() const;

  bool empty() const noexcept { return blobs_.empty(); }
  /// A repository beside \p repository that has had the blob, the one that was used last; empty when none is known.
  std::string find(const std::string& registry, const digest& blob, const std::string& repository) const;
  /// \p repository has the blob; it is now the one that was used last.
  void know(const std::string& registry, const digest& blob, const std::string& repository);
  void forget(const std::string& registry, const digest& blob, const std::string& repository);
  /// Adds what \p older says; what is known here counts as used after all of it.
  void add_older(mount_facts older);

 private:
  using key = std::pair<std::string, digest>;  // registry, blob
  struct entry {
    std::vector<std::string> repositories;  ///< the one used last first
    std::uint64_t used = 0;                 ///< by the count of uses
  };
  std::vector<std::map<key, entry>::const_iterator> newest_first() const;
  void shrink();

  std::map<key, entry> blobs_;
  std::uint64_t uses_ = 0;
};

}  // namespace gantry::jobs
