#include "arguments.hpp"

#include "support/catch.hpp"

#include <cstring>
#include <numeric>
#include <string>
#include <vector>

using gantry::app::shown_command;
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

TEST_CASE("a command that is shown has no account in it") {
  struct row {
    std::vector<std::string> words;
    std::string shown;
  };
  const std::vector<row> rows = {
      {{"pull", "nginx:1.25", "-o", "x.tar"}, "gantry pull nginx:1.25 -o x.tar"},
      {{"pull", "-u", "me", "-p", "secret", "nginx"}, "gantry pull nginx"},
      {{"pull", "-ume", "-psecret", "nginx"}, "gantry pull nginx"},
      {{"pull", "-qvp", "secret", "nginx"}, "gantry pull nginx"},
      {{"pull", "-qvpsecret", "nginx", "-q"}, "gantry pull nginx -q"},
      {{"pull", "--username=me", "--password=secret", "nginx"}, "gantry pull nginx"},
      {{"pull", "--username", "me", "--password-stdin", "nginx"}, "gantry pull nginx"},
      {{"copy", "a", "b", "--src-creds", "me:secret", "--dest-creds=me:secret", "-n"}, "gantry copy a b -n"},
      {{"copy", "a", "b", "--authfile", "/home/me/auth.json", "--dest-authfile=x"}, "gantry copy a b"},
      {{"pull", "a", "--proxy", "http://me:secret@proxy"}, "gantry pull a"},
      {{"pull", "a", "--mirror", "docker.io=https://me:secret@mirror.example/x@y"},
       "gantry pull a --mirror docker.io=https://mirror.example/x@y"},
      {{"pull", "a", "--mirror=docker.io=https://me:p@ss@mirror.example"}, "gantry pull a --mirror=docker.io=https://mirror.example"},
      {{"pull", "app@sha256:12", "-o", "my file.tar"}, "gantry pull app@sha256:12 -o 'my file.tar'"},
      {{"pull", "docker://nginx@sha256:12"}, "gantry pull docker://nginx@sha256:12"},
      {{"pull", "--", "-p", "it's"}, "gantry pull -- -p 'it'\\''s'"},
      {{"pull", "-o", "", "-p"}, "gantry pull -o ''"},
  };
  for (const auto& [words, shown] : rows) CHECK(shown_command(words) == shown);
  std::string many = "gantry";
  for (int i = 0; i < 40; ++i) many += " a";
  CHECK(shown_command(std::vector<std::string>(1000, "a")) == many + " ... and 960 more");
}
