#pragma once

#include "serve/route.hpp"
#include "store/reference_record.hpp"

#include <gantry/digest.hpp>
#include <gantry/reference.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::serve {

/// A repository of a registry, both as in references.
struct repository {
  std::string registry;
  std::string name;

  friend bool operator==(const repository&, const repository&) = default;
  friend auto operator<=>(const repository&, const repository&) = default;
};

/// What a name in a request stands for.
struct found_repository {
  std::optional<repository> only;     ///< the one that is meant
  std::vector<repository> ambiguous;  ///< when several registries have the name and nothing says which
};

/// A page of names, and whether more follow.
struct page {
  std::vector<std::string> names;
  bool more = false;
};

/// The part of sorted \p names that \p wanted asks for, \p most at a time.
page cut_page(const std::vector<std::string>& names, const page_request& wanted, std::size_t most);

/// The repositories that \p name, as it stands in a request's path, may mean, likeliest first (DESIGN section 10): the registry of `?ns=`;
/// `<registry>/<repository>`, where a port may be written `_5000` because a path has no colon; below \p preferred, or docker.io
/// where there is none.
/// \param ns empty when there was none \param preferred the upstream registry; empty: none
std::vector<repository> candidates(std::string_view name, std::string_view ns, std::string_view preferred = {});

/// `<registry>/<repository>` as a client can write it in a reference to this server.
std::string served_name(const repository& where);

/// The reference of a tag or digest in \p where; empty when the grammar takes it for something else.
reference name_of(const repository& where, const std::string& tag, const digest& value);

/// All names of a store at one time. Pure; made from the store's records.
class catalogue {
 public:
  explicit catalogue(const std::vector<store::reference_record>& records);

  /// \ref candidates that are held, else, where there is no \p preferred, any registry that alone has a repository of this name.
  found_repository find(std::string_view name, std::string_view ns, std::string_view preferred = {}) const;

  /// Served names, sorted.
  const std::vector<std::string>& names() const noexcept { return names_; }
  /// Tags, sorted; null when the repository is not held.
  const std::vector<std::string>* tags(const repository& where) const;
  /// The indexes and manifests that the records of the repository name.
  std::vector<descriptor> documents(const repository& where) const;
  /// One of them, or null.
  const descriptor* document(const repository& where, const digest& value) const;
  /// The names whose records name this one.
  std::vector<reference> names_of(const repository& where, const digest& document) const;

 private:
  struct entry {
    std::vector<std::string> tags;
    std::map<digest, descriptor> tops;          ///< of all records, and their manifests
    std::multimap<digest, reference> names_of;  ///< of the same, the names of these records
  };
  std::map<repository, entry> repositories_;
  std::multimap<std::string, std::string> registries_of_;  ///< by name
  std::vector<std::string> names_;
};

}  // namespace gantry::serve
