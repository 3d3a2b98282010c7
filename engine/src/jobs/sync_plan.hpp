#pragma once

#include "base/failure.hpp"

#include <gantry/sync.hpp>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::jobs {

/// One image of a source and every name that it gets. The source is asked once.
struct planned_sync {
  const sync_entry* entry = nullptr;
  reference source;      ///< by tag or digest; empty for one from a directory
  std::string tag_here;  ///< of a directory: the tag there
  std::vector<reference> targets;
};

struct sync_plan {
  std::vector<planned_sync> images;                    ///< in the order of the list
  std::vector<synced_image> failed;                    ///< entries that cannot be carried out at all
  std::map<std::string, std::set<std::string>> named;  ///< by target repository, the tags that the list names
  std::set<std::string> unknown;                       ///< target repositories of which not all named tags are known
};

/// Where it comes from: a reference, or `oci:DIRECTORY:TAG`.
std::string source_name(const planned_sync& one);

/// Where the images of \p entry go, without a tag. errc::invalid_option when that is no name.
result<reference> target_of(const sync_entry& entry, const sync_options& options);

/// Whether a target repository, `HOST[:PORT]/PATH`, belongs to \p shard. The hash is fixed (64-bit FNV-1a, modulo the number of shards).
bool in_shard(std::string_view repository, const sync_shard& shard) noexcept;

/// errc::invalid_option when one of \p tags is brought another image by \p plan than by \p entry. Pure.
result<void> check_tags(const sync_plan& plan, const sync_entry& entry, const reference& target, const std::vector<std::string>& tags);

/// Adds the tags of \p entry, of which \p found are those that its filter admits. errc::invalid_option when one target would get two
/// sources: the list contradicts itself, and nothing is added. Pure.
result<void> add_entry(sync_plan& plan, const sync_entry& entry, const reference& target, const std::vector<std::string>& found);

/// errc::invalid_option when \p entry, which goes to \p target, would write over the tags that it reads, or when something in \p plan makes
/// --prune delete tags of its source. Pure.
result<void> check_source(const sync_plan& plan, const sync_entry& entry, const reference& target, const sync_options& options);

/// Tags that nobody names, of those that \p there are in a repository, in natural order. Those by which others hang on manifests (`sha256-<hex>`, and with `.sig`,
/// `.att`, `.sbom` behind) go by what they hang on, not by their names.
std::vector<std::string> unwanted_tags(const std::vector<std::string>& there, const std::set<std::string>& named);

/// `sha256-<hex>[.suffix]`: the digest that such a tag hangs on; empty for other tags.
digest tag_subject(std::string_view tag);

}  // namespace gantry::jobs
