#pragma once

#include <gantry/error.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace gantry {

/// What an image runs on (image-spec image-index.md, "platform"). Values are kept as given; \ref normalise brings them to one spelling.
struct platform {
  std::string os;                        ///< as Go names it (GOOS): `linux`, `windows`
  std::string architecture;              ///< as Go names it (GOARCH): `amd64`, `arm64`
  std::string variant;                   ///< of the processor: `v7` of `arm`; empty: none is given
  std::string os_version;                ///< of Windows: `10.0.17763.1397`; empty: none is given
  std::vector<std::string> os_features;  ///< that the system must have: `win32k`
  std::vector<std::string> features{};   ///< of the processor, in docker's manifest lists; kept, and never a criterion

  /// Equal when every member is.
  friend bool operator==(const platform&, const platform&) = default;

  /// Parses `os[(version+feature...)]/arch[/variant]` or a single word that is an operating system or an architecture; the other half is
  /// then the host's. Spellings are unified (x86_64 is amd64); a default variant stays as it was given: `linux/arm` has none,
  /// `linux/arm/v7` has v7. Sets \p ec to errc::invalid_platform when \p text is malformed.
  static platform parse(std::string_view text, error_code& ec);
  /// The same with \p host for what \p text leaves out.
  static platform parse(std::string_view text, error_code& ec, const platform& host);

  /// linux and this machine's architecture, normalised.
  static platform host();
};

/// One spelling for equal things: x86_64 -> amd64, aarch64 -> arm64, armhf -> arm/v7, ... (containerd/platforms database.go).
platform normalise(platform value);

/// `os/arch[/variant]`, the form users type.
std::string to_string(const platform& value);

/// The same with operating system version and features, percent-encoded: `windows(10.0.17763)/amd64`.
std::string to_string_all(const platform& value);

}  // namespace gantry
