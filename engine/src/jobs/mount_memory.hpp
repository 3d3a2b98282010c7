#pragma once

#include "jobs/mount_facts.hpp"
#include "runtime/lanes.hpp"
#include "runtime/task.hpp"

#include <gantry/digest.hpp>

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>

namespace gantry::jobs {

using runtime::task;

class upload_sessions;

/// What earlier runs saw of repositories that blobs can be mounted from, and what this one sees, for later ones. It lies in a file that
/// the user alone can read (0600); what cannot be read is not known, what cannot be written is no loss. Used on the strand alone; the file
/// on the files lane.
class mount_memory {
 public:
  /// \param file `state/mounts.json` of a store; written only where the store is. \p workers must outlive it.
  mount_memory(std::filesystem::path file, runtime::lanes& workers) : file_(std::move(file)), workers_(workers) {}

  /// Reads the file, the first time.
  task<> load();
  /// Writes what was learnt since, over what others have written meanwhile.
  task<> save();

  /// Another repository that probably has the blob; empty when none is known.
  std::string find(const std::string& registry, const digest& blob, const std::string& repository) const {
    return known_.find(registry, blob, repository);
  }
  /// The registry has shown that \p repository has the blob.
  void know(const std::string& registry, const digest& blob, const std::string& repository);
  /// A mount from \p repository did not come about.
  void forget(const std::string& registry, const digest& blob, const std::string& repository);

  /// Removes the file of a store. \returns whether there was one. Blocking.
  static bool remove(const std::filesystem::path& root);
  static std::filesystem::path file_in(const std::filesystem::path& root) { return root / "state" / "mounts.json"; }

 private:
  std::filesystem::path file_;
  runtime::lanes& workers_;
  mount_facts known_;
  mount_facts learnt_;                                            ///< since the last save
  std::set<std::tuple<std::string, digest, std::string>> wrong_;  ///< the same: registry, blob, repository
  bool loaded_ = false;
};

/// What uploads leave for those of later runs; either may be none.
struct upload_state {
  std::shared_ptr<upload_sessions> sessions{};  ///< of other runs; none: uploads begin anew
  std::shared_ptr<mount_memory> mounts{};       ///< none: what other runs sent is not known
};

}  // namespace gantry::jobs
