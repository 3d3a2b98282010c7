#pragma once

#include "outcome.hpp"

#include <gantry/platform.hpp>
#include <gantry/pull.hpp>
#include <gantry/reference.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace gantry::app {

enum class progress_mode {
  automatic,  ///< bar on a terminal, plain elsewhere
  bar,        ///< live lines, needs a terminal
  plain,      ///< a line every few seconds and at each transition
  json,       ///< one JSON object a line
  none,       ///< nothing
};

/// An option's value and who chose it.
struct option_origin {
  std::string option;  ///< long spelling, without dashes
  std::string value;   ///< for people
  std::string origin;  ///< `command line`, a line of the settings file, or `default`
};

/// Options that every command with a network end takes (CLI.md, "Options everywhere"); defaults in place.
struct common_options {
  unsigned jobs = 0;                                 ///< connections; 0: auto
  unsigned max_per_host = 0;                         ///< connections to one host; 0: the engine's choice
  std::uint64_t limit_rate = 0;                      ///< bytes per second; 0: unlimited
  unsigned retries = 5;                              ///< attempts after the first error answer
  std::optional<std::chrono::milliseconds> timeout;  ///< the whole operation; none: unlimited

  std::string username;
  std::optional<std::string> password;
  bool password_stdin = false;
  std::string authfile;
  std::string cache_dir;
  std::string ca_cert;
  std::string proxy;               ///< in place of the environment's; empty: those
  std::string spare_proxy;         ///< of the settings file, beside variables: for what none of them says
  std::string spare_proxy_origin;  ///< its line
  std::vector<mirror_setting> mirrors;
  bool host_config = true;  ///< certificates and mirrors that docker, podman and containerd know are used
  bool sync = true;

  std::vector<std::string> insecure;    ///< registries; \ref named_registry for an option without value
  std::vector<std::string> plain_http;  ///< the same
  std::vector<std::string> tls_only;    ///< hosts that https:// was written before

  progress_mode progress = progress_mode::automatic;
  std::optional<int> progress_fd;  ///< where events go as JSON; none: nowhere, or to standard error with progress_mode::json
  bool quiet = false;
  bool verbose = false;
  bool debug = false;
  bool json = false;
  std::string log_file;
  std::string report;  ///< an HTML page about the run; empty: none

  std::vector<option_origin> origins;  ///< of the options that may stand in the settings file
  std::string settings_file;           ///< empty: there is none
};

/// Stands for the registry that is named in the command, in options whose `=HOST` was left out. CLI11's own word for a flag without value;
/// as a host name it would be refused for lack of a dot.
inline constexpr const char* named_registry = "true";

/// The command line of `gantry pull`.
struct pull_arguments {
  common_options common;
  std::vector<std::string> images;
  std::string from;                 ///< a list of references; `-` is standard input
  std::string registry;             ///< as typed
  std::string repository;           ///< in place of a positional image
  std::string tag_or_digest;        ///< beside \ref repository
  std::vector<platform> platforms;  ///< empty: this machine's
  bool all_platforms = false;
  std::string output;  ///< empty: named files in the current directory
  archive_format format = archive_format::docker;
  bool gzip = false;
  bool store_only = false;
  bool offline = false;
  bool recompress = false;        ///< zstd layers as gzip
  bool attestations = false;      ///< the archive names an image of one platform together with its attestations
  reference name;                 ///< what the image is called from here on; empty: as it was asked for
  std::string load;               ///< the engine whose load command takes the archive; empty: none
  std::vector<std::string> have;  ///< files that say what the receiver has
  bool no_cache = false;          ///< the store is left out
  std::string digestfile;
};

/// The command line of `gantry bench`.
struct bench_arguments {
  common_options common;
  std::string image;
  std::string registry;                    ///< as typed
  std::optional<platform> image_platform;  ///< none: this machine's
  std::vector<unsigned> jobs{1, 2, 4, 8, 16, 0};
  std::chrono::milliseconds time_each{10'000};
  std::string directory;  ///< empty: bytes go nowhere
};

/// One option as its table has it, for help, completions and manual pages.
struct option_row {
  std::vector<std::string> names;  ///< dashes included, short ones first
  std::string value;               ///< the word for its value; empty for a flag
  bool value_may_lack = false;     ///< a flag with an optional `=VALUE`
  std::string description;
  std::string group;
};

/// `--help` was asked for: a command as a table. help_page() writes it for people, man_page() for man.
struct help_text {
  std::string usage;                ///< command, operands, options
  std::string description;          ///< what the command does
  std::string remarks;              ///< what stands behind the options; empty for most
  std::vector<option_row> options;  ///< those of one group together
};

/// Reads the words behind `gantry pull`. Pure: touches neither files nor environment.
outcome<std::variant<pull_arguments, help_text>> parse_pull(std::vector<std::string> words);

/// Reads the words behind `gantry save`, which is a pull out of the store. Pure.
outcome<std::variant<pull_arguments, help_text>> parse_save(std::vector<std::string> words);

/// Reads the words behind `gantry bench`. Pure.
outcome<std::variant<bench_arguments, help_text>> parse_bench(std::vector<std::string> words);

}  // namespace gantry::app
