#include "loader.hpp"

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <tuple>

#include <unistd.h>

using namespace gantry::app;
namespace fs = std::filesystem;

namespace {

/// A directory in PATH in which `docker` is this script.
class fake_docker {
 public:
  explicit fake_docker(const std::string& script) : before_(std::getenv("PATH")) {
    gantry::test::spill(directory_ / "docker", "#!/bin/sh\n" + script);
    fs::permissions(directory_ / "docker", fs::perms::owner_all);
    ::setenv("PATH", (directory_.path().string() + ":" + before_).c_str(), 1);
  }
  ~fake_docker() { ::setenv("PATH", before_.c_str(), 1); }

  /// What the script may wait for.
  void say_go() const { gantry::test::spill(directory_ / "go", ""); }
  std::string written(const char* name) const { return gantry::test::slurp(directory_ / name); }

 private:
  gantry::test::temp_dir directory_;
  std::string before_;
};

const auto never = [] { return false; };

std::unique_ptr<loader> started() {
  auto command = loader::start("docker");
  REQUIRE(command.has_value());
  return std::move(*command);
}

void put(const loader& command, const std::string& text) {
  REQUIRE(::write(command.descriptor(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

}  // namespace

TEST_CASE("docker, podman and ctr are known") {
  for (const char* name : {"docker", "podman", "ctr"}) CHECK(loader::knows(name));
  CHECK_FALSE(loader::knows("rkt"));
}

TEST_CASE("the command reads what is written and its last words come back in one line") {
  const fake_docker docker(
      "echo \"$@\" > \"${0%/*}/words\"; cat > \"${0%/*}/archive\"; printf 'Loaded image:\\n\\033[1m a:1\\033[0m\\n'\n");
  const auto command = started();
  CHECK(command->command() == "docker load");
  put(*command, "tar tar");
  auto said = command->finish(never);
  REQUIRE(said.has_value());
  CHECK(*said == "Loaded image: [1m a:1 [0m");
  CHECK(docker.written("archive") == "tar tar");
  CHECK(docker.written("words") == "load\n");
}

TEST_CASE("a command that fails is quoted with its status") {
  const fake_docker docker("cat > /dev/null; echo 'open /var: no space' >&2; exit 3\n");
  const auto failed = started()->finish(never);
  REQUIRE_FALSE(failed.has_value());
  CHECK(failed.error().code == exit_code::failed);
  CHECK(failed.error().message == "'docker load' failed with status 3: open /var: no space");
}

TEST_CASE("the command dies of a broken pipe as usual, although this program ignores it") {
  ::signal(SIGPIPE, SIG_IGN);
  const fake_docker docker("cat > /dev/null; (kill -PIPE $$); exit 0\n");
  const auto failed = started()->finish(never);
  REQUIRE_FALSE(failed.has_value());
  CHECK(failed.error().message == "'docker load' was ended by signal 13: it said nothing");
}

TEST_CASE("a stop ends a command that would go on") {
  const fake_docker docker("exec sleep 1000\n");
  const auto stopped = started()->finish([] { return true; });
  REQUIRE_FALSE(stopped.has_value());
  CHECK(stopped.error().message.find("signal 15") != std::string::npos);
}

TEST_CASE("a command that ends without reading is told from one that reads") {
  const fake_docker reads("cat > /dev/null\n");
  const auto reader = started();
  put(*reader, "tar");
  CHECK_FALSE(reader->abandoned());
  CHECK(reader->finish(never).has_value());
  const fake_docker leaves("exit 0\n");
  const auto leaver = started();
  while (!leaver->abandoned()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  CHECK(leaver->finish(never).has_value());
}

TEST_CASE("what fits into the pipe is not taken for read") {
  for (const auto& [script, text, unread] :
       {std::tuple("while [ ! -e \"${0%/*}/go\" ]; do sleep 0.01; done\n", "tar", true),
        std::tuple("head -c 3 > /dev/null\n", "tar tar", true), std::tuple("cat > /dev/null\n", "tar tar", false)}) {
    INFO(script);
    const fake_docker docker(script);
    const auto command = started();
    put(*command, text);
    docker.say_go();
    CHECK(command->finish(never).has_value());
    CHECK(command->left_unread() == unread);
  }
  // Readers stop at the first zeros of those that end an archive.
  const fake_docker docker("head -c 3 > /dev/null\n");
  const auto command = started();
  put(*command, "tar" + std::string(10'000, '\0'));
  CHECK(command->finish(never).has_value());
  CHECK_FALSE(command->left_unread());
}

TEST_CASE("a command that is not installed is named") {
  const std::string before = std::getenv("PATH");
  ::setenv("PATH", "/nowhere", 1);
  const auto missing = loader::start("ctr");
  ::setenv("PATH", before.c_str(), 1);
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().code == exit_code::not_found);
  CHECK(missing.error().message == "'ctr images import -' cannot be run: that program is not installed here");
}

TEST_CASE("text of others becomes one line without control characters, its end is kept") {
  CHECK(one_line("a\n\tb\r\nc \n", 100) == "a b c");
  CHECK(one_line("\x1b]0;title\x07ok", 100) == "]0;title ok");
  CHECK(one_line("x\xc2\x9by\xffz\xc3\xa4", 100) == "x y z\xc3\xa4");
  CHECK(one_line("0123456789", 4) == "6789");
  CHECK(one_line("", 10).empty());
}
