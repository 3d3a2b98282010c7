#include "runtime/file.hpp"

#include "support/catch.hpp"
#include "support/result.hpp"
#include "support/temp_dir.hpp"

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

using namespace gantry;
using gantry::test::must;
using gantry::test::must_fail;
using gantry::test::slurp;
using gantry::test::spill;
using gantry::test::temp_dir;
using runtime::file;
using runtime::lock_outcome;
using runtime::open_mode;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

std::size_t entries_of(const std::filesystem::path& directory) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory), std::filesystem::directory_iterator()));
}

}  // namespace

TEST_CASE("bytes are read back from where they were written") {
  const temp_dir directory;
  auto opened = file::open(directory / "f", open_mode::create_new);
  REQUIRE(opened.has_value());
  must(opened->write_at(5, bytes_of("world")));
  must(opened->write_at(0, bytes_of("hello")));
  CHECK(opened->size().value() == 10);
  std::string back(20, '\0');
  CHECK(opened->read_at(3, std::as_writable_bytes(std::span(back))).value() == 7);
  CHECK(back.substr(0, 7) == "loworld");
  must(opened->sync_data());
  must(opened->truncate(4));
  CHECK(opened->size().value() == 4);
  opened->set_permissions(0400);
  must(opened->close());
  CHECK_FALSE(opened->is_open());
  CHECK(slurp(directory / "f") == "hell");
}

TEST_CASE("opening says what failed, on which file and why") {
  const temp_dir directory;
  const auto absent = file::open(directory / "absent", open_mode::read);
  REQUIRE_FALSE(absent.has_value());
  must_fail(absent, errc::file_not_found);
  CHECK(absent.error().text.message() == "cannot open " + (directory / "absent").string() + ": No such file or directory");
  must_fail(file::open(directory / "absent", open_mode::update), errc::file_not_found);
  spill(directory / "f", "x");
  const auto present = file::open(directory / "f", open_mode::create_new);
  REQUIRE_FALSE(present.has_value());
  must_fail(present, errc::storage_error);
  const auto folder = file::open(directory.path(), open_mode::read);
  REQUIRE(folder.has_value());
  must_fail(folder->size(), errc::storage_error);
}

TEST_CASE("appended records come one after the other") {
  const temp_dir directory;
  const auto one = file::open(directory / "f", open_mode::append);
  const auto two = file::open(directory / "f", open_mode::append);
  must(one->append(bytes_of("1")));
  must(two->append(bytes_of("2")));
  must(one->append(bytes_of("3")));
  CHECK(slurp(directory / "f") == "123");
}

TEST_CASE("reserving space does not change the length") {
  const temp_dir directory;
  const auto opened = file::open(directory / "f", open_mode::create);
  must(opened->reserve(1 << 20));
  must(opened->reserve(0));
  CHECK(opened->size().value() == 0);
  opened->start_writeback(0, 1 << 20);
}

TEST_CASE("moving a file moves its descriptor") {
  const temp_dir directory;
  auto opened = file::open(directory / "f", open_mode::create);
  const int descriptor = opened->descriptor();
  file other;
  CHECK_FALSE(other.is_open());
  other = std::move(*opened);
  CHECK(other.descriptor() == descriptor);
  CHECK_FALSE(opened->is_open());
  other = file();
  CHECK(::fsync(descriptor) != 0);
}

TEST_CASE("two opens of one file exclude each other byte by byte") {
  const temp_dir directory;
  const auto one = file::open(directory / "f", open_mode::create);
  const auto two = file::open(directory / "f", open_mode::create);
  const std::uint64_t highest = (std::uint64_t{1} << 62) - 1;
  for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{77}, highest}) {
    REQUIRE(one->try_lock(offset, 1).value() == lock_outcome::acquired);
    CHECK(two->try_lock(offset, 1).value() == lock_outcome::busy);
    CHECK(two->try_lock(offset + 1, 1).value() == lock_outcome::acquired);
    two->unlock(offset + 1, 1);
    one->unlock(offset, 1);
    CHECK(two->try_lock(offset, 1).value() == lock_outcome::acquired);
    two->unlock(offset, 1);
  }
}

TEST_CASE("a lock excludes another process and ends with its holder") {
  const temp_dir directory;
  const std::filesystem::path path = directory / "lock";
  const auto child_sees = [&](bool free) {
    const pid_t child = ::fork();
    if (child == 0) {
      const auto lock = runtime::file_lock::try_acquire(path, 5);
      ::_exit(lock && lock->has_value() == free ? 0 : 1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    return status == 0;
  };
  {
    auto lock = runtime::file_lock::try_acquire(path, 5);
    REQUIRE(lock.has_value());
    REQUIRE(*lock);
    CHECK((*lock)->held());
    CHECK_FALSE(runtime::file_lock::try_acquire(path, 5).value());
    CHECK(child_sees(false));
    const runtime::file_lock moved = std::move(**lock);
    CHECK(child_sees(false));
  }
  CHECK(child_sees(true));
  CHECK(runtime::file_lock::try_acquire(path, 5).value());
  CHECK(std::filesystem::exists(path));
}

TEST_CASE("a lock file in a missing directory is an error") {
  const temp_dir directory;
  const auto lock = runtime::file_lock::try_acquire(directory / "no/lock");
  REQUIRE_FALSE(lock.has_value());
  must_fail(lock, errc::file_not_found);
}

TEST_CASE("a file is replaced as a whole and nothing stays beside it") {
  const temp_dir directory;
  must(runtime::atomic_write_file(directory / "f", "one"));
  must(runtime::atomic_write_file(directory / "f", "two", {.sync = false, .permissions = 0600}));
  CHECK(slurp(directory / "f") == "two");
  CHECK(entries_of(directory.path()) == 1);
  struct stat status {};
  REQUIRE(::stat((directory / "f").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0600);
}

TEST_CASE("a replacement without a name on the way leaves nothing, and takes what a kill has left") {
  const temp_dir directory;
  const runtime::write_options how{.sync = true, .permissions = 0640, .nameless = true};
  must(runtime::atomic_write_file(directory / "f", "one", how));
  spill(directory / ".f.gantry-part", "half of");
  must(runtime::atomic_write_file(directory / "f", "two", how));
  CHECK(slurp(directory / "f") == "two");
  CHECK(entries_of(directory.path()) == 1);
  struct stat status {};
  REQUIRE(::stat((directory / "f").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0640);
  std::filesystem::create_directory(directory / "g");
  must_fail(runtime::atomic_write_file(directory / "g", "two", how), errc::storage_error);
  CHECK(entries_of(directory.path()) == 2);
}

TEST_CASE("a failed replacement leaves the old file and nothing else") {
  const temp_dir directory;
  std::filesystem::create_directory(directory / "f");
  spill(directory / "f/inner", "x");
  const auto written = runtime::atomic_write_file(directory / "f", "two");
  REQUIRE_FALSE(written.has_value());
  must_fail(written, errc::storage_error);
  CHECK(entries_of(directory.path()) == 1);
  must_fail(runtime::atomic_write_file(directory / "no/f", "two"), errc::file_not_found);
}

TEST_CASE("a full disk is told apart, before and while writing") {
  const temp_dir directory;
  if (::mount("tmpfs", directory.path().c_str(), "tmpfs", 0, "size=64k") != 0) {
    WARN("skipped: no right to mount a small tmpfs");
    return;
  }
  {
    const auto opened = file::open(directory / "f", open_mode::create);
    REQUIRE(opened.has_value());
    const auto reserved = opened->reserve(1 << 20);
    REQUIRE_FALSE(reserved.has_value());
    must_fail(reserved, errc::no_space);
    const auto written = opened->write_at(0, bytes_of(std::string(1 << 20, 'x')));
    REQUIRE_FALSE(written.has_value());
    must_fail(written, errc::no_space);
    CHECK_THAT(written.error().text.message(), Catch::StartsWith("cannot write " + (directory / "f").string() + ": "));
    const auto replaced = runtime::atomic_write_file(directory / "g", std::string(1 << 20, 'x'));
    REQUIRE_FALSE(replaced.has_value());
    must_fail(replaced, errc::no_space);
    CHECK(entries_of(directory.path()) == 1);
  }
  ::umount(directory.path().c_str());
}

TEST_CASE("reading a whole file respects its cap") {
  const temp_dir directory;
  spill(directory / "f", "12345");
  CHECK(runtime::read_file(directory / "f", 5).value() == "12345");
  must_fail(runtime::read_file(directory / "f", 4), errc::limit_exceeded);
  must_fail(runtime::read_file(directory / "g", 4), errc::file_not_found);
  must_fail(runtime::read_file(directory.path(), 4), errc::storage_error);
}

TEST_CASE("directories are made with their parents") {
  const temp_dir directory;
  must(runtime::make_directories(directory / "a/b/c", 0700));
  must(runtime::make_directories(directory / "a/b/c/", 0700));
  CHECK(std::filesystem::is_directory(directory / "a/b/c"));
  struct stat status {};
  REQUIRE(::stat((directory / "a").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0700);
  spill(directory / "f", "x");
  must_fail(runtime::make_directories(directory / "f"), errc::storage_error);
  must_fail(runtime::make_directories(directory / "f/g/h"), errc::storage_error);
  must(runtime::sync_directory(directory / "a"));
}

TEST_CASE("removing an absent file is no error") {
  const temp_dir directory;
  spill(directory / "f", "x");
  must(runtime::remove_file(directory / "f"));
  must(runtime::remove_file(directory / "f"));
  must_fail(runtime::rename_file(directory / "f", directory / "g"), errc::file_not_found);
}

TEST_CASE("random suffixes have sixteen digits and differ") {
  CHECK(runtime::random_suffix().size() == 16);
  CHECK(runtime::random_suffix() != runtime::random_suffix());
}
