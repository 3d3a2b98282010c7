// Archives that are filled in place, without the store.
#include "integration/slow_line.hpp"

#include "support/sha256.hpp"

#include <sys/mount.h>

#include <csignal>
#include <thread>

using namespace gantry::test;
namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

struct served : slow_line {
  std::vector<std::string> words(const std::string& file, const std::string& jobs = "8") const {
    return {"pull", "-j", jobs, "--no-cache", "--json", "-o", file, image};
  }

  /// Kills the pull when \p bytes came over the line.
  void kill(const std::vector<std::string>& command, std::uint64_t bytes) {
    line.forget();
    CHECK(interrupt(command, bytes, SIGKILL).signal == SIGKILL);
    line.forget();
  }

  /// What a pull through the store writes.
  std::string expected() {
    const outcome result = place.run({"pull", "-q", "-o", "expected.tar", image});
    INFO(result.err);
    REQUIRE(result.ok());
    const std::string digest = sha256_of_file(place / "expected.tar");
    fs::remove(place / "expected.tar");
    fs::remove_all(place.store());
    line.forget();
    return digest;
  }
};

}  // namespace

TEST_CASE("an archive filled in place survives SIGKILL again and again", "[integration][slow]") {
  const std::string jobs = GENERATE("1", "8");
  served s;
  const std::string wanted = s.expected();
  std::uint64_t before = 0;
  for (const std::uint64_t bytes : {60'000'000, 90'000'000}) {
    s.kill(s.words("large.tar", jobs), bytes);
    before += bytes;
    CHECK(s.place.files() == std::set<std::string>{".large.tar.gantry-part", ".large.tar.gantry-part.journal"});
  }
  const outcome again = s.place.run(s.words("large.tar", jobs));
  INFO(again.err);
  REQUIRE(again.ok());
  CHECK(sha256_of_file(s.place / "large.tar") == wanted);
  CHECK(s.place.files() == std::set<std::string>{"large.tar"});
  CHECK_FALSE(fs::exists(s.place.store()));
  CHECK(s.line.bytes_down() < large_bytes + 30'000'000 - before + 80'000'000);
  CHECK(run({{"skopeo", "inspect", "docker-archive:" + (s.place / "large.tar").string()}}).ok());
}

TEST_CASE("a part of another image, or of another kind of pull, is dropped", "[integration][slow]") {
  served s;
  const std::string wanted = s.expected();
  s.kill(s.words("large.tar"), 60'000'000);
  const std::string classic = s.registry.host() + "/team/classic:1.0";
  const outcome other = s.place.run({"pull", "--no-cache", "-o", "large.tar", classic});
  INFO(other.err);
  REQUIRE(other.ok());
  CHECK(s.place.files() == std::set<std::string>{"large.tar"});

  s.kill(s.words("large.tar"), 60'000'000);
  CHECK(s.place.files().size() == 3);
  const outcome through_store = s.place.run({"pull", "-o", "large.tar", s.image});
  INFO(through_store.err);
  REQUIRE(through_store.ok());
  CHECK(s.place.files() == std::set<std::string>{"large.tar"});
  CHECK(sha256_of_file(s.place / "large.tar") == wanted);
}

TEST_CASE("two pulls into one name do not meet", "[integration][slow]") {
  served s;
  s.line.limit(40'000'000);
  child first(s.place.gantry(s.words("large.tar")), s.directory / "log");
  while (first.running() && s.line.bytes_down() < 20'000'000) std::this_thread::sleep_for(2ms);
  REQUIRE(first.running());
  const outcome second = s.place.run(s.words("large.tar"));
  CHECK(second.status == 7);
  CHECK(second.err.find("being written by another gantry") != std::string::npos);
  s.line.limit(0);
  const auto ended = first.wait(120s);
  REQUIRE(ended);
  CHECK(ended->ok());
}

TEST_CASE("a disk without room is refused before a layer is fetched", "[integration]") {
  served s;
  fs::create_directory(s.place / "small");
  const std::string target = (s.place / "small").string();
  if (::mount("none", target.c_str(), "tmpfs", 0, "size=64m") != 0) {
    WARN("skipped: no right to mount a small file system");
    return;
  }
  const outcome full = s.place.run(s.words("small/large.tar"));
  CHECK(full.status == 7);
  CHECK(full.err.find("it needs ") != std::string::npos);
  CHECK(fs::is_empty(s.place / "small"));
  CHECK(s.line.bytes_down() < 1'000'000);
  CHECK(::umount(target.c_str()) == 0);
}

TEST_CASE("a stream without the store is the archive, and uses a layer's room of temporary space", "[integration][slow]") {
  served s;
  const std::string wanted = s.expected();
  const outcome streamed = run({{"sh", "-c", "\"$1\" pull --no-cache -q -o - \"$2\" > out.tar", "sh", gantry_binary().string(), s.image},
                                s.place.gantry({}).env,
                                s.place.path()});
  INFO(streamed.err);
  REQUIRE(streamed.ok());
  CHECK(sha256_of_file(s.place / "out.tar") == wanted);
  CHECK_FALSE(fs::exists(s.place.store()));
}
