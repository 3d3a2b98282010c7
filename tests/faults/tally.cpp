#include "faults/tally.hpp"

#include "support/catch.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <string>

namespace gantry::test {
namespace {

struct counts {
  unsigned injected = 0;
  unsigned endured = 0;
  unsigned checks = 0;
};

struct report {
  report() = default;
  report(const report&) = delete;
  report& operator=(const report&) = delete;
  ~report() {
    const char* file = std::getenv("GANTRY_FAULT_REPORT");
    if (file == nullptr) return;
    std::ofstream out(file, std::ios::app);
    for (const auto& [name, one] : of_case) {
      // One write for each line: the programs that run beside this one append to the same file.
      out << fmt::format("network: {:<44} injected {:>4}  endured {:>4}  checks {:>5}\n", name, one.injected, one.endured, one.checks)
          << std::flush;
    }
  }
  std::map<std::string, counts> of_case;
};

}  // namespace

void tally(unsigned injected, unsigned endured, unsigned checks) {
  static report all;
  counts& mine = all.of_case[Catch::getResultCapture().getCurrentTestName()];
  mine.injected += injected;
  mine.endured += endured;
  mine.checks += checks;
}

}  // namespace gantry::test
