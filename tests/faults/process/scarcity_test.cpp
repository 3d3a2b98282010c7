// The real program with less of the system than it would like: descriptors, memory, threads.

#include "faults/process/scene.hpp"
#include "support/catch.hpp"
#include "support/process.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include <unistd.h>

namespace gantry::test {
namespace fs = std::filesystem;
namespace {

/// Runs a pull under a limit of prlimit(1), e.g. `--nofile=20`.
outcome pull_within(const scene& s, const workplace& place, const std::string& limit) {
  command what = place.gantry(s.pull({"-o", "image.tar"}));
  what.argv.insert(what.argv.begin(), {"prlimit", limit});
  return run(what);
}

/// Ends by itself, with success or one sentence.
void ended_well(scene& s, const outcome& limited) {
  ++s.counts.injected;
  if (limited.ok()) ++s.counts.endured;
  CHECK_FALSE(limited.timed_out);
  CHECK(limited.signal == 0);
  if (!limited.ok())
    CHECK((limited.err.find("gantry: ") != std::string::npos || limited.err.find("error while loading") != std::string::npos));
}

}  // namespace

TEST_CASE("few descriptors end a pull in a sentence and leave a whole store") {
  scene s;
  for (unsigned most = 4; most <= 40; most += in_full() ? 1 : 6) {
    const workplace place;
    const outcome limited = pull_within(s, place, "--nofile=" + std::to_string(most));
    INFO(most << " descriptors: exit " << limited.status << ", signal " << limited.signal << ": " << limited.err);
    ended_well(s, limited);
    // The loader has its own words, and what it does not find descriptors for is not ours yet.
    if (!limited.ok() && limited.err.find("error while loading") == std::string::npos) {
      CHECK(limited.status == 7);
      CHECK(limited.err.find("ulimit -n") != std::string::npos);
      CHECK(limited.err.find("internal error") == std::string::npos);
    }
    if (most >= 39) CHECK(limited.ok());
    s.check_after(place, s.pull({"-o", "image.tar"}), "image.tar");
  }
  report("few descriptors", s.counts);
}

TEST_CASE("little memory ends a pull in a sentence and leaves a whole store") {
  scene s;
  // Address space: where the system gives no more, allocations fail, and so do threads, whose stacks are part of it.
  for (unsigned mib = 30; mib <= 530; mib += in_full() ? 10 : 100) {
    const workplace place;
    const outcome limited = pull_within(s, place, "--as=" + std::to_string(std::uint64_t{mib} << 20));
    INFO(mib << " MiB: exit " << limited.status << ", signal " << limited.signal << ": " << limited.err);
    ended_well(s, limited);
    s.check_after(place, s.pull({"-o", "image.tar"}), "image.tar");
  }
  CHECK(s.counts.endured != 0);
  report("little memory", s.counts);
}

TEST_CASE("few threads are enough and too few end a pull in a sentence that names the limit") {
  if (::geteuid() != 0) {
    WARN("skipped: only root can become a user that has no other processes");
    return;
  }
  scene s;
  const bool archive = GENERATE(false, true);
  for (unsigned most = 1; most <= (in_full() ? 12U : 5U); ++most) {
    const workplace place;
    fs::permissions(place.path(), fs::perms::all);
    for (const auto& inside : fs::recursive_directory_iterator(place.path())) fs::permissions(inside, fs::perms::all);
    const std::vector<std::string> words =
        s.pull(archive ? std::vector<std::string>{"-o", "image.tar.gz"} : std::vector<std::string>{"--store-only"});
    command what = place.gantry(words);
    const std::vector<std::string> limits{"setpriv", "--reuid=61234", "--clear-groups", "prlimit", "--nproc=" + std::to_string(most)};
    what.argv.insert(what.argv.begin(), limits.begin(), limits.end());
    const outcome limited = run(what);
    INFO(most << " threads: exit " << limited.status << ", signal " << limited.signal << ": " << limited.err);
    ended_well(s, limited);
    // The main thread, the engine's, one for files and all else, one that writes the archive.
    CHECK((limited.ok() || most < (archive ? 4U : 3U)));
    if (!limited.ok()) {
      CHECK(limited.err.find("no thread could be started") != std::string::npos);
      CHECK(limited.err.find("ulimit -u") != std::string::npos);
      CHECK(limited.err.find("internal error") == std::string::npos);
    }
    s.check_after(place, words, archive ? "image.tar.gz" : "");
  }
  CHECK(s.counts.endured != 0);
  report("few threads", s.counts);
}

}  // namespace gantry::test
