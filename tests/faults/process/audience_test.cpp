// The real program whose audience leaves: a terminal that is closed, pipes that nobody reads.

#include "faults/process/scene.hpp"
#include "support/catch.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

namespace gantry::test {
namespace {

using namespace std::chrono_literals;

/// A command that has a terminal of its own, which can be closed under it.
class on_a_terminal {
 public:
  on_a_terminal(const command& what, bool ignores_hangup) {
    // Everything that allocates comes before the fork: other threads of this process may hold locks.
    std::vector<std::string> words = what.argv;
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    std::vector<std::string> env;
    for (const auto& [name, value] : what.env) {
      if (value) env.push_back(name + "=" + *value);
    }
    env.push_back("TERM=xterm");
    std::vector<char*> envp;
    for (std::string& one : env) envp.push_back(one.data());
    envp.push_back(nullptr);
    const std::string directory = what.directory.string();
    pid_ = ::forkpty(&terminal_, nullptr, nullptr, nullptr);
    if (pid_ == 0) {
      // Whatever the tests themselves were started with, e.g. nohup(1).
      ::signal(SIGHUP, ignores_hangup ? SIG_IGN : SIG_DFL);
      if (::chdir(directory.c_str()) == 0) ::execve(argv[0], argv.data(), envp.data());
      ::_exit(127);
    }
    REQUIRE(pid_ > 0);
  }
  on_a_terminal(const on_a_terminal&) = delete;
  on_a_terminal& operator=(const on_a_terminal&) = delete;
  ~on_a_terminal() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    hang_up();
  }

  /// Reads what it shows, so that it can go on showing.
  void watch_for(std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {
      pollfd one{terminal_, POLLIN, 0};
      std::array<char, 4096> shown{};
      if (::poll(&one, 1, 20) > 0 && ::read(terminal_, shown.data(), shown.size()) <= 0) return;
    }
  }

  void hang_up() {
    if (terminal_ >= 0) ::close(terminal_);
    terminal_ = -1;
  }

  /// The status of waitpid(2).
  std::optional<int> wait(std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < end) {
      int status = 0;
      if (::waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = -1;
        return status;
      }
      std::this_thread::sleep_for(10ms);
    }
    return std::nullopt;
  }

 private:
  pid_t pid_ = -1;
  int terminal_ = -1;
};

/// A pull that shows a bar and is in the middle of a layer.
struct shown {
  shown() { s.registry.inject(s.image.layers[1].digest, drip_of(20'000, 30ms)); }
  command pull() const {
    command what = place.gantry({"pull", "--plain-http", s.name, "--platform", "linux/amd64", "-o", "image.tar", "--progress", "bar"});
    // As with nohup(1), the result goes to a file; the rest is for the terminal.
    what.argv.insert(what.argv.begin(), {"/bin/bash", "-c", "exec \"$0\" \"$@\" > result"});
    return what;
  }
  void until_in_the_middle(on_a_terminal& running) {
    for (int i = 0; i < 3000 && s.registry.count("/blobs/" + s.image.layers[1].digest) == 0; ++i) running.watch_for(20ms);
    REQUIRE(s.registry.count("/blobs/" + s.image.layers[1].digest) != 0);
    running.watch_for(200ms);
  }
  /// Closes the terminal. \returns how the program ended, as waitpid(2) tells it.
  int hang_up(on_a_terminal& running) {
    until_in_the_middle(running);
    running.hang_up();
    ++s.counts.injected;
    const auto ended = running.wait(1min);
    REQUIRE(ended);
    if (WIFEXITED(*ended) && WEXITSTATUS(*ended) == 0) ++s.counts.endured;
    return *ended;
  }
  void check_after() {
    s.registry.heal();
    s.check_after(place, s.pull({"-o", "image.tar"}), "image.tar");
  }
  scene s;
  workplace place;
};

}  // namespace

TEST_CASE("a terminal that goes away ends the pull, and nothing is lost") {
  shown it;
  on_a_terminal running(it.pull(), false);
  const int ended = it.hang_up(running);
  CHECK((WIFSIGNALED(ended) && WTERMSIG(ended) == SIGHUP));
  it.check_after();
  report("terminal closed", it.s.counts);
}

TEST_CASE("a pull that was told to ignore the hangup completes without its terminal") {
  shown it;
  on_a_terminal running(it.pull(), true);
  const int ended = it.hang_up(running);
  CHECK((WIFEXITED(ended) && WEXITSTATUS(ended) == 0));
  CHECK(std::filesystem::exists(it.place / "image.tar"));
  it.check_after();
  report("terminal closed under nohup", it.s.counts);
}

TEST_CASE("messages and results that nobody reads do not disturb the work") {
  scene s;
  const workplace place;
  const auto shell = [&](const std::string& tail) {
    command what = place.gantry({});
    std::string line = "set -o pipefail; exec 3>&1; '" + what.argv[0] + "'";
    for (const std::string& word : s.pull({"-o", "image.tar", "-v"})) line += " '" + word + "'";
    what.argv = {"bash", "-c", line + " " + tail};
    const outcome done = run(what);
    ++s.counts.injected;
    if (done.out.find("status 0") != std::string::npos) ++s.counts.endured;
    return done;
  };
  // Standard error into a pipe whose reader is gone: the pull completes.
  const outcome deaf = shell("2> >(exec true) > result; echo status $? >&3");
  INFO(deaf.out << deaf.err);
  CHECK(deaf.out.find("status 0") != std::string::npos);
  CHECK(std::filesystem::exists(place / "image.tar"));
  // The result could not be printed: that is said, and what was done stays.
  const outcome full = shell("> /dev/full 2> err; echo status $? >&3");
  INFO(slurp(place / "err"));
  CHECK(full.out.find("status 7") != std::string::npos);
  CHECK(slurp(place / "err").find("standard output cannot be written: No space left on device") != std::string::npos);
  s.check_after(place, s.pull({"-o", "image.tar"}), "image.tar");
  report("pipes without readers", s.counts);
}

}  // namespace gantry::test
