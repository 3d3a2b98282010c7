#pragma once

#include "base/failure.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <unordered_set>

namespace gantry::registry {

/// Pages without anything on them that may follow each other: whoever may see little of a long list meets many.
inline constexpr unsigned empty_page_limit = 1000;

/// The pages that a list has named as its next ones so far: none of them comes twice, be it at once or after others, and they do not go on
/// for ever without content.
class page_trail {
 public:
  /// \param next target of the next page; empty after the last \param empty this page has nothing on it \param what the list, for people.
  /// errc::protocol_error when the list has named that page before; errc::limit_exceeded after too many empty ones.
  result<void> follow(const std::string& next, bool empty, std::string_view what) {
    empty_ = empty ? empty_ + 1 : 0;
    if (next.empty()) return {};
    if (empty_ > empty_page_limit) {
      return failure(errc::limit_exceeded, fmt::format("{}: the list goes on for {} pages without anything on them", what, empty_));
    }
    if (named_.insert(next).second) return {};
    return failure(errc::protocol_error, fmt::format("{}: the registry names a page as the next one that it has named before", what));
  }

 private:
  std::unordered_set<std::string> named_;
  unsigned empty_ = 0;
};

}  // namespace gantry::registry
