#pragma once

#include "base/failure.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::registry {

/// One challenge of WWW-Authenticate (RFC 9110 section 11.3).
struct challenge {
  std::string scheme;                                           ///< lower case
  std::vector<std::pair<std::string, std::string>> parameters;  ///< names in lower case, values unquoted, in order

  /// The parameter's value, or null.
  const std::string* find(std::string_view name) const;

  friend bool operator==(const challenge&, const challenge&) = default;
};

/// Parses one WWW-Authenticate field, which may hold several challenges. Registries write these by hand, so what stands before the first
/// defect counts; errc::protocol_error when no scheme can be read, or a challenge breaks off before its first parameter is complete.
result<std::vector<challenge>> parse_challenges(std::string_view value);

/// The same over all fields of an answer, none of which give none; a malformed field counts only when no other is usable.
result<std::vector<challenge>> parse_challenges(const std::vector<std::string_view>& values);

/// The challenge to answer: Bearer before Basic. Null when there is neither.
const challenge* preferred(const std::vector<challenge>& challenges) noexcept;

}  // namespace gantry::registry
