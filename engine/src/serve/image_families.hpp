#pragma once

#include "model/manifest.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/digest.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gantry::serve {

/// What a document names.
std::vector<descriptor> named_by(const model::document& document);

/// What the documents that were fetched have told: which blobs and documents belong to one image, and how large blobs are. Used on the
/// strand.
class image_families {
 public:
  /// Documents, and blobs, of which something is known; beyond that it is forgotten.
  static constexpr std::size_t most_remembered = 10'000;
  /// What these documents name, taken together: some dozens of megabytes. Documents may name the same thing.
  static constexpr std::size_t most_named = 200'000;

  /// Takes in what \p bytes, the document that \p top describes, name; also what they carry inline.
  void learn(const std::string& bytes, const descriptor& top);
  /// The same of a document that was read before.
  void learn(const model::document& document, const descriptor& top);
  /// Whether \p document was taken in, and is not forgotten.
  bool knows(const digest& document) const { return named_.contains(document); }
  /// \p blob with all that belongs to its images as far as is known: the documents that name it, directly or through others, and what these
  /// name. What else shares a blob with those is another image.
  std::set<digest> family_of(const digest& blob) const;

  /// \p blob and the documents that name it, directly or through others.
  std::set<digest> above(const digest& blob) const;

  std::optional<std::uint64_t> size_of(const digest& blob) const;
  void note_size(const digest& blob, std::uint64_t size) { sizes_.insert_or_assign(blob, size); }

 private:
  /// Adds what \p next leads to from \p from, and what that leads to; what \p to has already is not followed again.
  static void add_all(std::set<digest>& to, const digest& from, const std::map<digest, std::set<digest>>& next);

  std::map<digest, std::uint64_t> sizes_;      ///< of blobs that manifests have named
  std::map<digest, std::set<digest>> named_;   ///< what a document that was fetched names
  std::map<digest, std::set<digest>> namers_;  ///< the same the other way round: the documents that name it
  std::size_t pairs_ = 0;                      ///< of a document and what it names
};

}  // namespace gantry::serve
