#include "transfer/upload_check.hpp"

#include <fmt/format.h>

#include <cassert>
#include <utility>

namespace gantry::transfer {

upload_check::upload_check(descriptor blob, std::string complaint, std::string advice)
    : blob_(std::move(blob)), complaint_(std::move(complaint)), advice_(std::move(advice)), hash_(blob_.digest.algorithm()) {}

void upload_check::begin(std::uint64_t offset) {
  if (offset != 0 || hashed_ == 0 || broken_) return;
  hash_ = model::digester(blob_.digest.algorithm());
  hashed_ = 0;
}

result<void> upload_check::pass(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (broken_) return *broken_;
  assert(offset <= hashed_);
  const std::uint64_t end = offset + bytes.size();
  // Some of it may have passed before a request broke off.
  if (end <= hashed_) return {};
  hash_.update(bytes.subspan(static_cast<std::size_t>(hashed_ - offset)));
  hashed_ = end;
  if (hashed_ < blob_.size) return {};
  const digest found = hash_.finish();
  if (found == blob_.digest) return {};
  broken_ = failure(errc::digest_mismatch,
                    fmt::format("{}: it hashes to {}, and its upload was not completed; {}", complaint_, found.string(), advice_));
  return *broken_;
}

}  // namespace gantry::transfer
