#include "utf8.hpp"

#include "character_width.hpp"

#include <algorithm>

namespace gantry::app {

std::size_t utf8_length(std::string_view text) noexcept {
  if (text.empty()) return 0;
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates and what lies beyond U+10FFFF.
  if ((lead == 0xe0 && at(1) < 0xa0) || (lead == 0xed && at(1) > 0x9f) || (lead == 0xf0 && at(1) < 0x90) || (lead == 0xf4 && at(1) > 0x8f))
    return 0;
  return length;
}

namespace {

struct character {
  std::size_t bytes = 0;
  std::size_t width = 0;
};

/// The character that \p text, which is not empty, begins with.
character first_of(std::string_view text) noexcept {
  const std::size_t bytes = utf8_length(text);
  if (bytes <= 1) return {1, 1};
  char32_t code = static_cast<unsigned char>(text[0]) & (0xffu >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) code = (code << 6) | (static_cast<unsigned char>(text[i]) & 0x3fu);
  return {bytes, character_width(code)};
}

}  // namespace

std::string_view without_byte_order_mark(std::string_view text) noexcept {
  constexpr std::string_view mark = "\xEF\xBB\xBF";
  return text.starts_with(mark) ? text.substr(mark.size()) : text;
}

std::string printable(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const std::size_t bytes = utf8_length(text);
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const bool c0 = bytes == 1 && (at(0) < 0x20 || at(0) == 0x7f) && text[0] != '\n';
    const bool c1 = bytes == 2 && at(0) == 0xc2 && at(1) < 0xa0;
    // U+202A to U+202E and U+2066 to U+2069: what follows would be read from right to left.
    const bool turns = bytes == 3 && at(0) == 0xe2 &&
                       ((at(1) == 0x80 && at(2) >= 0xaa && at(2) <= 0xae) || (at(1) == 0x81 && at(2) >= 0xa6 && at(2) <= 0xa9));
    if (text[0] == '\t') {
      clean += ' ';
    } else if (bytes == 0 || c0 || c1 || turns) {
      clean += '?';
    } else {
      clean += text.substr(0, bytes);
    }
    text.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  return clean;
}

std::size_t columns(std::string_view text) noexcept {
  std::size_t count = 0;
  while (!text.empty()) {
    const character first = first_of(text);
    count += first.width;
    text.remove_prefix(first.bytes);
  }
  return count;
}

std::string fit(std::string_view text, std::size_t width) {
  if (columns(text) <= width) return std::string(text);
  if (width == 0) return {};
  std::size_t end = 0;
  std::size_t used = 0;
  for (;;) {
    const character next = first_of(text.substr(end));
    if (used + next.width > width - 1) break;
    used += next.width;
    end += next.bytes;
  }
  return std::string(text.substr(0, end)) + '~';
}

namespace {

/// The longest beginning of \p word that ends with one of \p breaks and has at most \p width columns; may be empty.
std::string_view beginning_of(std::string_view word, std::size_t width, std::string_view breaks) {
  std::string_view found;
  for (std::size_t at = word.find_first_of(breaks); at != std::string_view::npos; at = word.find_first_of(breaks, at + 1)) {
    const std::string_view beginning = word.substr(0, at + 1);
    if (columns(beginning) > width) break;
    found = beginning;
  }
  return found;
}

}  // namespace

std::string wrap(std::string_view text, std::size_t width, std::size_t indent, std::string_view breaks) {
  std::string lines;
  std::size_t used = 0;
  std::size_t words = 0;  // on this line
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto next_line = [&] {
      lines += '\n' + std::string(indent, ' ');
      used = indent;
      words = 0;
    };
    if (words > 0 && used + 1 + columns(word) > width) next_line();
    while (words == 0 && used + columns(word) > width) {
      const std::string_view beginning = beginning_of(word, width - std::min(used, width), breaks);
      if (beginning.empty() || beginning.size() == word.size()) break;
      lines += beginning;
      word.remove_prefix(beginning.size());
      next_line();
    }
    if (words > 0) {
      lines += ' ';
      ++used;
    }
    lines += word;
    used += columns(word);
    ++words;
  }
  return lines;
}

}  // namespace gantry::app
