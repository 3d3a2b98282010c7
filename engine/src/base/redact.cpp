#include "base/redact.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

namespace gantry {
namespace {

/// Query keys of the distribution-spec whose values say what was asked for and nothing else.
constexpr std::array<std::string_view, 6> harmless_keys{"last", "mount", "n", "ns", "scope", "service"};

bool is_harmless(std::string_view key) { return std::find(harmless_keys.begin(), harmless_keys.end(), key) != harmless_keys.end(); }

bool has_scheme(std::string_view url) {
  const std::size_t end = url.find("://");
  if (end == std::string_view::npos || end == 0) return false;
  return std::all_of(url.begin(), url.begin() + static_cast<std::ptrdiff_t>(end), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
  });
}

std::string redact_query(std::string_view query) {
  std::vector<std::pair<std::string_view, bool>> keys;  // the key, or a whole harmless parameter, and whether a secret follows
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view parameter = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (parameter.empty()) continue;
    const std::size_t equals = parameter.find('=');
    const std::string_view key = parameter.substr(0, equals);
    const bool has_value = equals != std::string_view::npos && equals + 1 < parameter.size();
    if (has_value && is_harmless(key)) {
      keys.emplace_back(parameter, false);
    } else {
      keys.emplace_back(key, has_value);
    }
  }
  std::stable_sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) {
    return a.first.substr(0, a.first.find('=')) < b.first.substr(0, b.first.find('='));
  });

  std::string text;
  for (const auto& [key, secret] : keys) {
    if (!text.empty()) text += '&';
    text += key;
    if (secret) {
      text += "=REDACTED";
    } else if (key.find('=') == std::string_view::npos) {
      text += '=';
    }
  }
  return text;
}

/// The length of a well-formed UTF-8 sequence at the start of \p text, or 0 (Unicode 15, table 3-7).
std::size_t utf8_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t i, unsigned char low, unsigned char high) {
    return i < text.size() && at(i) >= low && at(i) <= high;
  };
  const unsigned char lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return continues(1, 0x80, 0xbf) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const unsigned char low = lead == 0xe0 ? 0xa0 : 0x80;
    const unsigned char high = lead == 0xed ? 0x9f : 0xbf;
    return continues(1, low, high) && continues(2, 0x80, 0xbf) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const unsigned char low = lead == 0xf0 ? 0x90 : 0x80;
    const unsigned char high = lead == 0xf4 ? 0x8f : 0xbf;
    return continues(1, low, high) && continues(2, 0x80, 0xbf) && continues(3, 0x80, 0xbf) ? 4 : 0;
  }
  return 0;
}

/// Whether a two- or three-byte sequence is a C1 control, a line or paragraph separator, or one of the marks that reorder text on a
/// terminal.
bool is_deceptive(std::string_view character) {
  if (character.size() == 2) return character[0] == '\xc2' && static_cast<unsigned char>(character[1]) < 0xa0;
  if (character.size() != 3 || character[0] != '\xe2') return false;
  const auto second = static_cast<unsigned char>(character[1]);
  const auto third = static_cast<unsigned char>(character[2]);
  return (second == 0x80 && third >= 0xa8 && third <= 0xae) || (second == 0x81 && third >= 0xa6 && third <= 0xa9);
}

/// `sha256:...`, however wrong the rest is.
bool looks_like_digest(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || !text.starts_with("sha")) return false;
  return text.substr(3, colon - 3).find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

std::string redact_url(std::string_view url) {
  url = url.substr(0, url.find('#'));
  const std::size_t question = url.find('?');
  std::string_view base = url.substr(0, question);
  if (!has_scheme(base)) return std::string(base);

  std::string text;
  const std::size_t authority = base.find("://") + 3;
  const std::size_t end = std::min(base.find('/', authority), base.size());
  const std::size_t at = base.substr(0, end).rfind('@');
  if (at != std::string_view::npos && at >= authority) {
    const std::string_view user = base.substr(authority, at - authority);
    const std::size_t colon = user.find(':');
    text = base.substr(0, authority);
    // A lone user name is as often a token as a name.
    text += colon == std::string_view::npos ? std::string("xxxxx") : std::string(user.substr(0, colon)) + ":xxxxx";
    text += base.substr(at);
  } else {
    text = base;
  }
  if (question != std::string_view::npos) {
    text += '?';
    text += redact_query(url.substr(question + 1));
  }
  return text;
}

std::string hide_user(std::string_view word) {
  for (std::size_t at = word.rfind('@'); at != std::string_view::npos; at = at == 0 ? std::string_view::npos : word.rfind('@', at - 1)) {
    if (looks_like_digest(word.substr(at + 1))) continue;
    const std::size_t scheme = word.find("://");
    const std::size_t begin = scheme == std::string_view::npos || scheme > at ? 0 : scheme + 3;
    return std::string(word.substr(0, begin)) + "***" + std::string(word.substr(at));
  }
  return std::string(word);
}

std::string clean_text(std::string_view text, std::size_t limit) {
  std::string clean;
  bool blank = false;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    std::string_view character = text.substr(0, std::max<std::size_t>(length, 1));
    text.remove_prefix(character.size());
    const auto byte = static_cast<unsigned char>(character[0]);
    if (byte == ' ' || (byte >= '\t' && byte <= '\r')) {
      blank = !clean.empty();
      continue;
    }
    if (length == 0 || byte < 0x20 || byte == 0x7f || is_deceptive(character)) character = "?";
    if (clean.size() + (blank ? 1U : 0U) + character.size() > limit) break;
    if (blank) clean += ' ';
    blank = false;
    clean += character;
  }
  return clean;
}

}  // namespace gantry
