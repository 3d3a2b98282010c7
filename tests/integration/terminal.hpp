#pragma once

#include "integration/workplace.hpp"

#include <string>
#include <utility>
#include <vector>

namespace gantry::test {

/// The program on a terminal, where \p typed is typed; all that it writes is in outcome::out.
inline outcome run_on_terminal(const workplace& place, std::vector<std::string> words, const std::string& typed) {
  command one = place.gantry(std::move(words));
  std::string line;
  for (const std::string& word : one.argv) line += "'" + word + "' ";
  one.argv = {"script", "-qec", line, "/dev/null"};
  one.input = typed;
  return run(one);
}

}  // namespace gantry::test
