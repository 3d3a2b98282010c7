#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace gantry {

/// Decimal units as registries and networks use them: 999 B, 1.2 kB, 131.0 MB, 4.3 GB.
std::string format_bytes(std::uint64_t bytes);

/// 0.4 s, 12 s, 3 min 20 s, 2 h 5 min.
std::string format_duration(std::chrono::milliseconds value);

}  // namespace gantry
