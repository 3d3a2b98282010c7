#pragma once

#include <gantry/descriptor.hpp>
#include <gantry/error.hpp>
#include <gantry/options.hpp>
#include <gantry/platform.hpp>
#include <gantry/push.hpp>
#include <gantry/reference.hpp>
#include <gantry/sync_list.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <variant>
#include <vector>

namespace gantry {

/// A part of a list, for several machines: a target repository belongs to the part that a fixed hash of its name gives.
struct sync_shard {
  unsigned number = 1;  ///< from 1
  unsigned count = 1;   ///< of parts; 1: the whole list
};

/// Settings of one sync.
struct sync_options : operation_options {
  /// Where images go that name no place themselves: below a registry and namespace, or as an OCI image layout into a directory
  /// (path, native encoding (bytes)).
  std::variant<push_prefix, std::string> to;

  /// Only what belongs to it is looked at.
  sync_shard shard;

  /// A file (path, native encoding (bytes)) that keeps what became of each tag, so that a repetition can tell by HEADs alone that a choice
  /// of platforms is unchanged. Replaced atomically; a damaged one counts as empty, one that cannot be written is a warning, a file of
  /// another kind is errc::invalid_option. Empty: none.
  std::string lock_file;

  /// An image that lacks some of the platforms that are asked for is written with the others, always as an index. false: its tag is not
  /// written.
  bool allow_partial = false;

  bool referrers = false;     ///< see copy_options
  bool force_upload = false;  ///< the same

  /// Nothing is written; the result says what would be.
  bool dry_run = false;

  /// The tags of the target's repositories are listed, and those that the list does not name are in sync_result::unwanted. A directory
  /// is written without them: sync_result::dropped.
  bool find_unwanted = false;
};

/// What became of one tag.
enum class sync_state {
  copied,     ///< in a dry run: to be copied
  partial,    ///< the same, without some platforms
  unchanged,  ///< the target named it before
  failed,     ///< the target is as it was
};

/// What became of one tag. Of an entry whose tags could not be listed there is one, without a tag.
struct synced_image {
  std::size_t entry = 0;                  ///< sync_entry::number
  reference source;                       ///< empty for one from a directory
  reference target;                       ///< the name that it was to get
  descriptor top;                         ///< what the target names now; empty when it failed
  sync_state state = sync_state::failed;  ///< what became of it
  std::vector<platform> missing;          ///< with sync_state::partial, and unchanged: what it is written without
  std::size_t referrers = 0;              ///< see copied_image
  error_code code;                        ///< with sync_state::failed
  std::string message;                    ///< the same: one sentence
  std::string server_message{};           ///< the same: what the registry said of it, if anything; see diagnostics
  /// Of one from a directory (path, native encoding (bytes)): where that is. The tag there is that of its target.
  std::string directory{};
};

/// What a sync did.
struct sync_result : upload_counts {
  std::vector<synced_image> images;     ///< in the order of the list
  std::vector<reference> unwanted;      ///< see sync_options::find_unwanted; for engine::async_prune
  std::vector<reference> dropped;       ///< of a directory: images that it held and does not any more; in a dry run: would not
  std::chrono::milliseconds elapsed{};  ///< from the start of the operation to its end
};

/// Settings of engine::async_prune.
struct prune_options : operation_options {
  /// Nothing is deleted; the result says what would be. Whether a registry deletes tags alone only trying shows: counted as if not.
  bool dry_run = false;
};

/// A tag that could not be deleted, or was not.
struct kept_tag {
  reference name;                ///< the tag that is still there
  error_code code;               ///< empty: somebody needs it
  std::string why;               ///< one sentence
  std::string server_message{};  ///< what the registry said of it, if anything; see diagnostics
};

/// What a prune did.
struct prune_result {
  std::vector<reference> deleted;  ///< tags that are gone
  std::vector<kept_tag> kept;      ///< tags that are still there, each with its reason
  /// It was cancelled: what is in neither list was not deleted. Of what was kept those with errc::cancelled were about to be, and
  /// may be gone.
  bool stopped = false;
  std::chrono::milliseconds elapsed{};  ///< from the start of the operation to its end
};

}  // namespace gantry
