#include "json_line.hpp"

#include "utf8.hpp"

#include <fmt/format.h>

namespace gantry::app {

std::string json_quote(std::string_view text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t length = utf8_length(text.substr(i));
    if (length == 0) {
      out += "\\ufffd";
      ++i;
      continue;
    }
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += text[i];
    } else if (byte == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += text.substr(i, length);
    }
    i += length;
  }
  return out + '"';
}

json_object& json_object::add_raw(std::string_view key, std::string_view json) {
  if (text_.size() > 1) text_ += ',';
  text_ += json_quote(key);
  text_ += ':';
  text_ += json;
  return *this;
}

json_object& json_object::add(std::string_view key, std::string_view value) { return add_raw(key, json_quote(value)); }
json_object& json_object::add(std::string_view key, std::uint64_t value) { return add_raw(key, fmt::format("{}", value)); }
json_object& json_object::add(std::string_view key, bool value) { return add_raw(key, value ? "true" : "false"); }

std::string json_array(const std::vector<std::string>& elements) { return fmt::format("[{}]", fmt::join(elements, ",")); }

}  // namespace gantry::app
