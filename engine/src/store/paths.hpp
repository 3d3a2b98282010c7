#pragma once

#include <gantry/digest.hpp>
#include <gantry/reference.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace gantry::store {

/// Where things are in a store (DESIGN section 4). Pure.
struct paths {
  std::filesystem::path root;

  std::filesystem::path layout_file() const { return root / "oci-layout"; }
  std::filesystem::path index() const { return root / "index.json"; }
  std::filesystem::path blobs() const { return root / "blobs"; }
  std::filesystem::path references() const { return root / "refs"; }
  std::filesystem::path metas() const { return root / "meta"; }
  std::filesystem::path ingests() const { return root / "ingest"; }
  std::filesystem::path locks() const { return root / "locks"; }
  std::filesystem::path blob_locks() const { return locks() / "blobs"; }
  std::filesystem::path index_lock() const { return locks() / "index"; }
  std::filesystem::path gc_lock() const { return root / "gc.lock"; }
  std::filesystem::path leases() const { return root / "leases"; }
  std::filesystem::path quarantine() const { return root / "quarantine"; }

  /// blobs/<algorithm>/<hex>
  std::filesystem::path blob(const digest& value) const;
  /// meta/<algorithm>/<hex>
  std::filesystem::path meta(const digest& value) const;
  /// ingest/<algorithm>-<hex>, followed by `.` and \p suffix when there is one
  std::filesystem::path ingest(const digest& value, const std::string& suffix = {}) const;
  /// refs/<registry>/<repository>/_/<tag or digest>, ':' written '+'. \p name must not be empty.
  std::filesystem::path reference(const gantry::reference& name) const;
  /// The inverse: the name whose record stands at \p file, which none of them writes otherwise; nothing when no name has that path.
  std::optional<gantry::reference> name_at(const std::filesystem::path& file) const;
};

/// The byte of locks/blobs that stands for a digest: its first 62 bits.
std::uint64_t lock_offset(const digest& value) noexcept;

}  // namespace gantry::store
