#include "arguments.hpp"

#include "support/catch.hpp"

#include <cstring>
#include <numeric>
#include <string>
#include <vector>

using gantry::app::take_arguments;

namespace {

// The arguments as the kernel lays them out, and what is left of them.
std::string after_taking(std::vector<std::string> words, std::vector<std::string>& taken) {
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  taken = take_arguments(static_cast<int>(argv.size()), argv.data());
  std::string left;
  for (const char* word : argv) left += std::string(word) + "|";
  return left;
}

}  // namespace

TEST_CASE("the password leaves argv in every spelling and is kept in the copy") {
  struct row {
    std::vector<std::string> words;
    std::string left;
  };
  const std::vector<row> rows = {
      {{"gantry", "pull", "-p", "secret", "nginx"}, "gantry|pull|-p||nginx|"},
      {{"gantry", "pull", "-psecret", "nginx"}, "gantry|pull|-p|nginx|"},
      {{"gantry", "pull", "--password", "secret"}, "gantry|pull|--password||"},
      {{"gantry", "pull", "--password=secret"}, "gantry|pull|--password=|"},
      {{"gantry", "pull", "-qp", "secret", "-j", "4"}, "gantry|pull|-qp||-j|4|"},
      {{"gantry", "pull", "-qvpsecret"}, "gantry|pull|-qvp|"},
      {{"gantry", "pull", "-p", "a", "-p", "b"}, "gantry|pull|-p||-p||"},
      {{"gantry", "pull", "-p"}, "gantry|pull|-p|"},
      {{"gantry", "pull", "--password-stdin", "nginx"}, "gantry|pull|--password-stdin|nginx|"},
      {{"gantry", "pull", "-u", "somebody", "--platform", "linux/amd64"}, "gantry|pull|-u|somebody|--platform|linux/amd64|"},
      {{"gantry", "pull", "-o", "p", "nginx"}, "gantry|pull|-o|p|nginx|"},
      {{"gantry", "copy", "--src-creds", "me:secret", "a", "b"}, "gantry|copy|--src-creds||a|b|"},
      {{"gantry", "copy", "--dest-creds=me:secret", "a", "b"}, "gantry|copy|--dest-creds=|a|b|"},
      {{"gantry", "pull", "--proxy", "http://me:secret@proxy", "a"}, "gantry|pull|--proxy||a|"},
      {{"gantry", "pull", "--proxy=http://me:secret@proxy"}, "gantry|pull|--proxy=|"},
  };
  for (const auto& [words, left] : rows) {
    std::vector<std::string> taken;
    CHECK(after_taking(words, taken) == left);
    CHECK(taken == std::vector<std::string>(words.begin() + 1, words.end()));
  }
}
