#include "registry/challenge.hpp"

#include "base/ascii.hpp"
#include "base/redact.hpp"
#include "http/grammar.hpp"
#include "http/message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace gantry::registry {
namespace {

using http::iequals;
using http::is_token_char;

/// Schemes that may stand alone behind another challenge; any other lone word there is a parameter without a value.
bool is_known_scheme(std::string_view word) {
  constexpr std::array<std::string_view, 6> schemes{"Basic", "Bearer", "Digest", "Negotiate", "NTLM", "OAuth2"};
  return std::any_of(schemes.begin(), schemes.end(), [&](std::string_view scheme) { return iequals(word, scheme); });
}

/// Reads one field value from left to right.
class scanner {
 public:
  explicit scanner(std::string_view text) : text_(text) {}

  bool at_end() const { return text_.empty(); }
  bool starts_with(char c) const { return !text_.empty() && text_.front() == c; }

  void skip_blanks() {
    while (starts_with(' ') || starts_with('\t')) text_.remove_prefix(1);
  }
  void skip_separators() {
    while (starts_with(' ') || starts_with('\t') || starts_with(',')) text_.remove_prefix(1);
  }
  bool take(char c) {
    if (!starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  std::string_view token() {
    const auto end = std::find_if_not(text_.begin(), text_.end(), is_token_char);
    const auto length = static_cast<std::size_t>(end - text_.begin());
    const std::string_view word = text_.substr(0, length);
    text_.remove_prefix(length);
    return word;
  }
  /// A quoted string, or everything up to a blank or comma: registries leave quotes away around URLs.
  std::optional<std::string> value() {
    if (!take('"')) {
      const std::size_t end = std::min(text_.find_first_of(" \t,\""), text_.size());
      std::string plain(text_.substr(0, end));
      text_.remove_prefix(end);
      if (plain.empty() || starts_with('"')) return std::nullopt;
      return plain;
    }
    std::string unquoted;
    while (!text_.empty()) {
      const char c = text_.front();
      text_.remove_prefix(1);
      if (c == '"') return unquoted;
      if (c != '\\') {
        unquoted += c;
        continue;
      }
      if (text_.empty()) break;
      unquoted += text_.front();
      text_.remove_prefix(1);
    }
    return std::nullopt;
  }
  /// What follows a value: the end, a comma, or blanks and one of these.
  bool at_boundary() {
    const bool blank = starts_with(' ') || starts_with('\t');
    skip_blanks();
    return at_end() || starts_with(',') || blank;
  }

 private:
  std::string_view text_;
};

/// Reads challenges until the end or the first defect. \returns false for a defect.
bool read(scanner& in, std::vector<challenge>& challenges) {
  in.skip_separators();
  for (bool listed = true; !in.at_end(); in.skip_separators()) {
    const std::string_view word = in.token();
    if (word.empty()) return false;
    const bool spaced = in.starts_with(' ') || in.starts_with('\t');
    in.skip_blanks();
    const bool alone = in.at_end() || in.starts_with(',');
    if (in.take('=')) {
      in.skip_blanks();
      auto value = challenges.empty() ? std::nullopt : in.value();
      if (!value) return false;
      challenges.back().parameters.emplace_back(lower_case(word), std::move(*value));
      if (!in.at_boundary()) return false;
    } else if (challenges.empty() || is_known_scheme(word) || (spaced && !alone)) {
      // A word that is known, or is followed by another word, opens the next challenge.
      challenges.push_back({lower_case(word), {}});
    } else if (listed || !challenges.back().parameters.empty()) {
      return false;
    }  // else the credentials of a scheme such as Negotiate, which mean nothing here
    listed = in.starts_with(',');
  }
  return true;
}

}  // namespace

const std::string* challenge::find(std::string_view name) const {
  const auto found =
      std::find_if(parameters.begin(), parameters.end(), [&](const auto& parameter) { return iequals(parameter.first, name); });
  return found == parameters.end() ? nullptr : &found->second;
}

result<std::vector<challenge>> parse_challenges(std::string_view value) {
  std::vector<challenge> challenges;
  scanner in(value);
  const bool whole = read(in, challenges);
  if (!whole && !challenges.empty() && challenges.back().parameters.empty()) challenges.pop_back();
  if (challenges.empty()) {
    return failure(errc::protocol_error,
                   fmt::format("the registry asks for authentication in words that cannot be read: '{}'", clean_text(value, 128)));
  }
  return challenges;
}

result<std::vector<challenge>> parse_challenges(const std::vector<std::string_view>& values) {
  std::vector<challenge> all;
  std::optional<failure> defect;
  for (const std::string_view value : values) {
    auto some = parse_challenges(value);
    if (!some) {
      defect = some.error();
      continue;
    }
    all.insert(all.end(), std::make_move_iterator(some->begin()), std::make_move_iterator(some->end()));
  }
  if (defect && preferred(all) == nullptr) return *defect;
  return all;
}

const challenge* preferred(const std::vector<challenge>& challenges) noexcept {
  for (const std::string_view scheme : {"bearer", "basic"}) {
    const auto found = std::find_if(challenges.begin(), challenges.end(), [&](const challenge& c) { return c.scheme == scheme; });
    if (found != challenges.end()) return &*found;
  }
  return nullptr;
}

}  // namespace gantry::registry
