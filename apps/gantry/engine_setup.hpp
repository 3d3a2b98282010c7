#pragma once

#include "console.hpp"
#include "environment.hpp"
#include "image_names.hpp"
#include "options.hpp"
#include "outcome.hpp"

#include <gantry/options.hpp>

#include <set>
#include <string>
#include <vector>

namespace gantry::app {

/// The registries that images name, fallbacks included.
std::set<std::string> registries_of(const std::vector<image_request>& images);

/// The registries that --insecure or --plain-http speak of: `=HOST` as in --registry, without value all that are named.
outcome<std::set<std::string>> expand_hosts(const std::vector<std::string>& hosts, const std::set<std::string>& named);

/// Engine settings for a command line. Reads files (--authfile, docker's config.json) and, for --password-stdin, standard input; says
/// aloud what weakens security.
/// \param registry as typed with --registry
/// \param from_environment environment mode: REGISTRY_USERNAME and REGISTRY_PASSWORD count
outcome<engine_options> make_engine_options(const common_options& options, const std::string& registry, const std::set<std::string>& named,
                                            const environment& variables, bool from_environment, console& output);

}  // namespace gantry::app
