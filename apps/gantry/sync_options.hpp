#pragma once

#include "shard_words.hpp"
#include "side_options.hpp"
#include "upload_options.hpp"

#include <gantry/sync.hpp>

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace gantry::app {

/// `gantry sync`. upload_arguments::platforms stand in for those of every entry.
struct sync_arguments : upload_arguments {
  std::string list;  ///< a file; `-` is standard input
  std::variant<push_prefix, std::string> to;
  std::optional<sync_shard> shard;  ///< none: what the environment says
  std::string lock;                 ///< empty: beside the list
  bool no_lock = false;
  bool allow_partial = false;
  bool referrers = false;
  bool prune = false;
  bool yes = false;
  side_options from;
  side_options target;
};

/// The words behind the command. Looks at the file system through \p is_directory alone.
parsed<sync_arguments> parse_sync(std::vector<std::string> words, bool (*is_directory)(const std::string& path));

/// Where the lock of \p list lies: `images.lock.json` beside `images.json`, with the part's number when there are several. Empty for
/// standard input.
std::string lock_beside(const std::string& list, const sync_shard& shard);

}  // namespace gantry::app
