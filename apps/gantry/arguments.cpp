#include "arguments.hpp"

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

}  // namespace

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
