#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::model {

/// Writes compact JSON in the order of the calls, hence the same bytes for the same calls. Wrong nesting asserts.
class json_writer {
 public:
  json_writer& begin_object();
  json_writer& end_object();
  json_writer& begin_array();
  json_writer& end_array();
  json_writer& key(std::string_view name);

  /// Invalid UTF-8 becomes U+FFFD.
  json_writer& value(std::string_view text);
  json_writer& value(const char* text) { return value(std::string_view(text)); }
  json_writer& value(const std::string& text) { return value(std::string_view(text)); }
  json_writer& value(std::uint64_t number);
  json_writer& value(std::int64_t number);
  json_writer& value(int number) { return value(static_cast<std::int64_t>(number)); }
  json_writer& value(unsigned number) { return value(static_cast<std::uint64_t>(number)); }
  json_writer& value(bool flag);
  json_writer& null();
  json_writer& value(const std::vector<std::string>& list);
  json_writer& value(const std::map<std::string, std::string>& object);

  /// \p json is complete, valid JSON and is copied as it stands.
  json_writer& raw(std::string_view json);

  template <class T>
  json_writer& member(std::string_view name, const T& content) {
    key(name);
    return value(content);
  }

  const std::string& string() const noexcept { return text_; }
  std::string take() { return std::move(text_); }

 private:
  void separate();
  json_writer& close(char bracket);

  std::string text_;
  std::vector<bool> filled_;  ///< one per open bracket: something stands in it
  bool after_key_ = false;
};

}  // namespace gantry::model
