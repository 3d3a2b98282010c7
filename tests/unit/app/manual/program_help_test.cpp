#include "manual/program_help.hpp"

#include "environment.hpp"
#include "manual/man_page.hpp"
#include "manual/variables.hpp"
#include "support/catch.hpp"
#include "utf8.hpp"

#include <algorithm>
#include <cstddef>
#include <set>
#include <sstream>
#include <string>

using namespace gantry::app;

TEST_CASE("an example that has no room in a line can be pasted all the same") {
  for (const std::size_t width : {30u, 40u, 60u}) {
    const std::string help = program_help(width);
    const std::size_t begin = help.find("Examples:\n");
    REQUIRE(begin != std::string::npos);
    std::istringstream lines(help.substr(begin, help.find("\n\n", begin) - begin));
    std::string line;
    std::getline(lines, line);
    bool goes_on = false;
    std::size_t broken = 0;
    while (std::getline(lines, line)) {
      INFO(width << ": " << line);
      CHECK((goes_on || line.starts_with("  # ") || line.starts_with("  gantry ")));
      // A name longer than the line is all that may stand out.
      CHECK(columns(line) <= std::max<std::size_t>(width, 42));
      goes_on = line.ends_with(" \\");
      broken += goes_on ? 1U : 0U;
    }
    CHECK_FALSE(goes_on);
    CHECK((width > 40 || broken > 0));
  }
  CHECK(program_help(0).find("  gantry copy nginx:1.25 registry.example/mirror/nginx:1.25\n") != std::string::npos);
}

TEST_CASE("every variable that environment mode reads stands in the help and in the manual page") {
  std::set<std::string> read;
  const auto variables = [&read](const char* name) {
    read.insert(name);
    return std::string(std::string(name) == "IMAGE_REF" ? "nginx:1.25" : "");
  };
  REQUIRE(environment_arguments(variables).value().has_value());
  CHECK(read.size() >= 5);
  const std::string help = program_help(0);
  const std::string page = man_page({}).value();
  for (const std::string& name : read) {
    INFO(name);
    CHECK(help.find(name) != std::string::npos);
    CHECK(page.find("\\fB" + name + "\\fR") != std::string::npos);
  }
  CHECK(help.find(mode_text()) != std::string::npos);
}
