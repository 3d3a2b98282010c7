#include "archive/blob_check.hpp"

#include <fmt/format.h>

namespace gantry::archive {

result<void> blob_check::finish() {
  if (seen_ == blob_.size && hash_.finish() != blob_.digest) return damaged(blob_);
  return {};
}

failure damaged(const descriptor& blob) {
  return {errc::digest_mismatch, fmt::format("blob {} does not hash to its digest: it is damaged", blob.digest.string())};
}

}  // namespace gantry::archive
