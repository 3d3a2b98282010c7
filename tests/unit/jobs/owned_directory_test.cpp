#include "jobs/owned_directory.hpp"

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <filesystem>

#include <unistd.h>

using gantry::jobs::owned_directory;
using gantry::test::slurp;
using gantry::test::spill;
using gantry::test::temp_dir;

namespace {

namespace fs = std::filesystem;

/// A directory with files, a directory and a link out of it, and one beside it that is to stay.
struct scene {
  scene() {
    fs::create_directories(dir / "victim/inner");
    spill(dir / "victim/inner/precious", "precious");
    fs::create_directories(dir / "held/deep/deeper");
    spill(dir / "held/in-use.lock", "");
    spill(dir / "held/deep/deeper/file", "text");
    fs::create_directory_symlink(dir / "victim", dir / "held/link");
  }
  bool is_whole() const { return slurp(dir / "victim/inner/precious") == "precious"; }

  temp_dir dir;
};

}  // namespace

TEST_CASE("a held directory is emptied but for one name, and links are removed themselves") {
  const scene s;
  const owned_directory held(s.dir / "held");
  REQUIRE(held.is_open());
  CHECK(held.empty("in-use.lock"));
  CHECK(fs::exists(s.dir / "held/in-use.lock"));
  CHECK(std::distance(fs::directory_iterator(s.dir / "held"), fs::directory_iterator()) == 1);
  CHECK(s.is_whole());
  held.remove_file("in-use.lock");
  CHECK(fs::is_empty(s.dir / "held"));
}

TEST_CASE("a link in place of the directory that was looked at is not followed") {
  const scene s;
  const owned_directory held(s.dir / "held");
  REQUIRE(held.is_open());
  fs::rename(s.dir / "held", s.dir / "moved");
  fs::create_directory_symlink(s.dir / "victim", s.dir / "held");
  CHECK(held.empty(nullptr));
  CHECK(fs::is_empty(s.dir / "moved"));
  CHECK(s.is_whole());
  CHECK_FALSE(owned_directory(s.dir / "held").is_open());
}

TEST_CASE("what is no directory of this user is not opened") {
  const scene s;
  CHECK_FALSE(owned_directory(s.dir / "held/in-use.lock").is_open());
  CHECK_FALSE(owned_directory(s.dir / "absent").is_open());
  if (::geteuid() == 0) {
    REQUIRE(::chown((s.dir / "held").c_str(), 61234, 61234) == 0);
    CHECK_FALSE(owned_directory(s.dir / "held").is_open());
  }
}
