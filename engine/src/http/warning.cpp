#include "http/warning.hpp"

#include "http/grammar.hpp"

namespace gantry::http {

std::optional<std::string> parse_warning(std::string_view value) {
  constexpr std::string_view start = "299 - \"";
  value = trim(value);
  if (!value.starts_with(start)) return std::nullopt;
  value.remove_prefix(start.size());

  std::string text;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '"') return i + 1 == value.size() ? std::optional(text) : std::nullopt;
    if (value[i] == '\\' && ++i == value.size()) return std::nullopt;
    if (!is_field_text(value.substr(i, 1))) return std::nullopt;
    text += value[i];
  }
  return std::nullopt;
}

}  // namespace gantry::http
