#pragma once

#include "http/url.hpp"
#include "runtime/lanes.hpp"
#include "runtime/task.hpp"

#include <gantry/digest.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

namespace gantry::jobs {

using runtime::task;

/// Upload sessions that are open in registries, so that a later run can go on with them. A session's address may be a secret: it lies in
/// files that the user alone can read (0600), and nowhere else. What cannot be read or written is no loss. Used on the strand alone; files
/// on the files lane.
class upload_sessions {
 public:
  /// Smaller blobs are sent again: that is quicker than to ask.
  static constexpr std::uint64_t least_size = std::uint64_t{1} << 20;

  /// \param directory made when the first session is kept. \p workers must outlive it.
  upload_sessions(std::filesystem::path directory, runtime::lanes& workers) : directory_(std::move(directory)), workers_(workers) {}

  /// The session of an earlier run for this blob.
  task<std::optional<http::url>> find(std::string registry, std::string repository, digest blob);
  /// Keeps \p session in place of what was known; nothing forgets it.
  task<> keep(std::string registry, std::string repository, digest blob, std::optional<http::url> session);

  /// Removes the sessions of \p directory that nobody has used for \p age: registries forget them, mostly after a week. \returns how many
  /// there were. Blocking.
  static std::size_t forget(const std::filesystem::path& directory, std::chrono::seconds age, bool look_only);

 private:
  std::filesystem::path directory_;
  runtime::lanes& workers_;
};

}  // namespace gantry::jobs
