#pragma once

#include <gantry/platform.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace gantry::model {

/// Go's names of operating systems and architectures, which the image-spec uses.
bool is_known_os(std::string_view name) noexcept;
bool is_known_architecture(std::string_view name) noexcept;

/// Lower-case; `macos` becomes `darwin`.
std::string normalise_os(std::string_view name);

/// One spelling of architecture and variant, without filling in a variant of arm: `armhf` -> arm v7, `arm64 v8` -> arm64.
void normalise_architecture(std::string& architecture, std::string& variant);

/// A variant as a number: `v8.2` is {8, 2}, `v7` and `7` are {7, 0}.
struct variant_version {
  int major = 0;
  int minor = 0;
  friend auto operator<=>(const variant_version&, const variant_version&) = default;
};

/// Nothing when \p variant is not of that form.
std::optional<variant_version> parse_variant(std::string_view variant) noexcept;

}  // namespace gantry::model
