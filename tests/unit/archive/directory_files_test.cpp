#include "archive/directory_files.hpp"

#include "support/catch.hpp"
#include "support/result.hpp"
#include "support/temp_dir.hpp"

#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

namespace gantry::archive {
namespace {

namespace fs = std::filesystem;
using test::must;
using test::must_fail;

/// A directory of somebody else's, and a file beside it that is none of theirs.
struct foreign {
  foreign() {
    test::spill(place / "private", "private");
    test::spill(root / "blobs/sha256/aa", "blob");
    test::spill(root / "other/file", "file");
  }

  result<std::string> read(std::string_view name) {
    const auto opened = directory_files(root).open(name);
    if (!opened) return opened.error();
    if (!*opened) return std::string("nothing");
    return read_all(**opened, 1 << 20, "the file");
  }
  std::string refusal(std::string_view name) { return must_fail(read(name), errc::malformed_document).text.message(); }

  test::temp_dir place;
  fs::path root = place / "theirs";
};

/// Puts \p one and \p other in turn under one name as long as \p look runs.
void with_turns(const fs::path& name, const std::function<void()>& one, const std::function<void()>& other,
                const std::function<void()>& look) {
  std::atomic<bool> done{false};
  std::thread turning([&] {
    while (!done.load()) {
      for (const auto* make : {&one, &other}) {
        (*make)();
        fs::rename(name.string() + ".next", name);
      }
    }
  });
  look();
  done.store(true);
  turning.join();
}

}  // namespace

TEST_CASE_METHOD(foreign, "links within a directory are followed, hard links are files") {
  fs::create_symlink("aa", root / "blobs/sha256/bb");
  fs::create_symlink("../../other/./../other//file", root / "blobs/sha256/cc");
  fs::create_directory_symlink("blobs", root / "shared");
  fs::create_symlink("shared/sha256/bb", root / "layer.tar");
  fs::create_hard_link(root / "other/file", root / "hard");
  fs::create_symlink("gone", root / "dangling");
  CHECK(must(read("blobs/sha256/aa")) == "blob");
  CHECK(must(read("blobs/sha256/bb")) == "blob");
  CHECK(must(read("blobs/sha256/cc")) == "file");
  CHECK(must(read("shared/sha256/aa")) == "blob");
  CHECK(must(read("layer.tar")) == "blob");
  CHECK(must(read("hard")) == "file");
  CHECK(must(read("dangling")) == "nothing");
  CHECK(must(read("gone")) == "nothing");
  CHECK(must(read("other/file/below")) == "nothing");
  directory_files files(root);
  for (const char* name : {"blobs/sha256/aa", "blobs/sha256/bb", "shared/sha256/bb", "layer.tar"}) {
    CHECK(files.real_name(name) == "blobs/sha256/aa");
  }
  CHECK(files.real_name("gone") == "gone");
}

TEST_CASE_METHOD(foreign, "a directory is named through whatever link the user likes") {
  fs::create_directory_symlink(root, place / "link");
  directory_files files(place / "link");
  CHECK(must(files.open("other/file"))->size() == 4);
  directory_files gone(place / "gone");
  CHECK_FALSE(must(gone.open("other/file")));
}

TEST_CASE_METHOD(foreign, "a link that leads out of a directory is refused, and said") {
  fs::create_symlink(place / "private", root / "absolute");
  fs::create_symlink("../private", root / "relative");
  fs::create_symlink("../../private", root / "other/deep");
  fs::create_symlink("other/deep", root / "chain");
  fs::create_symlink(root / "other/file", root / "inside");  // yet by a path that starts outside
  fs::create_directory_symlink("..", root / "above");
  fs::create_directory_symlink("other/../..", root / "above2");
  fs::create_directory_symlink(place.path(), root / "elsewhere");
  for (const char* name :
       {"absolute", "relative", "other/deep", "chain", "inside", "above/private", "above2/private", "elsewhere/private"}) {
    CAPTURE(name);
    CHECK_THAT(refusal(name), Catch::StartsWith("the link ") && Catch::Contains("links are followed within the directory alone"));
  }
  CHECK_THAT(refusal("chain"), Catch::StartsWith("the link other/deep leads to ../../private: ") &&
                                   Catch::EndsWith("'cp -rL " + root.string() + " COPY' makes"));
  CHECK(directory_files(root).real_name("absolute") == "absolute");
}

TEST_CASE_METHOD(foreign, "links in a circle and endless paths end") {
  fs::create_symlink("two", root / "one");
  fs::create_symlink("one", root / "two");
  CHECK_THAT(must_fail(read("one"), errc::storage_error).text.message(),
             Catch::StartsWith("cannot read " + (root / "one").string() + ": "));
  fs::create_directory_symlink(".", root / "self");
  std::string deep;
  for (int i = 0; i < 39; ++i) deep += "self/";
  CHECK(must(read(deep + "other/file")) == "file");
  std::string directories;
  for (int i = 0; i < 70; ++i) directories += "d/";
  test::spill(root / directories / "file", "x");
  must_fail(read(directories + "file"), errc::limit_exceeded);
}

TEST_CASE_METHOD(foreign, "what is no plain file is not read, and not waited for") {
  REQUIRE(::mkfifo((root / "pipe").c_str(), 0600) == 0);
  fs::create_symlink("pipe", root / "to-pipe");
  REQUIRE(::mknod((root / "socket").c_str(), S_IFSOCK | 0600, 0) == 0);
  for (const char* name : {"pipe", "to-pipe", "socket", "other"}) {
    CAPTURE(name);
    CHECK_THAT(refusal(name), Catch::EndsWith(" is not a file"));
  }
}

TEST_CASE_METHOD(foreign, "a pipe that takes the place of a file is not waited for either") {
  const fs::path name = root / "turning";
  const std::string next = name.string() + ".next";
  test::spill(name, "file");
  with_turns(
      name, [&] { test::spill(next, "file"); }, [&] { ::mkfifo(next.c_str(), 0600); },
      [&] {
        for (int i = 0; i < 3000; ++i) {
          const auto text = read("turning");
          if (!text) CHECK(text.error().code == errc::malformed_document);
        }
      });
}

TEST_CASE_METHOD(foreign, "a link that takes the place of a file or a directory leads out at no moment") {
  test::spill(place / "outside/file", "private");
  const bool above = GENERATE(false, true);  // the directory, or the file in it
  const fs::path name = above ? root / "turning" : root / "other/turning";
  const std::string next = name.string() + ".next";
  // A directory cannot be renamed over: links in turn, of which one leads within.
  const auto within = [&] { fs::create_symlink(above ? "other" : "file", next); };
  const auto out = [&] { fs::create_symlink(above ? place / "outside" : place / "outside/file", next); };
  within();
  fs::rename(next, name);
  const std::string asked = above ? "turning/file" : "other/turning";
  CHECK(must(read(asked)) == "file");
  with_turns(name, within, out, [&] {
    for (int i = 0; i < 3000; ++i) {
      const auto text = read(asked);
      if (text) CHECK(*text == "file");
      if (!text) CHECK(text.error().code == errc::malformed_document);
    }
  });
}

}  // namespace gantry::archive
