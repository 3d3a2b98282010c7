#include "manual/help_page.hpp"

#include "command.hpp"
#include "manual/tables.hpp"
#include "support/catch.hpp"
#include "utf8.hpp"

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <variant>

using namespace gantry::app;

namespace {

std::size_t widest(const std::string& text) {
  std::size_t most = 0;
  std::istringstream lines(text);
  // Examples are for copying and stay as they are.
  for (std::string line; std::getline(lines, line) && !line.starts_with("Examples:");) most = std::max(most, columns(line));
  return most;
}

help_text help_of_pull() { return std::get<help_text>(parse_pull({"--help"}).value()); }

}  // namespace

TEST_CASE("help is laid out for the terminal that it is read on") {
  const help_text help = help_of_pull();
  for (const std::size_t width : {60u, 80u, 100u}) {
    const std::string page = help_page(help, width);
    CHECK(widest(page) <= width);
    CHECK(page.starts_with("Usage: gantry pull IMAGE... [OPTION...]\n\nPull images"));
    CHECK(page.find("\n\n\n") == std::string::npos);
    for (const option_row& row : help.options) CHECK(page.find("  " + row.names.front()) != std::string::npos);
  }
  // A word longer than the line, like the form of a proxy's address, is all that may stand out.
  CHECK(widest(help_page(help, 40)) <= 60);
  CHECK(help_page(help, 80).find("  -h, --help                    Print this help\n") != std::string::npos);
  CHECK(help_page(help, 60).find("  -h, --help\n      Print this help\n") != std::string::npos);
}

TEST_CASE("help names each group of options once, also where a command and its common options share one") {
  const auto check = [](const help_text& help) {
    INFO(help.usage);
    const std::string page = help_page(help, 80);
    std::set<std::string> seen;
    std::string last;
    for (const option_row& row : help.options) {
      if (row.group == last) continue;
      last = row.group;
      CHECK(seen.insert(last).second);
      const std::size_t at = page.find("\n" + last + ":\n");
      CHECK((at != std::string::npos && page.find("\n" + last + ":\n", at + 1) == std::string::npos));
    }
    CHECK(seen.size() > 1);
  };
  for (const command& verb : commands()) {
    if (const auto help = help_of(verb.name)) check(*help);
  }
}

TEST_CASE("options about the outcome are offered where there is one") {
  const auto offers = [](const char* verb, const std::string& name) {
    const help_text help = help_of(verb).value();
    for (const option_row& row : help.options) {
      if (!row.names.empty() && row.names.back() == name) return true;
    }
    return false;
  };
  for (const char* const verb : {"pull", "save", "push", "copy", "sync", "extract", "verify", "serve"}) CHECK(offers(verb, "--report"));
  for (const char* const verb :
       {"login", "logout", "list", "clean", "completion", "convert", "inspect", "digest", "tags", "repos", "delete", "explain", "bench"})
    CHECK_FALSE(offers(verb, "--report"));
  for (const char* const verb : {"pull", "list", "login", "inspect"}) CHECK(offers(verb, "--json"));
  for (const char* const verb : {"serve", "completion"}) CHECK_FALSE(offers(verb, "--json"));
}

TEST_CASE("help of a command has what has an effect there") {
  const auto offers = [](const char* verb, const std::string& name) {
    const help_text help = help_of(verb).value();
    return std::any_of(help.options.begin(), help.options.end(),
                       [&](const option_row& row) { return std::find(row.names.begin(), row.names.end(), name) != row.names.end(); });
  };
  for (const char* const name : {"--jobs", "--limit-rate", "--no-sync", "--cache-dir"}) {
    for (const char* const verb : {"pull", "push", "copy", "sync", "verify", "serve", "explain"}) CHECK(offers(verb, name));
    for (const char* const verb : {"tags", "repos", "delete", "login", "logout"}) CHECK_FALSE(offers(verb, name));
  }
  for (const char* const name : {"--mirror", "--username", "--proxy", "--retries"}) {
    CHECK(offers("inspect", name));
    for (const char* const verb : {"save", "logout"}) CHECK_FALSE(offers(verb, name));
  }
  CHECK(offers("inspect", "--cache-dir"));
  CHECK(offers("login", "--retries"));
  CHECK_FALSE(offers("delete", "--mirror"));
  CHECK_FALSE(offers("list", "--progress"));
  CHECK_FALSE(offers("completion", "--debug"));
}

TEST_CASE("an option of several long names shows one and tells the others behind what it does") {
  const std::string page = help_page(help_of_pull(), 100);
  CHECK(page.find("  -j, --jobs N|auto             Connections at a time (default auto); also --workers,\n") != std::string::npos);
  CHECK(page.find("--max-concurrent-downloads\n") != std::string::npos);
  CHECK(page.find("  --insecure[=HOST]             Do not check ") != std::string::npos);
  CHECK(page.find("; also --skip-tls\n") != std::string::npos);
}

TEST_CASE("questions that have few options have a page of help, not two") {
  for (const char* const verb : {"tags", "repos", "delete", "login", "logout"}) {
    const std::string page = help_page(help_of(verb).value(), 100);
    INFO(page);
    CHECK(std::count(page.begin(), page.end(), '\n') <= 43);
  }
}

TEST_CASE("help takes the width of the terminal or of COLUMNS and never more than a hundred columns") {
  CHECK(help_columns(80, "") == 80);
  CHECK(help_columns(80, "60") == 80);
  CHECK(help_columns(200, "") == 100);
  CHECK(help_columns(0, "") == 100);
  CHECK(help_columns(0, "72") == 72);
  CHECK(help_columns(0, "300") == 100);
  CHECK(help_columns(0, "wide") == 100);
  CHECK(help_columns(0, "1") == 100);
}

TEST_CASE("a table is wrapped in its second column") {
  CHECK(wrap_table("  name    what it is\n", 80) == "  name    what it is\n");
  CHECK(wrap_table("  name    what it is for, and when it is not\n", 36) == "  name    what it is for, and when\n          it is not\n");
  CHECK(wrap_table("  name    what it is\n", 16) == "  name\n      what it is\n");
  CHECK(wrap_table("one two three\n", 8) == "one two\nthree\n");
  CHECK(wrap_table("  name    what it is\n", 0) == "  name    what it is\n");
}
