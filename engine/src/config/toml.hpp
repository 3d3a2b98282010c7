#pragma once

// toml++ as it is wanted here: errors as values, only where it is included.
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
// Version 3.2 asserts, and with NDEBUG assumes, that a key begins like one, which `[*a]` does not; the check that follows in it gives an
// error.
#include <toml++/impl/preprocessor.h>
#undef TOML_ASSERT_ASSUME
#define TOML_ASSERT_ASSUME(expression) static_assert(true)
#include <toml++/toml.h>

#include "base/failure.hpp"
#include "base/redact.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace gantry::config {

/// Files of other programs are small; a larger one is something else.
inline constexpr std::size_t foreign_file_limit = std::size_t{1} << 20;

inline failure cannot_be_read(const std::string& name, std::string_view why) {
  return {errc::invalid_option, fmt::format("{} cannot be read: {}; --no-host-config leaves it aside", name, why)};
}

inline result<toml::table> read_toml(std::string_view text, const std::string& name) {
  if (text.size() > foreign_file_limit) return cannot_be_read(name, "it is larger than 1 MiB");
  toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    return cannot_be_read(name, fmt::format("line {}: {}", parsed.error().source().begin.line, clean_text(parsed.error().description())));
  }
  return std::move(parsed).table();
}

/// A member that must have type \p T when it is there. \returns false when it has another.
template <class T>
bool take(const toml::table& from, std::string_view key, T& into) {
  const toml::node* const node = from.get(key);
  if (node == nullptr) return true;
  const auto value = node->value_exact<T>();
  if (value) into = *value;
  return value.has_value();
}

}  // namespace gantry::config
