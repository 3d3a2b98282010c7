#include "manual/examples.hpp"

#include "command.hpp"
#include "convert_options.hpp"
#include "copy_options.hpp"
#include "explain_options.hpp"
#include "extract_options.hpp"
#include "idle_options.hpp"
#include "login_options.hpp"
#include "lookup_options.hpp"
#include "manual/completion_options.hpp"
#include "manual/tables.hpp"
#include "push_options.hpp"
#include "serve_options.hpp"
#include "store_options.hpp"
#include "support/catch.hpp"
#include "sync_options.hpp"

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

using namespace gantry::app;

namespace {

bool no_path(const std::string&) { return false; }

bool is_archive(const std::string& path) { return path.ends_with(".tar"); }

// The words behind the verb, as a shell would pass them; these examples quote whole words only.
std::vector<std::string> words_of(std::string line) {
  // What another command prints.
  if (const std::size_t begin = line.find("$("); begin != std::string::npos)
    line.replace(begin, line.find(')', begin) + 1 - begin, "sha256:" + std::string(64, '0'));
  std::vector<std::string> words;
  std::istringstream text(line);
  std::string word;
  text >> word;
  while (text >> word && word != "|" && word != "<" && word != ">") {
    std::erase(word, '\'');
    words.push_back(word);
  }
  return words;
}

template <class Parsed>
std::string trouble(const Parsed& parsed) {
  return parsed ? std::string() : parsed.error().message;
}

std::string trouble_with(const std::string& command, std::vector<std::string> words) {
  if (command == "pull") return trouble(parse_pull(words));
  if (command == "save") return trouble(parse_save(words));
  if (command == "bench") return trouble(parse_bench(words));
  if (command == "push") return trouble(parse_push(words, is_archive));
  if (command == "copy") return trouble(parse_copy(words));
  if (command == "sync") return trouble(parse_sync(words, no_path));
  if (command == "inspect") return trouble(parse_inspect(words));
  if (command == "digest") return trouble(parse_digest(words));
  if (command == "tags") return trouble(parse_tags(words));
  if (command == "repos") return trouble(parse_repositories(words));
  if (command == "delete") return trouble(parse_delete(words));
  if (command == "explain") return trouble(parse_explain(words));
  if (command == "login") return trouble(parse_login(words));
  if (command == "logout") return trouble(parse_logout(words));
  if (command == "list") return trouble(parse_list(words));
  if (command == "clean") return trouble(parse_clean(words));
  if (command == "verify") return trouble(parse_verify(words));
  if (command == "extract") return trouble(parse_extract(words));
  if (command == "convert") return trouble(parse_convert(words));
  if (command == "serve") return trouble(parse_serve(words));
  if (command == "completion") return trouble(parse_completion(words));
  return "no such command";
}

}  // namespace

TEST_CASE("every example of the help texts is a command line that its command takes") {
  for (const example& one : examples()) {
    INFO(one.line);
    CHECK(std::string(one.line).starts_with(one.command));
    CHECK(trouble_with(one.command, words_of(one.line)).empty());
  }
}

TEST_CASE("the end of a help text has the examples of its command alone") {
  const std::string text = examples_text("gantry save");
  CHECK(text.find("gantry save nginx") != std::string::npos);
  CHECK(text.find("gantry pull") == std::string::npos);
  CHECK(examples_text("gantry nothing").empty());
}

TEST_CASE("long examples go on behind a backslash on a narrow terminal") {
  CHECK(examples_text("gantry save", 40)
            .starts_with(
                "\nExamples:\n  # two images of the store in one\n  # archive\n  gantry save nginx:1.25 alpine:3 \\\n      -o base.tar\n"));
  CHECK(examples_text("gantry save", 80) == examples_text("gantry save"));
}

TEST_CASE("the table of a command has names, values and groups of its options") {
  const auto help = help_of("pull");
  REQUIRE(help);
  CHECK(help->usage == "gantry pull IMAGE... [OPTION...]");
  const auto row = [&](const std::string& name) {
    const auto found = std::find_if(help->options.begin(), help->options.end(), [&](const option_row& one) {
      return std::find(one.names.begin(), one.names.end(), name) != one.names.end();
    });
    return found == help->options.end() ? option_row() : *found;
  };
  CHECK(row("--arch").names == std::vector<std::string>{"-a", "--arch"});
  CHECK(row("--arch").value == "LIST");
  CHECK(row("--quiet").value.empty());
  CHECK(row("--insecure").value == "HOST");
  CHECK(row("--insecure").value_may_lack);
  CHECK(row("--jobs").group == "Transfer");
  CHECK_FALSE(help_of("nothing"));
}

TEST_CASE("what changes nothing for a command is taken by it and stands in no help") {
  // Every shared option, with a value where it takes one.
  const std::vector<std::vector<std::string>> shared{{"--jobs", "4"},
                                                     {"--max-per-host", "4"},
                                                     {"--limit-rate", "1M"},
                                                     {"--retries", "2"},
                                                     {"--no-sync"},
                                                     {"--cache-dir", "/c"},
                                                     {"--authfile", "/a"},
                                                     {"--insecure"},
                                                     {"--plain-http"},
                                                     {"--ca-cert", "/p"},
                                                     {"--proxy", "http://p.example:1"},
                                                     {"--mirror", "docker.io=https://m.example"},
                                                     {"--no-host-config"},
                                                     {"--progress", "plain"},
                                                     {"--progress-fd", "3"},
                                                     {"--log-file", "/l"},
                                                     {"--verbose"},
                                                     {"--debug"}};
  std::size_t hidden = 0;
  for (const command& verb : commands()) {
    const auto help = help_of(verb.name);
    REQUIRE(help);
    const auto example =
        std::find_if(examples().begin(), examples().end(), [&](const auto& one) { return std::string_view(one.command) == verb.name; });
    REQUIRE(example != examples().end());
    for (const auto& option : shared) {
      if (!has_option(idle_options(verb.name), option.front().substr(2))) continue;
      INFO(verb.name << " " << option.front());
      ++hidden;
      auto words = words_of(example->line);
      words.insert(words.begin(), option.begin(), option.end());
      CHECK(trouble_with(verb.name, words).empty());
      for (const option_row& row : help->options) CHECK(std::find(row.names.begin(), row.names.end(), option.front()) == row.names.end());
    }
  }
  CHECK(hidden > 50);
}

TEST_CASE("a misspelt option is not answered with one that changes nothing") {
  CHECK(parse_pull({"nginx", "--limit-rat", "1M"}).error().hint == "did you mean '--limit-rate'?");
  CHECK(parse_tags({"nginx", "--limit-rat", "1M"}).error().hint == "see 'gantry tags --help'");
  CHECK(parse_save({"nginx", "--mirro", "a=b"}).error().hint == "see 'gantry save --help'");
}
