#pragma once

#include "base/failure.hpp"
#include "model/digester.hpp"

#include <gantry/descriptor.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace gantry::transfer {

/// Hashes a blob that lies here while it is uploaded, over all requests that this takes (DESIGN section 4: stored blobs are hashed whenever
/// their bytes pass through memory anyway). Used by one body at a time.
class upload_check {
 public:
  /// \param complaint what is said of wrong bytes, e.g. `the stored blob sha256:... is damaged`
  /// \param advice what to do then
  upload_check(descriptor blob, std::string complaint, std::string advice);

  /// A body begins at \p offset. At 0 everything is hashed anew, since all of it is sent anew.
  void begin(std::uint64_t offset);

  /// Bytes from the front that were hashed. A body that goes on behind them hashes what lies between first: an earlier run sent that, and
  /// this one has not seen it.
  std::uint64_t hashed() const noexcept { return hashed_; }

  /// The bytes of the blob at \p offset, which is not behind \ref hashed, are about to be sent. Long: used on a worker lane.
  /// \returns errc::digest_mismatch in place of leave to send the last bytes of a wrong blob
  result<void> pass(std::uint64_t offset, std::span<const std::byte> bytes);

  /// What \ref pass failed with. No further attempt helps.
  const std::optional<failure>& broken() const noexcept { return broken_; }

 private:
  descriptor blob_;
  std::string complaint_;
  std::string advice_;
  model::digester hash_;
  std::uint64_t hashed_ = 0;
  std::optional<failure> broken_;
};

}  // namespace gantry::transfer
