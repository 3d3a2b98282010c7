#pragma once

#include <gantry/diagnostics.hpp>
#include <gantry/error.hpp>
#include <gantry/network.hpp>
#include <gantry/platform.hpp>
#include <gantry/push.hpp>
#include <gantry/reference.hpp>
#include <gantry/tag_filter.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry {

/// One entry of a list of images, what its list says for all filled in.
struct sync_entry {
  std::size_t number = 0;  ///< in its list, from 1
  std::size_t line = 0;    ///< where it begins, from 1; 0 for an entry that was not read from text

  /// With a tag or a digest: the image that every tag names. Without: the repository whose tags are meant. Empty with \ref directory.
  reference source;
  /// An OCI image layout on this machine (path, native encoding (bytes)) in place of a registry; its images are found by its tags. Empty:
  /// none.
  std::string directory;

  /// Repository path below the place that images are copied to. Empty: the source's.
  std::string target;
  /// In place of sync_options::to.
  std::optional<push_prefix> place;

  std::vector<std::string> tags;  ///< in this order; see \ref filter
  /// Tags of the source's repository beside those that are listed. None: no others.
  std::optional<tag_filter> filter;
  /// Empty: everything, byte for byte.
  std::vector<platform> platforms;

  /// How long one image of the entry may take. None: as long as it needs.
  std::optional<std::chrono::milliseconds> timeout;
  /// The same for what belongs to one of \ref platforms.
  std::vector<std::pair<platform, std::chrono::milliseconds>> platform_timeouts;
  /// Repetitions after the first error answer. None: what the engine does.
  std::optional<unsigned> retries;
  /// Asked before the source's registry; for engine_options::mirrors, as an engine has one set of them.
  std::vector<mirror_setting> mirrors;

  /// `entry 3 (docker.io/library/nginx, line 17)`
  std::string label() const;
};

/// What `gantry sync` and `gantry pull --from` read.
struct sync_list {
  std::vector<sync_entry> entries;  ///< in the order of the text

  /// All of them, each once.
  std::vector<mirror_setting> mirrors() const;
};

/// Reads a list of images, JSON: `[{"source", "target", "registry", "tags", "filter": {"regex", "semver", "newest"}, "platforms" or
/// "architectures", "timeout", "architecture_timeouts", "retries", "mirrors"}]`, or `{"defaults": {...}, "images": [...]}`. At most 8 MiB
/// and 50,000 entries. Sets \p ec to errc::invalid_option, or errc::limit_exceeded, and \p diag to a sentence that names the line, the
/// entry and the field.
/// \param name of the list, for messages
sync_list parse_sync_list(std::string_view text, const std::string& name, error_code& ec, diagnostics& diag);

}  // namespace gantry
