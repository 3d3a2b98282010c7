#pragma once

#include "console.hpp"
#include "environment.hpp"
#include "image_names.hpp"
#include "options.hpp"
#include "outcome.hpp"
#include "side_options.hpp"

#include <gantry/credentials.hpp>
#include <gantry/options.hpp>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::app {

/// The registries that images name, fallbacks included.
std::set<std::string> registries_of(const std::vector<image_request>& images);

/// The registries that --insecure or --plain-http speak of: `=HOST` as in --registry, without value all that are named.
outcome<std::set<std::string>> expand_hosts(std::string_view option, const std::vector<std::string>& hosts,
                                            const std::set<std::string>& named);

/// `host[:port]` of \p url.
std::string host_of(const std::string& url);

/// The password that --password-stdin reads: all of standard input, without the end of its last line.
outcome<std::string> read_password();

/// Where credentials lie: in \p authfile, which may be empty, and the usual places.
credential_search search_of(const std::string& authfile, const environment& variables, console& output);

/// What the ends of a command have in common. Lives as long as one command.
struct read_credentials {
  /// What files and helpers know, by the file that was named for them: the pipe of a shell's <(...) can be read once.
  std::map<std::string, std::shared_ptr<credential_source>> files;
  std::optional<std::vector<std::shared_ptr<credential_source>>> variables;  ///< what the environment knows, once it was read
};

/// The credentials of one end of a command with two: its own options, then the environment, then \p authfile and the usual places, as for
/// every other command. For side_credentials. With empty \p side and \p registry those of what is at neither end.
/// \param option that names the end's file, for messages
/// \param authfile of --authfile, for an end without one of its own
/// \param registry that the end's user name and password are bound to
/// \param read files that were read before; what is read now is added
outcome<std::shared_ptr<credential_source>> credentials_of_side(const side_options& side, const char* option, const std::string& authfile,
                                                                const std::string& registry, const environment& variables, console& output,
                                                                read_credentials& read);

/// Engine settings for a command line. Reads files (--authfile, docker's config.json) and, for --password-stdin, standard input; says
/// aloud what weakens security.
/// \param registry as typed with --registry
/// \param from_environment environment mode: REGISTRY_USERNAME and REGISTRY_PASSWORD count
outcome<engine_options> make_engine_options(const common_options& options, const std::string& registry, const std::set<std::string>& named,
                                            const environment& variables, bool from_environment, console& output);

}  // namespace gantry::app
