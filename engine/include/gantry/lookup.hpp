#pragma once

#include <gantry/descriptor.hpp>
#include <gantry/options.hpp>
#include <gantry/platform.hpp>
#include <gantry/reference.hpp>
#include <gantry/tag_filter.hpp>

#include <optional>
#include <string>
#include <vector>

namespace gantry {

/// Settings of engine::async_digest.
struct digest_options : operation_options {
  /// The manifest of this platform instead of what the reference itself resolves to.
  std::optional<gantry::platform> platform;
};

/// What a name stands for now.
struct digest_result {
  descriptor resolved;  ///< media type, digest and size
};

/// Settings of engine::async_tags.
struct tags_options : operation_options {
  tag_filter filter;  ///< which tags are told; by default all
};

/// The tags of one repository.
struct tags_result {
  std::vector<std::string> tags;  ///< in the registry's order; newest first with tag_filter::latest or tag_filter::semver
};

/// Settings of engine::async_repositories.
struct repositories_options : operation_options {
  /// Only repositories below this path, e.g. `team` for `team/app`, without itself; slashes at its ends do not count. Empty: all.
  std::string below;
};

/// The repositories of one registry.
struct repositories_result {
  std::vector<std::string> repositories;  ///< paths below the registry, in its order
};

/// Settings of engine::async_delete.
struct delete_options : operation_options {};

/// That the deletion succeeded is all there is to tell.
struct delete_result {};

}  // namespace gantry
