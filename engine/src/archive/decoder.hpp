#pragma once

#include "archive/raw_inflater.hpp"
#include "base/failure.hpp"
#include "model/media_type.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace gantry::archive {

/// What bytes are compressed with, by how they begin; the media type of a layer may be wrong. Anything but gzip and zstd, skippable frames
/// included, is compression::none.
/// \param head the first bytes; 4 suffice, fewer only when there are no more
model::compression sniff(std::span<const std::byte> head) noexcept;

/// What a decoder has seen.
struct decoded_facts {
  std::uint64_t raw_size = 0;  ///< bytes that came out; counted, never taken from the compressed data's own word
  std::uint32_t crc = 0;       ///< CRC-32 of these bytes; gzip only
  std::uint64_t parts = 0;     ///< gzip members or zstd frames, skippable ones included
  std::uint64_t trailing = 0;  ///< bytes after the last part that belong to none
  bool padded = true;          ///< these are zeros, with which tapes and archivers fill blocks, or there are none
};

/// Decompresses a stream of gzip members (RFC 1952) or zstd frames (RFC 8878), all of them, and checks their checksums. Does no I/O.
class decoder {
 public:
  struct progress {
    std::size_t taken = 0;
    std::size_t given = 0;
  };

  virtual ~decoder() = default;
  decoder(const decoder&) = delete;
  decoder& operator=(const decoder&) = delete;

  /// Decodes until \p in is used up or \p out is full; with empty \p in it gives what it still holds back. Takes or gives something
  /// whenever both have room.
  /// \returns errc::malformed_document with a reason that continues "it ..."
  virtual result<progress> step(std::span<const std::byte> in, std::span<std::byte> out) = 0;

  /// There is no more input, and step() gives no more. errc::malformed_document when it ended too early.
  virtual result<void> finish() = 0;

  const decoded_facts& facts() const noexcept { return facts_; }

 protected:
  decoder() = default;
  decoded_facts facts_;
};

/// gzip. Bytes after the last member are counted, not refused: programs pad archives, and whoever needs whole members asks \ref facts.
/// \param inflater decodes the deflate streams
std::unique_ptr<decoder> make_gzip_decoder(std::unique_ptr<raw_inflater> inflater = make_raw_inflater());

/// zstd, windows of up to 128 MiB. Bytes that are no frame are errors.
std::unique_ptr<decoder> make_zstd_decoder();

/// For \p kind; bytes that are not compressed pass through.
std::unique_ptr<decoder> make_decoder(model::compression kind);

}  // namespace gantry::archive
