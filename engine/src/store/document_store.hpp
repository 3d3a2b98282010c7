#pragma once

#include "base/failure.hpp"
#include "model/blob_source.hpp"
#include "store/reference_record.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/reference.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace gantry::store {

/// Where an operation keeps manifests, indexes and configurations while it works out what it wants: the store, or memory. Blocking, used on
/// worker lanes.
class document_store : public model::blob_source {
 public:
  /// Whether the blob is there, by name and size.
  virtual bool holds(const descriptor& blob) const noexcept = 0;
  /// The bytes of a small blob, hashed again. errc::not_found, errc::limit_exceeded above \p cap, errc::digest_mismatch.
  virtual result<std::string> read(const descriptor& blob, std::size_t cap) const = 0;
  /// Keeps a small blob after checking size and digest (errc::size_mismatch, errc::digest_mismatch).
  virtual result<void> put(const descriptor& blob, std::string_view bytes) const = 0;
  /// The record of exactly this name (tag or digest).
  virtual result<std::optional<reference_record>> find_reference(const reference& name) const = 0;
  /// What has the digest of \p image, found under another name of its repository: a top, or a manifest or nested index that a record says
  /// is held. The record that comes back begins at that digest and is called as the name that it was found under. Nothing when there is
  /// none, when \p image has no digest, and where nothing has a name.
  virtual result<std::optional<reference_record>> find_by_content(const reference& image) const;
};

/// Fails as document_store::put does when \p bytes are not those of \p blob.
result<void> check_content(const descriptor& blob, std::string_view bytes);

}  // namespace gantry::store
