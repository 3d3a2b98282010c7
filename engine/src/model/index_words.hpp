#pragma once

#include <gantry/descriptor.hpp>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::model {

/// An index as it is written, for another one of a part of what it names: members that gantry has no use for travel with the rest. Entries
/// of inner indexes stand in the place of those.
class index_words {
 public:
  /// \param text the index itself, as \ref parse_document accepted it; need not outlive the call
  explicit index_words(std::string_view text);

  /// \p text is the index \p inner, which this one names.
  void add_inner(const digest& inner, std::string_view text);

  /// The text of the member \p name of the index; empty when it has none.
  std::string_view member(const std::string& name) const;
  /// The same of all but those that the specification has, by name.
  std::vector<std::pair<std::string, std::string>> others() const;

  /// \p members in the order of the index; as they stand when it does not name all of them.
  std::vector<descriptor> in_order(std::vector<descriptor> members) const;

  /// The entry of \p member as it is written, with the platform of \p member where it has none; empty when there is none that could be
  /// copied.
  std::string entry(const descriptor& member) const;

 private:
  struct written {
    gantry::digest digest;
    std::string text;  ///< empty: read as it is, written anew
  };
  static std::vector<written> entries_of(std::string_view manifests);

  std::map<std::string, std::string> members_;  ///< without `manifests`
  std::vector<written> entries_;
};

/// The index of \p members (image-spec image-index.md): the same whatever their order, where \p words tells that.
/// \param media_type OCI index or Docker manifest list, which cannot refer to a subject
/// \param words of the index that they are a part of: its annotations and all else that it says is kept; null where there is none
std::string write_index(std::string_view media_type, std::vector<descriptor> members, const index_words* words);

}  // namespace gantry::model
