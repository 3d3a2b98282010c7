#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::app {

/// A JSON string with its quotes. Invalid UTF-8 is replaced by U+FFFD, control characters are escaped.
std::string json_quote(std::string_view text);

/// Builds one JSON object on one line, members in the order of the calls.
class json_object {
 public:
  json_object& add(std::string_view key, std::string_view value);
  json_object& add(std::string_view key, const char* value) { return add(key, std::string_view(value)); }
  json_object& add(std::string_view key, std::uint64_t value);
  json_object& add(std::string_view key, bool value);
  /// \param json text that is JSON already
  json_object& add_raw(std::string_view key, std::string_view json);

  std::string string() const { return text_ + "}"; }

 private:
  std::string text_ = "{";
};

/// `[a,b,...]` of elements that are JSON already.
std::string json_array(const std::vector<std::string>& elements);

}  // namespace gantry::app
