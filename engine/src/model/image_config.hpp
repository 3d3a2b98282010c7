#pragma once

#include "base/failure.hpp"

#include <gantry/digest.hpp>
#include <gantry/platform.hpp>

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::model {

/// One line of an image's history.
struct history_entry {
  std::string created;
  std::string created_by;
  std::string author;
  std::string comment;
  bool empty_layer = false;  ///< the step made no layer
};

/// The configuration of an image (image-spec config.md); Docker's is the same where they overlap. Texts are the image maker's words: clean
/// them before they reach a terminal.
struct image_config {
  gantry::platform platform;     ///< as given, not normalised
  std::vector<digest> diff_ids;  ///< digests of the uncompressed layers, in manifest order
  std::string created;           ///< RFC 3339, empty when absent
  std::string author;

  std::string user;
  std::string working_dir;
  std::string stop_signal;
  std::vector<std::string> entrypoint;
  std::vector<std::string> command;
  std::vector<std::string> environment;
  std::vector<std::string> exposed_ports;  ///< "80/tcp"
  std::vector<std::string> volumes;
  std::map<std::string, std::string> labels;

  std::vector<history_entry> history;
};

/// Reads a configuration of at most 8 MiB. \p what names it in errors.
/// \returns errc::malformed_document, errc::limit_exceeded, errc::unsupported_document for diff IDs of an algorithm that cannot be
/// verified.
result<image_config> parse_image_config(std::string_view body, std::string_view what = "the image configuration");

/// The chain IDs of a list of diff IDs (image-spec config.md, "Layer ChainID"), one for each.
std::vector<std::string> chain_ids(std::span<const std::string> diff_ids);
std::vector<std::string> chain_ids(std::span<const digest> diff_ids);

}  // namespace gantry::model
