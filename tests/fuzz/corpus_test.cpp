// What the fuzzer starts from and what it has found, as an ordinary test with any compiler.

#include "fuzz/targets.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <filesystem>
#include <string>

namespace gantry::fuzz {

TEST_CASE("every input of the corpora is read without a crash, whole, cut and damaged") {
  for (const target& one : targets()) {
    const std::filesystem::path directory = std::filesystem::path(GANTRY_FUZZ_CORPUS) / one.name;
    INFO(directory.string());
    REQUIRE(std::filesystem::is_directory(directory));
    std::size_t inputs = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      const std::string bytes = test::slurp(entry.path());
      INFO(entry.path().string());
      one.run(bytes);
      one.run(bytes.substr(0, bytes.size() / 2));
      for (std::size_t at = 0; at < bytes.size(); at += 1 + bytes.size() / 64) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x15);
        one.run(damaged);
      }
      ++inputs;
    }
    CHECK(inputs != 0);
  }
}

}  // namespace gantry::fuzz
