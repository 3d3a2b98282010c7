#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gantry::app {

/// The member of \p known that \p word was most probably meant to be; empty when none is close (more than a third of its letters differ).
std::string closest(std::string_view word, const std::vector<std::string>& known);

/// `Did you mean '<word>'?`, or nothing when \p candidate is empty.
std::string did_you_mean(const std::string& candidate);

}  // namespace gantry::app
