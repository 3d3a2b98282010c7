#include "settings/settings_text.hpp"

#include "settings/defaults.hpp"
#include "utf8.hpp"

#include <fmt/format.h>
#include <boost/json/basic_parser_impl.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

namespace gantry::app {
namespace {

namespace json = boost::json;
using error_code = boost::system::error_code;

/// What the parser calls. Its first complaint is the one that is told.
struct settings_handler {
  static constexpr std::size_t max_object_size = 1000;
  static constexpr std::size_t max_array_size = 1000;
  static constexpr std::size_t max_key_size = 1000;
  static constexpr std::size_t max_string_size = 64 * 1024;

  std::vector<setting> members;
  std::string complaint;
  std::string hint;
  std::size_t line = 1;
  bool in_object = false;
  bool in_list = false;
  std::string text;

  bool refuse(std::string why, error_code& ec) {
    complaint = std::move(why);
    ec = json::error::syntax;
    return false;
  }
  /// The same for a value. Whoever misspelt the name reads of that, not of what another setting takes.
  bool refuse_value(std::string why, error_code& ec) {
    const std::string& name = members.back().name;
    if (find_settable(name) != nullptr) return refuse(std::move(why), ec);
    hint = nearest_setting(name);
    return refuse(fmt::format("there is no setting '{}'", name), ec);
  }
  bool take(setting::kind type, std::string value, error_code& ec) {
    if (!in_object) return refuse("settings are one JSON object, { ... }", ec);
    setting& last = members.back();
    if (in_list && type != setting::kind::text) return refuse_value(fmt::format("a list, as of '{}', holds strings alone", last.name), ec);
    if (!in_list) last.type = type;
    last.values.push_back(std::move(value));
    return true;
  }

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code& ec) {
    if (in_object) return refuse_value(fmt::format("'{}' cannot be an object", members.back().name), ec);
    in_object = true;
    return true;
  }
  bool on_object_end(std::size_t, error_code&) { return true; }
  bool on_array_begin(error_code& ec) {
    if (!in_object) return refuse("settings are one JSON object, { ... }", ec);
    if (in_list) return refuse_value(fmt::format("a list, as of '{}', holds strings alone", members.back().name), ec);
    in_list = true;
    members.back().type = setting::kind::list;
    return true;
  }
  bool on_array_end(std::size_t, error_code&) {
    in_list = false;
    return true;
  }
  bool on_key_part(json::string_view part, std::size_t, error_code&) {
    text.append(part.data(), part.size());
    return true;
  }
  bool on_key(json::string_view part, std::size_t, error_code& ec) {
    text.append(part.data(), part.size());
    setting made;
    made.name = std::exchange(text, {});
    made.line = line;
    const auto same = [&](const setting& one) { return one.name == made.name; };
    const auto before = std::find_if(members.begin(), members.end(), same);
    if (before != members.end()) return refuse(fmt::format("'{}' stands there twice, first in line {}", made.name, before->line), ec);
    members.push_back(std::move(made));
    return true;
  }
  bool on_string_part(json::string_view part, std::size_t, error_code&) {
    text.append(part.data(), part.size());
    return true;
  }
  bool on_string(json::string_view part, std::size_t, error_code& ec) {
    text.append(part.data(), part.size());
    return take(setting::kind::text, std::exchange(text, {}), ec);
  }
  bool on_number_part(json::string_view, error_code&) { return true; }
  bool on_int64(std::int64_t value, json::string_view, error_code& ec) { return take(setting::kind::number, fmt::format("{}", value), ec); }
  bool on_uint64(std::uint64_t value, json::string_view, error_code& ec) {
    return take(setting::kind::number, fmt::format("{}", value), ec);
  }
  bool on_double(double, json::string_view, error_code& ec) {
    if (!in_object) return refuse("settings are one JSON object, { ... }", ec);
    return refuse_value(fmt::format("'{}' is not a whole number", members.back().name), ec);
  }
  bool on_bool(bool value, error_code& ec) { return take(setting::kind::boolean, value ? "true" : "false", ec); }
  bool on_null(error_code& ec) {
    if (!in_object) return refuse("settings are one JSON object, { ... }", ec);
    return refuse_value(fmt::format("'{}' is null; leave it out for the usual value", members.back().name), ec);
  }
  bool on_comment_part(json::string_view, error_code&) { return true; }
  bool on_comment(json::string_view, error_code&) { return true; }
};

}  // namespace

outcome<std::vector<setting>> parse_settings(std::string_view text, const std::string& file) {
  text = without_byte_order_mark(text);
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return std::vector<setting>();
  json::basic_parser<settings_handler> parser{json::parse_options()};
  settings_handler& handler = parser.handler();
  error_code ec;
  // Line by line, so that the handler knows where it is.
  for (std::size_t begin = 0; begin < text.size() && !ec; ++handler.line) {
    const std::size_t newline = text.find('\n', begin);
    const std::size_t end = newline == std::string_view::npos ? text.size() : newline + 1;
    const std::size_t used = parser.write_some(end < text.size(), text.data() + begin, end - begin, ec);
    if (!ec && used < end - begin && text.find_first_not_of(" \t\r\n", begin + used) != std::string_view::npos) {
      handler.complaint = "something follows the closing brace";
      ec = json::error::extra_data;
    }
    if (ec) break;
    begin = end;
  }
  if (!ec) return std::move(handler.members);
  const std::string why = handler.complaint.empty() ? "this is not JSON: " + ec.message() : handler.complaint;
  std::string hint = handler.hint;
  if (handler.complaint.empty())
    hint = "names and words stand in double quotes, and no comma behind the last value: {\"jobs\": 8, \"format\": \"oci\"}";
  return usage_problem(fmt::format("{}, line {}: {}", file, handler.line, why), std::move(hint));
}

}  // namespace gantry::app
