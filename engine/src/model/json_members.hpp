#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace gantry::model {

/// The members of a JSON object as they are written: key, without its quotes and with its escapes, and the text of the value, which points
/// into \p object. For passing on what is not understood.
/// \param object well-formed, as something that json::read accepted
std::map<std::string, std::string_view, std::less<>> json_members(std::string_view object);

}  // namespace gantry::model
