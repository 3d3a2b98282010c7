#include "archive/directory_writer.hpp"

#include "archive/file_set.hpp"
#include "places.hpp"
#include "support/catch.hpp"
#include "support/result.hpp"
#include "support/temp_dir.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

using namespace gantry;
using namespace gantry::archive;
using gantry::archive::fixture::names_in;
using gantry::test::must;
using gantry::test::must_fail;
using gantry::test::slurp;
using gantry::test::spill;
using gantry::test::temp_dir;
namespace fs = std::filesystem;

namespace {

struct scene {
  temp_dir dir;
  fixture::memory_blobs blobs;
  archived_manifest held = fixture::build_image(blobs, "amd64", {fixture::noise(400'000, 1), fixture::prose(2'000)});
  layout plan = must(plan_oci(std::vector{fixture::single(held, "a:1")}));
  std::atomic<bool> stop{false};

  scene() {
    fs::create_directory(dir / "blobs");
    blobs.keep_in_files(dir / "blobs");
  }
  result<std::uint64_t> write(const fs::path& name, bool sync = true) {
    result<output_directory> to = output_directory::create(dir / name, 0);
    if (!to) return to.error();
    const result<std::uint64_t> size = write_directory(plan, blobs, *to, {}, stop, sync);
    if (!size) return size.error();
    if (const result<void> done = to->commit(sync); !done) return done.error();
    return size;
  }
  fs::path blob_in(const fs::path& name, const descriptor& blob) const {
    return dir / name / "blobs" / "sha256" / std::string(blob.digest.encoded());
  }
};

}  // namespace

TEST_CASE("an OCI layout is written as files and nothing is left beside it") {
  scene s;
  const std::uint64_t size = must(s.write("out"));
  std::uint64_t found = 0;
  for (const auto& one : fs::recursive_directory_iterator(s.dir / "out")) found += one.is_regular_file() ? one.file_size() : 0;
  CHECK(found == size);
  for (const descriptor& blob : {s.held.manifest, *s.held.config, s.held.layers[0], s.held.layers[1]}) {
    CHECK(slurp(s.blob_in("out", blob)) == s.blobs.bytes_of(blob));
  }
  CHECK(slurp(s.dir / "out/oci-layout") == R"({"imageLayoutVersion":"1.0.0"})");
  CHECK(names_in(s.dir / "out") == 3);
  CHECK(names_in(s.dir.path()) == 2);
}

TEST_CASE("read-only files of our own are shared, others are copied") {
  scene s;
  const mode_t before = ::umask(022);
  must(s.write("first"));
  struct stat about {};
  REQUIRE(::stat(s.blob_in("first", s.held.layers[0]).c_str(), &about) == 0);
  // The files of the fixture are writable: a link would let whoever edits the layout edit the store.
  CHECK(about.st_nlink == 1);

  // From here on every blob is a read-only file, as in the store.
  class frozen final : public model::blob_source {
   public:
    explicit frozen(fixture::memory_blobs& from) : from_(from) {}
    result<std::unique_ptr<model::blob_reader>> open(const descriptor& blob) override {
      auto opened = from_.open(blob);
      if (opened) ::fchmod((*opened)->native_handle(), 0444);
      return opened;
    }

   private:
    fixture::memory_blobs& from_;
  } read_only(s.blobs);
  const auto write = [&](const char* name) {
    output_directory to = must(output_directory::create(s.dir / name, 0));
    must(write_directory(s.plan, read_only, to, {}, s.stop, false));
    must(to.commit(false));
  };
  fs::remove_all(s.dir / "blobs");
  fs::create_directory(s.dir / "blobs");
  write("linked");
  REQUIRE(::stat(s.blob_in("linked", s.held.layers[0]).c_str(), &about) == 0);
  struct stat source {};
  REQUIRE(::stat((s.dir / "blobs" / std::string(s.held.layers[0].digest.encoded())).c_str(), &source) == 0);
  // A file system with clones shares the blocks instead of the file.
  CHECK((about.st_ino == source.st_ino || about.st_nlink == 1));
  CHECK(slurp(s.blob_in("linked", s.held.layers[0])) == s.blobs.bytes_of(s.held.layers[0]));

  // Who wants new files to be private gets no file that everybody may read.
  ::umask(077);
  fs::remove_all(s.dir / "blobs");
  fs::create_directory(s.dir / "blobs");
  write("private");
  REQUIRE(::stat(s.blob_in("private", s.held.layers[0]).c_str(), &about) == 0);
  CHECK(about.st_nlink == 1);
  CHECK((about.st_mode & 0777) == 0600);
  ::umask(before);
}

TEST_CASE("what the directory of that name has is taken over by link, when that is asked for and its size is right") {
  scene s;
  // Of bytes in memory nothing can be shared.
  class loose final : public model::blob_source {
   public:
    explicit loose(fixture::memory_blobs& from) : from_(from) {}
    result<std::unique_ptr<model::blob_reader>> open(const descriptor& blob) override { return reader_of(from_.bytes_of(blob)); }

   private:
    fixture::memory_blobs& from_;
  } blobs(s.blobs);
  const auto write = [&](bool takes_over) {
    output_directory to = must(output_directory::create(s.dir / "out", 0));
    must(write_directory(s.plan, blobs, to, {}, s.stop, false, takes_over));
    must(to.commit(false));
  };
  const auto about = [](const fs::path& path) {
    struct stat found {};
    REQUIRE(::lstat(path.c_str(), &found) == 0);
    return found;
  };
  write(false);
  const fs::path kept = s.blob_in("out", s.held.layers[0]);
  const fs::path torn = s.blob_in("out", s.held.layers[1]);
  const ino_t before = about(kept).st_ino;
  fs::resize_file(torn, 3);
  CHECK(bytes_beside(s.plan, s.dir / "out") < s.held.layers[0].size);
  CHECK(bytes_beside(s.plan, s.dir / "out") >= s.held.layers[1].size);
  CHECK(bytes_beside(s.plan, s.dir / "nowhere") > s.held.layers[0].size);
  write(true);
  CHECK(about(kept).st_ino == before);
  CHECK(about(kept).st_nlink == 1);
  CHECK(slurp(kept) == s.blobs.bytes_of(s.held.layers[0]));
  CHECK(slurp(torn) == s.blobs.bytes_of(s.held.layers[1]));
  // A link that somebody put there leads to what is not the directory's.
  spill(s.dir / "elsewhere", std::string(static_cast<std::size_t>(s.held.layers[0].size), 'x'));
  fs::remove(kept);
  fs::create_symlink(s.dir / "elsewhere", kept);
  write(true);
  CHECK(S_ISREG(about(kept).st_mode));
  CHECK(slurp(kept) == s.blobs.bytes_of(s.held.layers[0]));
  const ino_t now = about(kept).st_ino;
  write(false);
  CHECK(about(kept).st_ino != now);
}

TEST_CASE("an OCI layout or an empty directory is replaced as a whole, anything else is refused") {
  scene s;
  must(s.write("out"));
  spill(s.dir / "out/blobs/sha256/stale", "old");
  must(s.write("out/"));
  CHECK_FALSE(fs::exists(s.dir / "out/blobs/sha256/stale"));
  CHECK(slurp(s.blob_in("out", s.held.layers[0])) == s.blobs.bytes_of(s.held.layers[0]));
  CHECK(names_in(s.dir.path()) == 2);

  fs::create_directory(s.dir / "empty");
  must(s.write("empty"));

  fs::create_directory(s.dir / "photos");
  spill(s.dir / "photos/holiday.jpg", "x");
  CHECK(must_fail(s.write("photos"), errc::invalid_option).text.message().find("other things") != std::string::npos);
  spill(s.dir / "out/notes.txt", "mine");
  must_fail(s.write("out"), errc::invalid_option);
  CHECK(slurp(s.dir / "out/notes.txt") == "mine");
  spill(s.dir / "file", "x");
  must_fail(s.write("file"), errc::invalid_option);
  must_fail(s.write("no/such/out"), errc::file_not_found);
}

TEST_CASE("a link in place of an unfinished directory is not emptied") {
  scene s;
  fs::create_directories(s.dir / "victim");
  spill(s.dir / "victim/precious", "precious");
  fs::create_directory_symlink(s.dir / "victim", s.dir / ".out.gantry-part");
  const failure why = must_fail(output_directory::create(s.dir / "out", 0), errc::access_denied);
  CHECK(why.text.message().find(".out.gantry-part") != std::string::npos);
  CHECK(slurp(s.dir / "victim/precious") == "precious");
  CHECK_FALSE(fs::exists(s.dir / "out"));
}

TEST_CASE("two writers of one name exclude each other, and what a dead one left is cleared") {
  scene s;
  {
    const output_directory first = must(output_directory::create(s.dir / "out", 0));
    must_fail(output_directory::create(s.dir / "out", 0), errc::in_use);
  }
  CHECK_FALSE(fs::exists(s.dir / ".out.gantry-part"));
  fs::create_directories(s.dir / ".out.gantry-part/blobs/sha256");
  spill(s.dir / ".out.gantry-part/blobs/sha256/half", "half");
  must(s.write("out"));
  CHECK_FALSE(fs::exists(s.dir / "out/blobs/sha256/half"));
  CHECK_FALSE(fs::exists(s.dir / "out/.lock"));
}

TEST_CASE("a failure or a stop leaves nothing, an existing layout untouched") {
  scene s;
  must(s.write("out"));
  const std::string before = slurp(s.dir / "out/index.json");
  s.blobs.remove(s.held.layers[1].digest);
  must_fail(s.write("out"), errc::not_found);
  must_fail(s.write("new"), errc::not_found);
  s.stop = true;
  must_fail(s.write("new"), errc::cancelled);
  CHECK(slurp(s.dir / "out/index.json") == before);
  CHECK_FALSE(fs::exists(s.dir / "new"));
  CHECK(names_in(s.dir.path()) == 2);
}
