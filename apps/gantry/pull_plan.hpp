#pragma once

#include "image_names.hpp"
#include "options.hpp"
#include "outcome.hpp"

#include <gantry/pull.hpp>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace gantry::app {

enum class destination {
  store,   ///< no archive
  file,    ///< one archive, its name settled
  named,   ///< one archive for one image of one platform; its name follows the platform that the image turns out to have
  each,    ///< one archive for each platform that the image turns out to have, named in a directory
  stream,  ///< standard output
  loader,  ///< an engine's load command
};

/// One operation of the engine.
struct pull_step {
  destination to = destination::store;
  std::filesystem::path path;  ///< file and named: the archive; each: the directory
  std::vector<image_request> images;
  std::vector<platform> platforms;  ///< empty: this machine's
  bool all_platforms = false;
  bool gzip = false;
  std::vector<std::string> have;  ///< see pull_arguments
  bool no_cache = false;
  bool held = false;  ///< all of it is in the store by now, under its name: nothing else is asked
};

struct pull_plan {
  std::vector<pull_step> steps;
  std::filesystem::path new_directory;  ///< to be created first; empty: nothing to create
};

enum class path_kind {
  absent,
  directory,
  other,  ///< a file, device or pipe
};

/// Decides what is fetched into which archive (CLI.md: "`pull` without `-o`" and what follows). Pure but for \p kind_of.
/// \param kind_of what stands under a path
/// Errors: two outputs of one name (exit 2), an archive suffix that is not written here, archives for platforms that only the store could
/// tell (`--all-platforms --no-cache` without one archive for all).
outcome<pull_plan> plan_pull(const pull_arguments& arguments, const std::vector<image_request>& images,
                             const std::function<path_kind(const std::filesystem::path&)>& kind_of);

/// Whether the output is a directory for archives that is yet to be made. \param kind what stands under its path
bool makes_directory(const pull_arguments& arguments, path_kind kind);

/// What the file system says.
path_kind kind_of_path(const std::filesystem::path& path);

}  // namespace gantry::app
