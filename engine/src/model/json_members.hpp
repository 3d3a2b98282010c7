#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::model {

/// The members of a JSON object as they are written: key, without its quotes and with its escapes, and the text of the value, which points
/// into \p object. For passing on what is not understood.
/// \param object well-formed, as something that json::read accepted
std::map<std::string, std::string_view, std::less<>> json_members(std::string_view object);

/// The elements of a JSON array as they are written; none of what is no array. \param array as for \ref json_members
std::vector<std::string_view> json_elements(std::string_view array);

/// \p json, well-formed, without the blanks outside of its strings.
std::string compact_json(std::string_view json);

}  // namespace gantry::model
