#pragma once

#include "lookup_options.hpp"

#include <gantry/push.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace gantry::app {

class json_object;
class option_parser;

/// What the commands that upload have in common. lookup_arguments::object is the target as typed.
struct upload_arguments : lookup_arguments {
  std::vector<platform> platforms;  ///< empty: everything
  bool all_platforms = false;       ///< said aloud; it is the default
  bool skip_existing = false;       ///< the same
  bool force_upload = false;
  bool dry_run = false;
};

/// Adds `--platform`, `--arch`, `--all-platforms`, `--skip-existing`, `--force-upload` and `--dry-run`.
void add_upload_options(option_parser& parser, upload_arguments& into);

/// Rules between them; once they were parsed.
outcome<> check_upload_options(const upload_arguments& arguments);

/// Adds the members of \p counts.
void add_counts(json_object& into, const upload_counts& counts);

/// What stands behind an image's line in a dry run, with a blank in front: what is not there yet must not read like what is.
inline const char* dry_run_word(bool unchanged) { return unchanged ? " unchanged" : " planned"; }

/// What was done, in one line for people: `2 of 9 blobs, 1.2 MB, uploaded, 7 there already; 0.4 s`, `nothing to upload: 9 blobs there
/// already; 0.4 s`. \param unchanged of \p images
std::string upload_summary(const upload_counts& counts, std::size_t images, std::size_t unchanged, std::chrono::milliseconds elapsed,
                           bool dry_run, bool to_directory = false);

}  // namespace gantry::app
