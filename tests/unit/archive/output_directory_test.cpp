#include "archive/output_directory.hpp"

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

using namespace gantry;
using namespace gantry::archive;
using gantry::test::slurp;
using gantry::test::spill;
using gantry::test::temp_dir;

namespace {

namespace fs = std::filesystem;

/// As much of a layout as \ref output_directory asks for.
void fill(const fs::path& directory, const std::string& content) {
  spill(directory / "oci-layout", content);
  spill(directory / "index.json", content);
}

std::size_t names_in(const fs::path& directory) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("writers that replace one directory over and over lose neither its content nor each other's") {
  const temp_dir dir;
  const fs::path target = dir / "out";
  fs::create_directory(target);
  fill(target, "first");
  std::atomic<int> committed = 0;
  std::atomic<int> wrong = 0;
  // Catch's assertions are for one thread: what happens is counted.
  const auto write = [&](const std::string& name) {
    for (int round = 0; round < 200; ++round) {
      result<output_directory> made = output_directory::create(target, 0);
      if (!made) {
        wrong += made.error().code == errc::in_use ? 0 : 1;
        continue;
      }
      fill(made->part(), name + std::to_string(round));
      const result<void> done = made->commit(false);
      wrong += done ? 0 : 1;
      committed += done ? 1 : 0;
    }
  };
  std::vector<std::thread> writers;
  for (const char* name : {"a", "b", "c"}) writers.emplace_back(write, name);
  for (std::thread& one : writers) one.join();
  CHECK(wrong == 0);
  CHECK(committed > 0);
  CHECK(slurp(target / "index.json") != "first");
  CHECK(slurp(target / "index.json") == slurp(target / "oci-layout"));
  CHECK(names_in(target) == 2);
  CHECK(names_in(dir.path()) == 1);
}

TEST_CASE("a directory that was set aside by a process that died has its name again") {
  const temp_dir dir;
  fs::create_directory(dir / ".out.gantry-part.old");
  fill(dir / ".out.gantry-part.old", "before");
  SECTION("where nothing has taken it") {
    { const result<output_directory> given_up = output_directory::create(dir / "out", 0); }
    CHECK(slurp(dir / "out/index.json") == "before");
  }
  SECTION("and goes where the new one had come") {
    fs::create_directory(dir / "out");
    fill(dir / "out", "after");
    { const result<output_directory> given_up = output_directory::create(dir / "out", 0); }
    CHECK(slurp(dir / "out/index.json") == "after");
  }
  CHECK(names_in(dir.path()) == 1);
}

TEST_CASE("a directory that cannot be exchanged stays as it was") {
  const temp_dir dir;
  fs::create_directory(dir / "out");
  fill(dir / "out", "before");
  result<output_directory> made = output_directory::create(dir / "out", 0);
  REQUIRE(made.has_value());
  fill(made->part(), "after");
  // Nothing of that name is left to exchange.
  fs::remove_all(made->part());
  CHECK(made->commit(false).has_error());
  CHECK(slurp(dir / "out/index.json") == "before");
}
