#pragma once

#include "archive/sink.hpp"
#include "base/failure.hpp"
#include "model/digester.hpp"

#include <gantry/descriptor.hpp>

#include <cstdint>
#include <span>

namespace gantry::archive {

/// Hashes a blob again while it is copied, as far as its bytes pass through memory.
class blob_check {
 public:
  explicit blob_check(const descriptor& blob) : blob_(blob), hash_(blob.digest.algorithm()) {}

  /// For byte_sink::copy. Valid as long as the object.
  byte_observer observer() {
    return [this](std::span<const std::byte> bytes) {
      hash_.update(bytes);
      seen_ += bytes.size();
    };
  }

  /// The blob was copied. errc::digest_mismatch when all of its bytes were seen and are wrong.
  result<void> finish();

 private:
  const descriptor& blob_;
  model::digester hash_;
  std::uint64_t seen_ = 0;
};

/// A blob that was verified when it was stored, and is wrong now.
failure damaged(const descriptor& blob);

}  // namespace gantry::archive
