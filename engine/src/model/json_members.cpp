#include "model/json_members.hpp"

#include <cstddef>

namespace gantry::model {
namespace {

constexpr std::string_view blanks = " \t\r\n";

/// Where the string that begins at \p at ends: behind its closing quote.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return at < text.size() ? at + 1 : text.size();
}

/// Where the value that begins at \p at ends.
std::size_t end_of_value(std::string_view text, std::size_t at) {
  std::size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = end_of_string(text, at);
      if (depth == 0) return at;
      continue;
    }
    if (depth == 0 && (c == ',' || c == '}' || c == ']' || blanks.find(c) != std::string_view::npos)) return at;
    ++at;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at;
  }
  return at;
}

}  // namespace

std::map<std::string, std::string_view, std::less<>> json_members(std::string_view object) {
  std::map<std::string, std::string_view, std::less<>> members;
  std::size_t at = object.find('{');
  while (at != std::string_view::npos) {
    // Behind the brace or comma stands a key, or the closing brace of an empty object.
    at = object.find_first_not_of(blanks, at + 1);
    if (at == std::string_view::npos || object[at] != '"') break;
    const std::size_t key_end = end_of_string(object, at);
    const std::string_view key = object.substr(at + 1, key_end - at - 2);
    const std::size_t begin = object.find_first_not_of(": \t\r\n", key_end);
    if (begin == std::string_view::npos) break;
    const std::size_t end = end_of_value(object, begin);
    members.emplace(key, object.substr(begin, end - begin));
    at = object.find_first_not_of(blanks, end);
    if (at != std::string_view::npos && object[at] != ',') break;
  }
  return members;
}

std::vector<std::string_view> json_elements(std::string_view array) {
  std::vector<std::string_view> elements;
  std::size_t at = array.find_first_not_of(blanks);
  if (at == std::string_view::npos || array[at] != '[') return elements;
  for (;;) {
    at = array.find_first_not_of(blanks, at + 1);
    if (at == std::string_view::npos || array[at] == ']') break;
    const std::size_t end = end_of_value(array, at);
    elements.push_back(array.substr(at, end - at));
    at = array.find_first_not_of(blanks, end);
    if (at == std::string_view::npos || array[at] != ',') break;
  }
  return elements;
}

std::string compact_json(std::string_view json) {
  std::string text;
  text.reserve(json.size());
  for (std::size_t at = 0; at < json.size();) {
    const std::size_t end = json[at] == '"' ? end_of_string(json, at) : at + 1;
    if (blanks.find(json[at]) == std::string_view::npos) text.append(json.substr(at, end - at));
    at = end;
  }
  return text;
}

}  // namespace gantry::model
