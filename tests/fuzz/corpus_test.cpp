// What the fuzzer starts from and what it has found, as an ordinary test with any compiler.

#include "fuzz/targets.hpp"
#include "support/catch.hpp"
#include "support/sanitizer.hpp"
#include "support/temp_dir.hpp"

#include <dlfcn.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <random>
#include <set>
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

double processor_time() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/// Bytes.
std::size_t largest_memory() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return static_cast<std::size_t>(used.ru_maxrss) * 1024;
}

/// What is being tried. The inputs of a target are the same each time: GANTRY_FUZZ_INPUTS with the number makes it the last one.
struct {
  const char* target = "";
  unsigned long number = 0;
} under_trial;

void tell_input() { std::fprintf(stderr, "while trying input %lu of %s\n", under_trial.number, under_trial.target); }

void tell_input_on_death() {
  void (*const when_broken)(int) = [](int) { tell_input(); };
  // In the place of Catch2's, which tells of lines only.
  std::signal(SIGABRT, when_broken);
  // A sanitizer ends the program by itself.
  void* const found = ::dlsym(RTLD_DEFAULT, "__sanitizer_set_death_callback");
  if (found != nullptr) reinterpret_cast<void (*)(void (*)())>(found)(&tell_input);
}

}  // namespace

TEST_CASE("every target has inputs, and all inputs are of a target") {
  std::set<std::string> names;
  for (const target& one : targets()) {
    CHECK(names.insert(std::string(one.name)).second);
    CHECK_FALSE(corpus_of(one).empty());
  }
  for (const auto& entry : std::filesystem::directory_iterator(GANTRY_FUZZ_CORPUS)) CHECK(names.contains(entry.path().filename().string()));
}

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

// One target, GANTRY_FUZZ_TARGET, in each test of ctest; all of them without it.
TEST_CASE("inputs that are made of the corpora break no promise", "[.]") {
  const char* const only = std::getenv("GANTRY_FUZZ_TARGET");
  const char* const wanted = std::getenv("GANTRY_FUZZ_INPUTS");
  const unsigned long inputs = wanted != nullptr ? std::strtoul(wanted, nullptr, 10) : 0;
  // What a sanitizer looks at is worth more, and takes longer.
  const double seconds = test::keeps_freed_memory() ? 5 : 1;
  tell_input_on_death();
  unsigned long all = 0;
  for (const target& one : targets()) {
    if (only != nullptr && one.name != only) continue;
    const std::vector<std::string> corpus = corpus_of(one);
    changer inputs_of(corpus);
    const double begin = processor_time();
    under_trial = {one.name.data(), 0};
    while (wanted != nullptr ? under_trial.number < inputs : processor_time() - begin < seconds) {
      ++under_trial.number;
      one.run(inputs_of.next());
    }
    std::cout << one.name << ": " << under_trial.number << " inputs tried in " << processor_time() - begin << " s of processor time\n";
    all += under_trial.number;
    CHECK(largest_memory() < std::size_t{1} << 30);
  }
  // A name that is none of a target's, or a target that takes hundredths of a second for each input, is not looked at enough.
  const unsigned long least = wanted != nullptr ? 1 : 100;
  CHECK(all >= least);
}

}  // namespace gantry::fuzz
