#pragma once

#include <gantry/digest.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gantry::store {

/// What is known of a compressed layer once it was inflated (DESIGN section 4, `meta/`). Derived: it saves a pass over the bytes, and is
/// learnt again where it is lost.
struct blob_meta {
  digest diff_id;              ///< of the uncompressed bytes
  std::uint64_t raw_size = 0;  ///< uncompressed bytes, counted, never gzip's ISIZE
  std::uint32_t crc32 = 0;     ///< of the uncompressed bytes as in RFC 1952, over all members
  bool whole_members = false;  ///< the blob is gzip members and nothing else, so that it can stand in another gzip file as it is

  friend bool operator==(const blob_meta&, const blob_meta&) = default;
};

/// The facts as JSON; deterministic.
std::string to_json(const blob_meta& facts);
/// Reads what to_json() wrote; nothing when \p text is anything else.
std::optional<blob_meta> parse_meta(std::string_view text);

}  // namespace gantry::store
