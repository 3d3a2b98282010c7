// What the fuzzer starts from and what it has found, as an ordinary test with any compiler.

#include "fuzz/targets.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace gantry::fuzz {
namespace {

std::vector<std::string> corpus_of(const target& one) {
  const std::filesystem::path directory = std::filesystem::path(GANTRY_FUZZ_CORPUS) / one.name;
  INFO(directory.string());
  REQUIRE(std::filesystem::is_directory(directory));
  std::vector<std::string> inputs;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) inputs.push_back(test::slurp(entry.path()));
  std::sort(inputs.begin(), inputs.end());
  REQUIRE_FALSE(inputs.empty());
  return inputs;
}

/// Makes inputs out of others: bits turned, pieces taken out, doubled, exchanged, and words put in that formats give a meaning.
class changer {
 public:
  explicit changer(const std::vector<std::string>& from) : from_(from) {}

  std::string next() {
    std::string text = pick(from_);
    for (std::size_t changes = 1 + below(6); changes != 0; --changes) change(text);
    return text;
  }

 private:
  std::size_t below(std::size_t count) { return count == 0 ? 0 : random_() % count; }
  const std::string& pick(std::span<const std::string> from) { return from[below(from.size())]; }

  void change(std::string& text) {
    static const std::array<std::string, 30> words{"\r\n",
                                                   "\n",
                                                   "\"",
                                                   "{",
                                                   "}",
                                                   "[",
                                                   "]",
                                                   ":",
                                                   ",",
                                                   "0",
                                                   "-1",
                                                   "18446744073709551615",
                                                   "9223372036854775808",
                                                   "%2f",
                                                   "../",
                                                   "//",
                                                   "@sha256:",
                                                   "sha512:",
                                                   "[::1]",
                                                   "xn--",
                                                   "\\u0000",
                                                   "\xff\xfe",
                                                   "1e999",
                                                   "=",
                                                   "; ",
                                                   "null",
                                                   "true",
                                                   "*",
                                                   "\t",
                                                   " "};
    const std::size_t at = below(text.size());
    switch (below(6)) {
      case 0:
        if (!text.empty()) text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
        break;
      case 1:
        text.insert(at, pick(words));
        break;
      case 2:
        text.erase(at, 1 + below(8));
        break;
      case 3:
        text.insert(at, text.substr(below(text.size() + 1), below(40)));
        break;
      case 4: {
        const std::string& other = pick(from_);
        text = text.substr(0, at) + other.substr(below(other.size() + 1));
        break;
      }
      default:
        text.resize(at);
    }
  }

  const std::vector<std::string>& from_;
  std::mt19937_64 random_{20};  // the same inputs each time
};

}  // namespace

TEST_CASE("every input of the corpora is read without a crash, whole, cut and damaged") {
  for (const target& one : targets()) {
    for (const std::string& bytes : corpus_of(one)) {
      one.run(bytes);
      one.run(bytes.substr(0, bytes.size() / 2));
      for (std::size_t at = 0; at < bytes.size(); at += 1 + bytes.size() / 64) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x15);
        one.run(damaged);
      }
    }
  }
}

TEST_CASE("inputs that are made of the corpora break no promise") {
  // A few in each run of the tests; any number by hand, without clang.
  const char* wanted = std::getenv("GANTRY_FUZZ_INPUTS");
  const unsigned long inputs = wanted != nullptr ? std::strtoul(wanted, nullptr, 10) : 300;
  unsigned long tried = 0;
  for (const target& one : targets()) {
    const std::vector<std::string> corpus = corpus_of(one);
    changer inputs_of(corpus);
    for (unsigned long i = 0; i < inputs; ++i, ++tried) one.run(inputs_of.next());
  }
  if (wanted != nullptr) std::cout << tried << " inputs tried\n";
  SUCCEED();
}

}  // namespace gantry::fuzz
