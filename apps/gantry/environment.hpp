#pragma once

#include "options.hpp"
#include "outcome.hpp"

#include <gantry/pull.hpp>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gantry::app {

/// Reads a variable; empty means unset, everywhere in this program.
using environment = std::function<std::string(const char*)>;

/// The process's own environment.
environment process_environment();

/// Environment mode (CLI.md): the command line that `gantry` without arguments stands for when IMAGE_REF is set; nothing when it is not.
/// Reads IMAGE_REF, PLATFORM (default linux/amd64), GANTRY_OUTPUT (default `<name>.tar.gz`), GANTRY_FORMAT (default docker) and
/// GANTRY_REPORT.
/// \param usual what stands where no variable says otherwise; its platforms, format and common options count
outcome<std::optional<pull_arguments>> environment_arguments(const environment& variables, const pull_arguments& usual = {});

/// One finished image, as CI steps see it.
struct archive_facts {
  std::string path;
  std::string name;
  std::uint64_t size = 0;  ///< bytes
  std::string digest;
  std::string manifest_digest;
  std::string image_id;
};

/// The text to append to the file that GITHUB_OUTPUT names, and the keys whose values held a control character and were left out: a
/// newline would let a value define other outputs.
std::pair<std::string, std::vector<std::string>> github_output(const archive_facts& facts);

}  // namespace gantry::app
