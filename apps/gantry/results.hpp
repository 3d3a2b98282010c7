#pragma once

#include "environment.hpp"
#include "outcome.hpp"
#include "progress/renderer.hpp"

#include <gantry/convert.hpp>
#include <gantry/extract.hpp>
#include <gantry/pull.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace gantry::app {

/// One image that was pulled and where it went.
struct image_output {
  std::string path;  ///< of the archive; empty when the image went into the store or to standard output
  pulled_image image;
  std::uint64_t archive_size = 0;  ///< bytes of the whole archive
};

/// One that was asked for and failed.
struct failed_output {
  std::string name;  ///< as it was asked for, or the archive that was to be written
  std::string message;
};

/// `path name digest`, one line per image; `-` for an empty path. An image of several platforms in one archive is one line.
std::string result_lines(const std::vector<image_output>& images);

/// One JSON document: {"version":1,"images":[{"path","name","digest","manifest_digest","image_id","platform","archive_size"}],
/// "failed":[{"name","error"}]}.
/// \param failed what was asked for, too, and why it is not there
std::string result_json(const std::vector<image_output>& images, const std::vector<failed_output>& failed = {});

/// Digests of the references, one a line, in order, each reference once.
std::string digest_lines(const std::vector<image_output>& images);

/// Totals of what came out of a file; of images by name, each once.
run_summary summary_of(const extract_result& result);
run_summary summary_of(const convert_result& result);

archive_facts facts_of(const image_output& output);

/// Replaces \p path atomically.
outcome<> write_file(const std::filesystem::path& path, const std::string& text);
/// Adds to the end of \p path, which is created when it is absent.
outcome<> append_file(const std::filesystem::path& path, const std::string& text);

}  // namespace gantry::app
