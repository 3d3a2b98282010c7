#pragma once

#include "base/failure.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <unordered_set>

namespace gantry::registry {

/// The pages that a list has named as its next ones so far: none of them comes twice, be it at once or after others.
class page_trail {
 public:
  /// \param next target of the next page; empty after the last \param what the list, for people. errc::protocol_error when the list has
  /// named that page before.
  result<void> follow(const std::string& next, std::string_view what) {
    if (next.empty() || named_.insert(next).second) return {};
    return failure(errc::protocol_error, fmt::format("{}: the registry names a page as the next one that it has named before", what));
  }

 private:
  std::unordered_set<std::string> named_;
};

}  // namespace gantry::registry
