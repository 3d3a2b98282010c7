#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::archive {

/// Bytes of a tar block; headers and contents start at multiples of it.
inline constexpr std::uint64_t tar_block = 512;
/// Two zero blocks end an archive.
inline constexpr std::uint64_t tar_end_size = 2 * tar_block;

enum class tar_type : char {
  file = '0',
  directory = '5',  ///< the name ends in '/'
};

/// The header of one member: a ustar header (POSIX.1-2017 pax, "ustar Interchange Format"), preceded by a pax extended header only where
/// ustar cannot say it: a name that does not fit, or a content of 8 GiB and more. Owner 0:0, time 0, mode 0644 or 0755, so that equal
/// content gives equal bytes. Always a multiple of \ref tar_block.
std::string tar_header(std::string_view name, std::uint64_t size, tar_type type);

/// Zero bytes between a content of \p size bytes and the next header.
constexpr std::uint64_t tar_padding(std::uint64_t size) noexcept { return (tar_block - size % tar_block) % tar_block; }

}  // namespace gantry::archive
