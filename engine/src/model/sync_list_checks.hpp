#pragma once

#include "base/failure.hpp"

#include <gantry/sync_list.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

/// What single fields of a list of images may say. Sentences are continued after the field: "is not ...".
namespace gantry::model {

/// `HOST[:PORT][/NAMESPACE]`
result<push_prefix> parse_place(std::string_view text);

/// A repository path without registry, tag and digest.
result<void> check_target(std::string_view text);

/// Whether expression and constraint can be read.
result<void> check_filter(const tag_filter& filter);

/// `[docker://]NAME[:TAG][@DIGEST]` or `oci:DIRECTORY`. \param names_image set when there is a tag or a digest
result<void> read_source(std::string_view text, sync_entry& into, bool& names_image);

/// `DIRECTORY:TAG`, as other commands and tools write an image of a layout, in its two parts; nothing for any other text. Whether it is one
/// the file system knows: a directory's name may have a colon.
std::optional<std::pair<std::string, std::string>> split_layout_tag(std::string_view text);

/// `URL` for \p source, or `HOST=URL`; without a source only the latter.
result<mirror_setting> read_mirror(std::string_view text, const reference& source);

}  // namespace gantry::model
