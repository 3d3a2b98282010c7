#pragma once

#include "outcome.hpp"

#include <gantry/sync.hpp>

#include <optional>
#include <string>

namespace gantry::app {

/// `name digest`, one line a tag that is as the list wants it; of a dry run with `planned` or `unchanged` behind.
std::string sync_lines(const sync_result& result, bool dry_run = false);

/// One JSON document: {"version":1,"dry_run","images":[{"name","source","entry","state","digest","missing","error"}],"deleted":[],
/// "kept":[{"name","why"}],...counts}, with "stopped":true when \p pruned was.
std::string sync_json(const sync_result& result, const prune_result& pruned, bool dry_run);

/// How many tags are in which state: `3 tags: 1 copied, 1 unchanged, 1 failed`.
std::string sync_sentence(const sync_result& result, bool dry_run);

/// The exit status: 0; 6 when a part failed; what the first failure says when all did.
int sync_status(const sync_result& result, const prune_result& pruned);

/// The same in words; nothing when all is as the list wants it.
std::optional<problem> sync_failure(const sync_result& result, const prune_result& pruned, bool allow_partial = false);

}  // namespace gantry::app
