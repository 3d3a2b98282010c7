#pragma once

#include "base/failure.hpp"

#include <gantry/digest.hpp>
#include <gantry/platform.hpp>
#include <gantry/reference.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::jobs {

/// What a tag of the target was made of.
struct locked_tag {
  std::string source;                  ///< as it was named
  digest source_digest;                ///< what that resolved to
  std::vector<std::string> platforms;  ///< that were written; empty: everything
  std::vector<std::string> missing;    ///< that were asked for and the source does not have
  /// What the target was given.
  struct {
    std::string media_type;
    gantry::digest digest;
    std::uint64_t size = 0;  ///< bytes
  } top;
};

/// The lock file of a sync: by the full name of the target with its tag.
using sync_lock = std::map<std::string, locked_tag>;

/// How every lock begins, whatever its version.
inline constexpr std::string_view sync_lock_front = "{\"version\":";

/// `{"version": 1, "images": [{"name", "source", "source_digest", "platforms", "missing", "media_type", "digest", "size"}]}`, `missing`
/// where something is, an image a line so that changes are read easily. The same lock is the same text.
std::string write_sync_lock(const sync_lock& lock);

/// Of what \ref write_sync_lock gives, without making it: a long list is not held a second time to find that nothing has changed. Not 0.
std::size_t hash_of(const sync_lock& lock);

/// errc::malformed_document, errc::unsupported_document for another version. \param what names the file in messages
result<sync_lock> read_sync_lock(std::string_view text, std::string_view what);

/// How platforms are written in a lock.
std::vector<std::string> lock_platforms(const std::vector<platform>& platforms);

/// What the target names when it holds what would be written; empty when only a look at the source's manifests can tell. \param source what
/// the source resolves to now \param wanted empty: everything \param known of the lock, for this target; may be null \param allow_partial
/// what the source did not have then may be missing
digest unchanged_top(const digest& source, const std::vector<platform>& wanted, const locked_tag* known, bool allow_partial);

std::vector<platform> without(std::vector<platform> all, const std::vector<platform>& some);

/// Those of \p wanted that \p known is without.
std::vector<platform> still_missing(const std::vector<platform>& wanted, const locked_tag& known);

}  // namespace gantry::jobs
