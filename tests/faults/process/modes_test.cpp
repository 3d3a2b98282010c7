// Who may read and change what the real program writes.

#include "faults/process/scene.hpp"
#include "support/catch.hpp"
#include "support/process.hpp"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace gantry::test {
namespace {

namespace fs = std::filesystem;

unsigned mode_of(const fs::path& path) { return static_cast<unsigned>(fs::symlink_status(path).permissions()); }

outcome pull_with_umask(const scene& s, const workplace& place, const std::string& mask) {
  command what = place.gantry(s.pull({"-o", "image.tar", "--digestfile", "digest", "--log-file", "log"}));
  what.argv.insert(what.argv.begin(), {"/bin/sh", "-c", "umask " + mask + "; exec \"$0\" \"$@\""});
  return run(what);
}

}  // namespace

TEST_CASE("whatever the umask the store is its owner's alone, and other files have what it gives") {
  scene s;
  const std::vector<std::pair<std::string, unsigned>> masks{{"000", 0666}, {"022", 0644}, {"027", 0640}, {"077", 0600}};
  for (const auto& [mask, file] : masks) {
    const workplace place;
    const outcome done = pull_with_umask(s, place, mask);
    INFO("umask " << mask << ": " << done.err);
    REQUIRE(done.ok());
    CHECK(mode_of(place.store()) == 0700);
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(place.store())) {
      INFO(entry.path() << " has mode " << std::oct << mode_of(entry.path()));
      // Nobody else gets as far as these; should the directory be opened to others one day, they may still not change anything.
      if (mask != "000") CHECK((mode_of(entry.path()) & 022U) == 0);
      if (entry.path().string().find("/blobs/sha256/") != std::string::npos) CHECK(mode_of(entry.path()) == 0444);
    }
    CHECK(mode_of(place / "image.tar") == file);
    // The next run can use what this one made.
    s.check_after(place, s.pull({"-o", "image.tar"}), "image.tar");
  }
}

}  // namespace gantry::test
