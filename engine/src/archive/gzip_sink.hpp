#pragma once

#include "archive/sink.hpp"

#include <memory>

namespace gantry::archive {

/// Wraps what it is given into one gzip member (RFC 1952) and passes it on. Compressed blobs go through as stored deflate blocks (RFC 1951
/// section 3.2.4), at 5 bytes per 64 KiB and the cost of a CRC; all else is deflated. No time, no name: equal input gives equal output.
class gzip_sink final : public byte_sink {
 public:
  /// \param to receives the member; must outlive the sink
  explicit gzip_sink(byte_sink& to);
  ~gzip_sink() override;

  result<void> write(std::span<const std::byte> bytes) override;
  result<void> copy(model::blob_reader& from, std::uint64_t offset, std::uint64_t length, content_kind kind,
                    const byte_observer& seen) override;
  /// Ends the member and finishes the sink below.
  result<void> finish() override;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace gantry::archive
