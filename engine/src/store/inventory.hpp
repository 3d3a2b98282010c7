#pragma once

#include "base/failure.hpp"
#include "store/paths.hpp"

#include <gantry/digest.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace gantry::store {

using file_time = std::chrono::system_clock::time_point;

/// A file or directory of the store as it was found.
struct stored_file {
  std::filesystem::path path;
  std::uint64_t size = 0;   ///< bytes; of a directory, those of the files in it
  file_time modified{};     ///< of a directory, the latest of what is in it
  bool linked = false;      ///< has another name elsewhere too: removing it frees nothing
  gantry::digest digest{};  ///< of what the name speaks of; empty when it speaks of none
  bool abandoned = false;   ///< cannot be resumed, and whoever wrote it is no more; told of partial data by view_of alone

  friend bool operator==(const stored_file&, const stored_file&) = default;
};

/// What lies in a store, references apart.
struct inventory {
  std::vector<stored_file> blobs;        ///< names that are no digests are left out: they are not ours
  std::vector<stored_file> partial;      ///< blobs on their way, one entry an ingest
  std::vector<stored_file> meta;         ///< derived facts
  std::vector<stored_file> quarantined;  ///< what did not hash to its name
  std::vector<stored_file> temporary;    ///< files that were never given their name

  friend bool operator==(const inventory&, const inventory&) = default;
};

/// Looks at everything; what vanishes meanwhile is left out. Blocking.
result<inventory> take_inventory(const paths& where);

/// When the content of a file was last written; nothing when it is not there.
std::optional<file_time> modified_at(const std::filesystem::path& path) noexcept;

/// The bytes of all.
std::uint64_t total_size(const std::vector<stored_file>& files) noexcept;

}  // namespace gantry::store
