#include "runtime/program.hpp"

#include "support/catch.hpp"
#include "support/result.hpp"
#include "support/temp_dir.hpp"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <sstream>
#include <stop_token>
#include <string>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

using namespace gantry;
using namespace gantry::runtime;
using namespace std::chrono_literals;

namespace {

struct script {
  explicit script(const std::string& body) {
    test::spill(directory / "script", "#!/bin/sh\n" + body + "\n");
    std::filesystem::permissions(directory / "script", std::filesystem::perms::owner_all);
    what.file = directory / "script";
  }
  program_end run() { return test::must(run_program(what)); }

  test::temp_dir directory;
  program what;
};

/// A killed orphan may be a zombie until its new parent has looked.
bool gone(pid_t child) {
  if (::kill(child, 0) != 0) return true;
  return test::slurp("/proc/" + std::to_string(child) + "/stat").find(") Z") != std::string::npos;
}

}  // namespace

TEST_CASE("a program gets its arguments and its input and gives status, output and messages") {
  script s("cat; echo \"[$1][$2]\"; echo trouble >&2; exit 3");
  s.what.arguments = {"one two", "$(three)"};
  s.what.input = "input";
  const program_end end = s.run();
  CHECK(end.status == 3);
  CHECK(end.signal == 0);
  CHECK(end.output == "input[one two][$(three)]\n");
  CHECK(end.errors == "trouble\n");
}

TEST_CASE("a program that does not read its input is no trouble") {
  script s("exec <&-; sleep 0.1; echo done");
  s.what.input = std::string(1'000'000, 'x');
  CHECK(s.run().output == "done\n");
}

TEST_CASE("a program that does not end is ended with its children") {
  script s("sleep 1000 & echo $!; wait");
  s.what.limit = 300ms;
  const program_end end = s.run();
  CHECK(end.timed_out);
  CHECK(end.signal == SIGKILL);
  const pid_t child = std::stoi(end.output);
  for (int i = 0; i < 200 && !gone(child); ++i) ::usleep(10'000);
  CHECK(gone(child));
}

TEST_CASE("a program that nobody waits for any more is ended with its children") {
  const test::temp_dir apart;
  const auto noted = apart / "children";
  script s("sleep 1000 & echo \"$$ $!\" > " + (apart / "new").string() + "; mv " + (apart / "new").string() + " " + noted.string() +
           "; wait");
  s.what.limit = 10min;
  std::stop_source asking;
  std::thread impatient([&] {
    while (!std::filesystem::exists(noted)) ::usleep(5'000);
    asking.request_stop();
  });
  const program_end end = test::must(run_program(s.what, asking.get_token()));
  impatient.join();
  CHECK(end.stopped);
  CHECK_FALSE(end.timed_out);
  CHECK(end.signal == SIGKILL);
  std::istringstream pids(test::slurp(noted));
  for (pid_t pid = 0; pids >> pid;) {
    INFO(pid);
    for (int i = 0; i < 200 && !gone(pid); ++i) ::usleep(10'000);
    CHECK(gone(pid));
  }
}

TEST_CASE("the exit counts, not a background child that keeps the output open") {
  script s("sleep 20 & echo answer");
  const auto begin = std::chrono::steady_clock::now();
  const program_end end = s.run();
  CHECK(end.output == "answer\n");
  CHECK(end.status == 0);
  CHECK(std::chrono::steady_clock::now() - begin < 15s);
}

TEST_CASE("a program that writes without end is ended") {
  script s("while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done");
  s.what.output_limit = 10'000;
  const program_end end = s.run();
  CHECK(end.too_much);
  CHECK_FALSE(end.timed_out);
  CHECK(end.output.size() == 10'000);
}

TEST_CASE("a program inherits no descriptor and no ignored signal") {
  const int leaked = ::open("/dev/null", O_RDONLY);  // without close-on-exec
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  // Of the signals SIGPIPE alone: whoever runs the tests may ignore others, as nohup does.
  script s("ls /proc/self/fd | tr '\\n' ' '; echo $((0x$(grep SigIgn /proc/self/status | cut -f 2) >> 12 & 1))");
  const std::string output = s.run().output;
  std::signal(SIGPIPE, before);
  ::close(leaked);
  // ls itself has one for the directory it lists.
  CHECK(output.starts_with("0 1 2 3 0"));
}

TEST_CASE("a file that is no program cannot be started") {
  script s("");
  std::filesystem::permissions(s.what.file, std::filesystem::perms::owner_read);
  CHECK_FALSE(run_program(s.what).has_value());
  s.what.file = s.directory / "absent";
  CHECK(run_program(s.what).error().code == errc::file_not_found);
}

TEST_CASE("a program is looked for in absolute entries of PATH alone") {
  const test::temp_dir directory;
  test::spill(directory / "tool", "#!/bin/sh\n");
  CHECK_FALSE(find_program("tool", directory.path().string()));
  std::filesystem::permissions(directory / "tool", std::filesystem::perms::owner_all);
  CHECK(find_program("tool", "::/nowhere:" + directory.path().string()) == directory / "tool");
  const auto here = std::filesystem::current_path();
  std::filesystem::current_path(directory.path());
  CHECK_FALSE(find_program("tool", ":.:./"));
  std::filesystem::current_path(here);
  CHECK_FALSE(find_program("tool", ""));
}
