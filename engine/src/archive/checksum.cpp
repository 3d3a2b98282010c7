#include "archive/checksum.hpp"

#include <zlib.h>

#ifdef GANTRY_HAVE_ISAL
#include <isa-l/crc.h>
#endif

namespace gantry::archive {

std::uint32_t continue_crc(std::uint32_t crc, std::span<const std::byte> bytes) noexcept {
#ifdef GANTRY_HAVE_ISAL
  return ::crc32_gzip_refl(crc, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
#else
  return static_cast<std::uint32_t>(::crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
#endif
}

std::uint32_t combine_crc(std::uint32_t first, std::uint32_t second, std::uint64_t second_size) noexcept {
  return static_cast<std::uint32_t>(::crc32_combine(first, second, static_cast<z_off_t>(second_size)));
}

}  // namespace gantry::archive
