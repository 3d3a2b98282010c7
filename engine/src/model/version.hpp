#pragma once

#include "base/failure.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::model {

/// A version as semver.org has it. Images are tagged `1.25` and `v2` as well: missing numbers are zero.
struct version {
  std::uint64_t major = 0;
  std::uint64_t minor = 0;
  std::uint64_t patch = 0;
  std::string prerelease;  ///< `rc.1`; empty for a release
  std::string build;       ///< does not count in comparisons
  unsigned numbers = 3;    ///< how many were written, 1 to 3

  /// `[v]MAJOR[.MINOR[.PATCH]][-PRERELEASE][+BUILD]`; nothing for anything else, numbers with leading zeros and above 64 bits included.
  static std::optional<version> parse(std::string_view text);
};

/// Precedence (semver.org section 11): releases before their pre-releases are newer, build data is left out.
std::strong_ordering compare(const version& a, const version& b) noexcept;

/// A set of versions: comparators joined by blanks or commas, sets of them by `||`.
class version_constraint {
 public:
  /// Comparators: `=` (or none), `!=`, `<`, `<=`, `>`, `>=`, `~1.2` (same minor), `^1.2` (same major, for 0.x the same minor), and `1.x`,
  /// `1.2.*`, `*`, `1.2` for all that begin so. Empty text: every release. \returns errc::invalid_option with the part that is wrong.
  static result<version_constraint> parse(std::string_view text);

  /// A pre-release is only in when the alternative that admits it names a pre-release of the same three numbers.
  bool admits(const version& value) const noexcept;

 private:
  enum class comparison { equal, unequal, less, less_equal, greater, greater_equal };
  struct comparator {
    comparison how = comparison::equal;
    version bound;
  };
  using alternative = std::vector<comparator>;  ///< all must hold
  static result<void> read(std::string_view word, alternative& into);

  std::vector<alternative> alternatives_;
};

/// Orders names as people do: runs of digits by value, the rest by bytes: `1.9` before `1.10`.
std::strong_ordering natural_compare(std::string_view a, std::string_view b) noexcept;

}  // namespace gantry::model
