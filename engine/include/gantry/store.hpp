#pragma once

#include <gantry/descriptor.hpp>
#include <gantry/options.hpp>
#include <gantry/platform.hpp>
#include <gantry/reference.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gantry {

/// A config or layer of an image in the store.
struct stored_blob {
  descriptor blob;          ///< as the manifest names it
  std::string path;         ///< native encoding (bytes)
  bool config = false;      ///< else a layer
  bool compressed = false;  ///< by its media type
  bool held = false;        ///< the file is there and has the right size
};

/// An image of one platform in the store.
struct stored_manifest {
  descriptor manifest;             ///< as its index names it, or the top itself
  std::string path;                ///< native encoding (bytes)
  platform image_platform;         ///< empty fields when nobody said what it runs on
  descriptor config;               ///< empty when the manifest cannot be read
  std::vector<stored_blob> blobs;  ///< config first, then layers in order; the config of an artifact may be absent
};

/// A name in the store.
struct stored_reference {
  gantry::reference reference;                     ///< registry, repository, and tag or digest
  descriptor top;                                  ///< what the name resolved to: index or manifest
  std::string path;                                ///< native encoding (bytes)
  std::vector<stored_manifest> manifests;          ///< those that were pulled
  std::uint64_t size = 0;                          ///< bytes held for this name, blobs that it shares with others included
  std::chrono::system_clock::time_point pulled{};  ///< the last time
  bool complete = false;                           ///< all of it is held; no file was hashed but the manifests
};

/// What lies in the store.
struct store_usage {
  std::string directory;                ///< path, native encoding (bytes)
  bool exists = false;                  ///< false: nothing has been stored there yet
  std::size_t blobs = 0;                ///< files of complete blobs, whether or not a name needs them
  std::uint64_t bytes = 0;              ///< of the blobs
  std::uint64_t partial_bytes = 0;      ///< of blobs on their way
  std::uint64_t quarantined_bytes = 0;  ///< of what did not hash to its name
};

/// Settings of engine::async_list.
struct list_options : operation_options {};

/// What the store holds.
struct list_result {
  store_usage usage;                         ///< of the whole store
  std::vector<stored_reference> references;  ///< ordered by name
};

/// What a clean-up removes besides what is due anyway: blobs without a reference after a day; partial data, quarantined and unnamed files
/// after a week. What a running operation works with stays.
struct clean_options : operation_options {
  /// These names, and at once the blobs that only they need. Each must be in the store: errc::not_found, and nothing is removed.
  std::vector<gantry::reference> references;
  /// All names, blobs and partial data.
  bool all = false;
  /// Names that were not pulled for so long.
  std::optional<std::chrono::seconds> older_than;
  /// Bytes that may remain. Orphans go first, then partial data, then the names that were not pulled for longest.
  std::optional<std::uint64_t> max_size;
  /// Only tells what would go.
  bool dry_run = false;
};

/// What was removed from the store, or would be.
struct clean_result {
  std::string directory;                      ///< path, native encoding (bytes)
  std::vector<gantry::reference> references;  ///< that went, or would
  std::vector<descriptor> blobs;              ///< the same; digest and size only
  std::size_t partial = 0;                    ///< blobs on their way
  std::size_t uploads = 0;                    ///< sessions of uploads that broke off and that nobody went on with
  std::uint64_t freed = 0;                    ///< bytes; files with a second name elsewhere free nothing
  std::uint64_t remaining = 0;                ///< bytes of blobs and partial data
};

/// How the store is checked.
struct verify_options : operation_options {
  /// Fetches again what is damaged or missing, from the registries that the names in the store give.
  bool repair = false;
};

/// A blob, or the record of a reference, that is not what it should be.
struct damaged_blob {
  descriptor blob;  ///< the size is 0 when no document that can be read names it; no digest: it is a record, that of the only reference
  bool missing = false;                       ///< it was not there at all
  std::string quarantined;                    ///< where the damaged file is now, native encoding (bytes); empty when there is none
  std::vector<gantry::reference> references;  ///< that need it
  bool repaired = false;                      ///< with verify_options::repair: it was fetched again and is in place
  std::string trouble;                        ///< why it could not be set aside or repaired, one sentence; empty when nobody tried
};

/// What \ref engine::async_verify found. Damage is no error of the operation.
struct verify_result {
  std::string directory;              ///< path, native encoding (bytes)
  std::size_t blobs = 0;              ///< that were hashed
  std::uint64_t bytes = 0;            ///< of these
  std::size_t references = 0;         ///< names in the store
  std::vector<damaged_blob> damaged;  ///< what is not as it should be, repaired or not
};

}  // namespace gantry
