#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace gantry::archive {

/// CRC-32 of RFC 1952, continued from \p crc; 0 to begin with.
std::uint32_t continue_crc(std::uint32_t crc, std::span<const std::byte> bytes) noexcept;

/// The CRC-32 of two pieces after each other, from that of each; \p second_size is the length of the second.
std::uint32_t combine_crc(std::uint32_t first, std::uint32_t second, std::uint64_t second_size) noexcept;

}  // namespace gantry::archive
