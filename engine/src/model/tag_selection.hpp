#pragma once

#include "base/failure.hpp"

#include <gantry/tag_filter.hpp>

#include <string>
#include <vector>

namespace gantry::model {

/// The tags that \p filter admits: in their order, newest first where the filter orders them. errc::invalid_option for an expression or a
/// constraint that cannot be read.
result<std::vector<std::string>> select_tags(std::vector<std::string> tags, const tag_filter& filter);

}  // namespace gantry::model
