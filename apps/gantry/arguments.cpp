#include "arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace gantry::app {
namespace {

constexpr std::string_view flags_before_p = "qvh";  // short options without value: `-qvpSECRET` is one word

void wipe(char* text) {
  volatile char* byte = text;  // the compiler must not drop stores that nobody reads
  while (*byte != '\0') *byte++ = '\0';
}

// Where the secret begins in this word: npos = no secret, size() = the whole next word.
std::size_t secret_begin(std::string_view word) {
  // A proxy's address may have a password in it; all of it goes, and so does the user's name before a registry's.
  for (const std::string_view name : {"--password", "--src-creds", "--dest-creds", "--proxy"}) {
    if (!word.starts_with(name)) continue;
    if (word.size() == name.size()) return word.size();
    if (word[name.size()] == '=') return name.size() + 1;
  }
  if (word.size() < 2 || word[0] != '-' || word[1] == '-') return std::string_view::npos;
  const std::size_t p = word.find_first_not_of(flags_before_p, 1);
  if (p == std::string_view::npos || word[p] != 'p') return std::string_view::npos;
  return p + 1;
}

constexpr std::size_t most_words_shown = 40;

enum class discretion {
  none,            ///< shown
  this_word,       ///< left out
  this_and_value,  ///< left out with the word behind
};

discretion discretion_of(std::string_view word) {
  static constexpr std::array<std::string_view, 8> quiet = {"--username",  "--password",   "--authfile",     "--proxy",
                                                            "--src-creds", "--dest-creds", "--src-authfile", "--dest-authfile"};
  if (word == "--password-stdin") return discretion::this_word;
  if (word.starts_with("--")) {
    const std::size_t equals = word.find('=');
    if (std::find(quiet.begin(), quiet.end(), word.substr(0, equals)) == quiet.end()) return discretion::none;
    return equals == std::string_view::npos ? discretion::this_and_value : discretion::this_word;
  }
  if (word.size() < 2 || word[0] != '-') return discretion::none;
  const std::size_t letter = word.find_first_not_of(flags_before_p, 1);
  if (letter == std::string_view::npos || (word[letter] != 'p' && word[letter] != 'u')) return discretion::none;
  return letter + 1 == word.size() ? discretion::this_and_value : discretion::this_word;
}

/// `scheme://name:password@host` becomes `scheme://host`; behind docker:// there is a digest instead.
std::string without_userinfo(std::string word) {
  if (word.starts_with("docker://")) return word;
  const std::size_t scheme = word.find("://");
  if (scheme == std::string::npos) return word;
  const std::size_t begin = scheme + 3;
  const std::size_t at = std::string_view(word).substr(0, word.find_first_of("/?#", begin)).rfind('@');
  if (at != std::string::npos && at >= begin) word.erase(begin, at + 1 - begin);
  return word;
}

std::string quoted(const std::string& word) {
  constexpr std::string_view harmless = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@%+=:,./_-";
  if (!word.empty() && word.find_first_not_of(harmless) == std::string::npos) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? "'\\''" : std::string(1, c);
  return text + "'";
}

}  // namespace

std::string shown_command(const std::vector<std::string>& words) {
  std::string text = "gantry";
  std::size_t shown = 0, more = 0;
  bool options = true;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const discretion kind = options ? discretion_of(words[i]) : discretion::none;
    options = options && words[i] != "--";
    if (kind == discretion::this_and_value) ++i;
    if (kind != discretion::none) continue;
    if (shown == most_words_shown) {
      ++more;
      continue;
    }
    ++shown;
    text += " " + quoted(without_userinfo(words[i]));
  }
  return more == 0 ? text : text + fmt::format(" ... and {} more", more);
}

std::vector<std::string> take_arguments(int argc, char** argv) {
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) words.emplace_back(argv[i]);
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--") break;
    const std::size_t begin = secret_begin(word);
    if (begin == std::string_view::npos) continue;
    if (begin < word.size()) {
      wipe(argv[i] + begin);
    } else if (i + 1 < argc) {
      wipe(argv[++i]);
    }
  }
  return words;
}

}  // namespace gantry::app
