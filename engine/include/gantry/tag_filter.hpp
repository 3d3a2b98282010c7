#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace gantry {

/// Which tags of a repository are wanted. All conditions that are set must hold.
struct tag_filter {
  /// ECMAScript regular expression that the whole tag must match. Empty: every tag does.
  std::string regex;

  /// Versions as in semver.org, a `v` in front and missing minor or patch numbers allowed: `>=1.2 <2`, `^1.4`, `~1.25.3`, `1.x`,
  /// alternatives separated by `||`. Pre-releases only count where the constraint names one. An empty text means any release. Unset: tags
  /// need not be versions.
  std::optional<std::string> semver;

  /// Only this many, the newest first: by version where \ref semver is set, else by natural order of the names. 0: all.
  std::size_t latest = 0;
};

}  // namespace gantry
