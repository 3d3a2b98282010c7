#include "store/document_store.hpp"

#include "model/digester.hpp"

#include <fmt/format.h>

namespace gantry::store {

result<void> check_content(const descriptor& blob, std::string_view bytes) {
  if (bytes.size() != blob.size) {
    return failure(errc::size_mismatch,
                   fmt::format("{} bytes were given for blob {}, which has {}", bytes.size(), blob.digest.string(), blob.size));
  }
  if (const digest computed = model::digest_of(bytes, blob.digest.algorithm()); computed != blob.digest) {
    return failure(errc::digest_mismatch, fmt::format("the bytes given for blob {} hash to {}", blob.digest.string(), computed.string()));
  }
  return {};
}

result<std::optional<reference_record>> document_store::find_by_content(const reference& /*image*/) const {
  return std::optional<reference_record>();
}

}  // namespace gantry::store
