#pragma once

#include <gantry/error.hpp>
#include <gantry/platform.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// How people write things, on command lines and in lists alike.
namespace gantry {

/// The member of \p known that \p word was most probably meant to be; empty when none is close (more than a third of its letters differ).
std::string closest(std::string_view word, const std::vector<std::string>& known);

/// `did you mean 'WORD'?`, or nothing when \p candidate is empty.
std::string did_you_mean(const std::string& candidate);

/// `90`, `90s`, `5m`, `1h30m`, `500ms`; a bare number counts seconds. Nothing for anything else, zero and more than a year.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// A platform whose operating system may be left out: `arm64`, `arm/v7`, `x86_64` are of linux. Sets \p ec to errc::invalid_platform.
platform parse_architecture(std::string_view text, error_code& ec);

}  // namespace gantry
