#pragma once

#include "base/failure.hpp"

#include <gantry/descriptor.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace gantry::model {

/// One blob, open for reading. Blocking: used on a worker lane only.
class blob_reader {
 public:
  virtual ~blob_reader() = default;

  /// Bytes in the blob.
  virtual std::uint64_t size() const noexcept = 0;

  /// Reads at \p offset into \p into. \returns the bytes read; fewer than asked only at the end of the blob.
  virtual result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) = 0;

  /// A descriptor whose offset 0 is the blob's first byte, for copies inside the kernel; -1 when there is none. Valid as long as the
  /// reader.
  virtual int native_handle() const noexcept { return -1; }
};

/// Where verified blobs come from: the store, an archive, memory in tests.
class blob_source {
 public:
  virtual ~blob_source() = default;

  /// Opens a blob that is held completely; errc::not_found otherwise.
  virtual result<std::unique_ptr<blob_reader>> open(const descriptor& blob) = 0;
};

}  // namespace gantry::model
