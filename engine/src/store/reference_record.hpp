#pragma once

#include "base/failure.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/reference.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::store {

/// What the store knows under one name (DESIGN section 4).
struct reference_record {
  gantry::reference name;
  descriptor top;                     ///< as served: index or manifest; its bytes are a blob
  std::vector<descriptor> manifests;  ///< platform manifests that are held completely, with platform; {top} when top is a manifest
  std::vector<descriptor> indexes{};  ///< nested indexes that came with it; ordered by digest, type, digest and size alone

  friend bool operator==(const reference_record&, const reference_record&) = default;
};

/// \p newer put over \p older: the same top digest keeps the platforms and nested indexes of both, ordered by digest, else \p newer
/// replaces it.
reference_record merge(const reference_record& older, reference_record newer);

// Media type, digest, size, platform and artifact type of descriptors are kept; annotations, urls and inline data stand in the documents.

/// The record as JSON; deterministic.
std::string to_json(const reference_record& record);
/// Reads what to_json() wrote; nothing when \p text is anything else.
std::optional<reference_record> parse_record(std::string_view text);
/// `index.json` of an OCI image layout with one entry for each record, in the order given: the image manifest when one platform is held,
/// else the top (image-spec image-layout.md; annotations in DESIGN section 4).
std::string to_index_json(const std::vector<reference_record>& records);
/// The descriptor of the record's entry in index.json.
const descriptor& index_entry(const reference_record& record) noexcept;

}  // namespace gantry::store
