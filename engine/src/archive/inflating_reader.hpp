#pragma once

#include "archive/decoder.hpp"
#include "archive/sink.hpp"
#include "base/failure.hpp"
#include "model/blob_source.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace gantry::archive {

/// Caps on what compressed bytes of strangers may become (DESIGN section 6).
struct inflate_limits {
  std::uint64_t size = std::uint64_t{1} << 40;               ///< bytes that come out
  std::uint64_t ratio = 1'100;                               ///< out over in; deflate cannot exceed 1,032
  std::uint64_t ratio_counts_from = std::uint64_t{1} << 30;  ///< bytes out before the ratio is looked at: small files may be all zeros
};

/// Reads a blob from its beginning to its end and gives what it inflates to. Blocking.
class inflating_reader {
 public:
  /// \param from must outlive the reader
  /// \param kind see \ref sniff
  /// \param what the blob in messages, e.g. "layer 0123456789ab"
  inflating_reader(model::blob_reader& from, model::compression kind, std::string what, inflate_limits limits = {});
  /// The same with a decoder of the caller's.
  inflating_reader(model::blob_reader& from, std::unique_ptr<decoder> decode, std::string what, inflate_limits limits = {});

  /// Called with the compressed bytes, in order, each once; by the end all of them.
  void observe(byte_observer seen) { seen_ = std::move(seen); }

  /// Fills \p into; fewer bytes only at the end, which has been reached, and all checksums compared, when 0 is returned.
  /// \returns errc::malformed_document, errc::limit_exceeded, errc::size_mismatch, or what the blob fails with
  result<std::size_t> read(std::span<std::byte> into);

  const decoded_facts& facts() const noexcept { return decode_->facts(); }

 private:
  result<void> refill();
  result<void> within_limits() const;

  model::blob_reader& from_;
  std::unique_ptr<decoder> decode_;
  std::string what_;
  inflate_limits limits_;
  byte_observer seen_;
  copy_buffer buffer_;
  std::span<const std::byte> input_;  ///< of the buffer, not yet decoded
  std::uint64_t offset_ = 0;          ///< where the next input is read
  bool finished_ = false;
};

/// What the blob is compressed with, from its first bytes.
result<model::compression> sniff(model::blob_reader& blob);

}  // namespace gantry::archive
