#pragma once

#include <gantry/events.hpp>

#include <optional>
#include <set>
#include <string>

namespace gantry::app {

/// What `-v` tells of a run's dealings with its hosts: each kind of answer of a host once, redirects, mirrors that fail, and who gives the
/// bytes of blobs. Of the thousands of requests of a large run it makes a few lines; `--debug` prints them all.
class contacts {
 public:
  /// Whether \p line, of the engine's log, is the first of its kind.
  bool is_first(const std::string& line);
  /// The first bytes of a host, in words; nothing for other events.
  std::optional<std::string> describe(const gantry::event& what);

 private:
  std::set<std::string> seen_;
};

}  // namespace gantry::app
