#include "model/json_writer.hpp"

#include <cassert>

namespace gantry::model {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD

/// The length of the well-formed UTF-8 sequence that \p text begins with (Unicode table 3-7); 0 when there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned low = first == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = first == 0xED ? 0x9F : 0xBF;
    return byte(1) >= low && byte(1) <= high && tail(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned low = first == 0xF0 ? 0x90 : 0x80;
    const unsigned high = first == 0xF4 ? 0x8F : 0xBF;
    return byte(1) >= low && byte(1) <= high && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

void append_quoted(std::string& out, std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  out += '"';
  while (!text.empty()) {
    const char c = text.front();
    const std::size_t length = utf8_length(text);
    if (length > 1) {
      out += text.substr(0, length);
    } else if (length == 0) {
      out += replacement;
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == '\x7f') {
      out += "\\u00";
      out += digits[static_cast<unsigned char>(c) >> 4];
      out += digits[static_cast<unsigned char>(c) & 15];
    } else {
      out += c;
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out += '"';
}

}  // namespace

void json_writer::separate() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (filled_.empty()) return;
  if (filled_.back()) text_ += ',';
  filled_.back() = true;
}

json_writer& json_writer::begin_object() {
  separate();
  text_ += '{';
  filled_.push_back(false);
  return *this;
}

json_writer& json_writer::begin_array() {
  separate();
  text_ += '[';
  filled_.push_back(false);
  return *this;
}

json_writer& json_writer::close(char bracket) {
  assert(!filled_.empty() && !after_key_);
  filled_.pop_back();
  text_ += bracket;
  return *this;
}

json_writer& json_writer::end_object() { return close('}'); }
json_writer& json_writer::end_array() { return close(']'); }

json_writer& json_writer::key(std::string_view name) {
  assert(!filled_.empty() && !after_key_);
  separate();
  append_quoted(text_, name);
  text_ += ':';
  after_key_ = true;
  return *this;
}

json_writer& json_writer::value(std::string_view text) {
  separate();
  append_quoted(text_, text);
  return *this;
}

json_writer& json_writer::value(std::uint64_t number) { return raw(std::to_string(number)); }
json_writer& json_writer::value(std::int64_t number) { return raw(std::to_string(number)); }
json_writer& json_writer::value(bool flag) { return raw(flag ? "true" : "false"); }
json_writer& json_writer::null() { return raw("null"); }

json_writer& json_writer::value(const std::vector<std::string>& list) {
  begin_array();
  for (const std::string& text : list) value(text);
  return end_array();
}

json_writer& json_writer::value(const std::map<std::string, std::string>& object) {
  begin_object();
  for (const auto& [name, text] : object) member(name, text);
  return end_object();
}

json_writer& json_writer::raw(std::string_view json) {
  separate();
  text_ += json;
  return *this;
}

}  // namespace gantry::model
