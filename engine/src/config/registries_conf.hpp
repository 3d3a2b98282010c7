#pragma once

#include "base/failure.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace gantry::config {

/// For which references a mirror may be asked (`pull-from-mirror`).
enum class mirror_use {
  all,
  by_digest,
  by_tag,
};

/// The containers project's registries.conf, version 2 (containers-registries.conf.5).
struct registries_conf {
  struct mirror {
    std::string location;  ///< `host[:port][/path]`
    bool insecure = false;
    mirror_use use = mirror_use::all;
  };
  struct registry {
    std::string prefix;    ///< `host[:port][/path]` or `*.domain`
    std::string location;  ///< what takes the prefix's place; empty with a wildcard: the name stays
    bool insecure = false;
    bool blocked = false;
    std::vector<mirror> mirrors;
    std::string file;  ///< that said so, for people
  };

  std::vector<registry> registries;

  /// Reads one file. \param name for errors and for people. errc::invalid_option when it is no TOML or a value makes no sense. Keys that
  /// concern other programs are read over.
  static result<registries_conf> parse(std::string_view text, const std::string& name);

  /// Takes over a drop-in: what it says about a prefix replaces what was said before.
  void merge(registries_conf later);

  /// The entry with the longest prefix that covers \p repository, `host[:port]/path`; null when there is none.
  const registry* find(std::string_view repository) const;
};

/// \p repository with \p prefix, which covers it, replaced by \p location.
std::string rewrite(std::string_view repository, std::string_view prefix, std::string_view location);

}  // namespace gantry::config
