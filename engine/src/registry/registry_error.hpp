#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::registry {

/// Bytes of an error answer that are read (DESIGN section 6).
inline constexpr std::size_t error_body_limit = 64 * 1024;

/// What a registry said about a failure (distribution-spec, "Error Codes").
struct registry_error {
  std::vector<std::string> codes;  ///< as sent, cleaned: "DENIED", "MANIFEST_UNKNOWN"
  std::string message;  ///< for people, cleaned and cut: `CODE: message[; detail]`, several joined by `; `; empty when it said nothing

  bool has(std::string_view code) const noexcept;
};

/// Reads an error body: the `errors` list, the shapes of token services (`details`, `error_description`, `message`), else short plain text.
/// HTML pages and bodies that are neither say nothing. Never fails.
registry_error parse_registry_error(std::string_view body);

}  // namespace gantry::registry
