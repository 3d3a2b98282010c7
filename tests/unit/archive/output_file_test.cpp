#include "archive/output_file.hpp"

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

using namespace gantry;
using namespace gantry::archive;
using gantry::test::slurp;
using gantry::test::spill;
using gantry::test::temp_dir;

namespace {

namespace fs = std::filesystem;

std::size_t files_in(const fs::path& directory) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

output_file open_output(const fs::path& path, std::uint64_t size = 0) {
  result<output_file> file = output_file::create(path, size);
  REQUIRE(file.has_value());
  return std::move(*file);
}

failure refused(const fs::path& path, std::uint64_t size = 0) {
  const result<output_file> file = output_file::create(path, size);
  REQUIRE(file.has_error());
  return file.error();
}

void put(const output_file& file, std::string_view text) {
  REQUIRE(file.file().write_at(0, std::as_bytes(std::span(text.data(), text.size()))).has_value());
}

bool says(const failure& why, std::string_view words) { return why.text.message().find(words) != std::string::npos; }

}  // namespace

TEST_CASE("a committed file replaces what was there, with the mode that the umask gives") {
  for (const bool sync : {false, true}) {
    const temp_dir dir;
    spill(dir / "x.tar", "old and longer than the new");
    output_file file = open_output(dir / "x.tar", 4);
    CHECK(fs::exists(dir / ".x.tar.gantry-part"));
    CHECK(slurp(dir / "x.tar") == "old and longer than the new");
    put(file, "new");
    REQUIRE(file.commit(sync).has_value());
    CHECK(slurp(dir / "x.tar") == "new");
    CHECK(files_in(dir.path()) == 1);
    struct stat about {};
    REQUIRE(::stat((dir / "x.tar").c_str(), &about) == 0);
    const mode_t mask = ::umask(0);
    ::umask(mask);
    CHECK((about.st_mode & 0777) == (0666 & ~mask));
  }
}

TEST_CASE("without commit nothing stays, and an old file is untouched") {
  const temp_dir dir;
  spill(dir / "x.tar", "old");
  {
    const output_file file = open_output(dir / "x.tar");
    put(file, "half");
  }
  CHECK(slurp(dir / "x.tar") == "old");
  CHECK(files_in(dir.path()) == 1);
}

TEST_CASE("a file that is written by somebody else is in use") {
  const temp_dir dir;
  const output_file first = open_output(dir / "x.tar");
  const failure why = refused(dir / "x.tar");
  CHECK(why.code == errc::in_use);
  CHECK(says(why, "is being written by another gantry"));
  CHECK(fs::exists(dir / ".x.tar.gantry-part"));
  const output_file other = open_output(dir / "y.tar");
  CHECK(other.fd() >= 0);
}

TEST_CASE("the name is free again after commit and after giving up") {
  const temp_dir dir;
  output_file first = open_output(dir / "x.tar");
  put(first, "one");
  REQUIRE(first.commit(false).has_value());
  output_file second = open_output(dir / "x.tar");
  put(second, "two");
  { const output_file moved = std::move(second); }
  output_file third = open_output(dir / "x.tar");
  put(third, "three");
  third = open_output(dir / "y.tar");
  put(third, "y");
  REQUIRE(third.commit(false).has_value());
  CHECK(slurp(dir / "x.tar") == "one");
  CHECK(slurp(dir / "y.tar") == "y");
  CHECK(files_in(dir.path()) == 2);
}

TEST_CASE("the part of a process that died is replaced") {
  const temp_dir dir;
  spill(dir / ".x.tar.gantry-part", "left over");
  REQUIRE(::chmod((dir / ".x.tar.gantry-part").c_str(), 0600) == 0);
  output_file file = open_output(dir / "x.tar");
  put(file, "new");
  REQUIRE(file.commit(true).has_value());
  CHECK(slurp(dir / "x.tar") == "new");
  CHECK(files_in(dir.path()) == 1);
}

TEST_CASE("what another has laid out under the name of a part is not filled") {
  const temp_dir dir;
  const auto resumed = [&dir] {
    result<output_file> file = output_file::resume(dir / "x.tar", 0);
    REQUIRE(file.has_value());
    return std::move(*file);
  };
  spill(dir / "victim", "precious");
  fs::create_hard_link(dir / "victim", dir / ".x.tar.gantry-part");
  {
    const output_file file = resumed();
    put(file, "new");
  }
  CHECK(slurp(dir / "victim") == "precious");
  if (::geteuid() != 0) {
    WARN("skipped: only root can make a file of somebody else's");
    return;
  }
  spill(dir / ".x.tar.gantry-part", "theirs");
  REQUIRE(::chown((dir / ".x.tar.gantry-part").c_str(), 61234, 61234) == 0);
  const output_file file = resumed();
  struct stat about {};
  REQUIRE(::fstat(file.fd(), &about) == 0);
  CHECK(about.st_uid == ::geteuid());
  CHECK(about.st_size == 0);
}

TEST_CASE("a part that is a link leads nowhere") {
  const temp_dir dir;
  spill(dir / "victim", "precious");
  fs::create_symlink(dir / "victim", dir / ".x.tar.gantry-part");
  CHECK(says(refused(dir / "x.tar"), ".x.tar.gantry-part"));
  CHECK(slurp(dir / "victim") == "precious");
}

TEST_CASE("a link is followed to the file it names") {
  const temp_dir dir;
  fs::create_directory(dir / "real");
  spill(dir / "real" / "x.tar", "old");
  fs::create_symlink("real/x.tar", dir / "link.tar");
  output_file file = open_output(dir / "link.tar");
  CHECK(fs::exists(dir / "real" / ".x.tar.gantry-part"));
  put(file, "new");
  REQUIRE(file.commit(true).has_value());
  CHECK(slurp(dir / "real" / "x.tar") == "new");
  CHECK(fs::is_symlink(dir / "link.tar"));
}

TEST_CASE("names as long as the file system has them are written, and longer ones refused at once") {
  const temp_dir dir;
  for (const std::size_t length : {234u, 235u, 242u, 255u}) {
    INFO(length);
    const fs::path target = dir / std::string(length, 'n');
    {
      output_file file = open_output(target);
      put(file, "new");
      spill(file.journal_path(), "x");
      // Names that are cut are told apart by what is lost.
      output_file other = open_output(dir / (std::string(length - 1, 'n') + "m"));
      file.keep();
    }
    result<output_file> file = output_file::resume(target, 0);
    REQUIRE(file.has_value());
    CHECK(slurp(file->journal_path()) == "x");
    REQUIRE(file->commit(false).has_value());
    CHECK(slurp(target) == "new");
    CHECK(files_in(dir.path()) == 1);
    fs::remove(target);
  }
  CHECK(says(refused(dir / std::string(256, 'n')), "name too long"));
  CHECK(files_in(dir.path()) == 0);
  // Not within a character.
  std::string umlauts;
  while (umlauts.size() < 250) umlauts += "\xc3\xa4";
  const output_file file = open_output(dir / ("x" + umlauts));
  CHECK(file.journal_path().string().find("\xc3.") == std::string::npos);
}

TEST_CASE("names that cannot be written are refused with a reason") {
  const temp_dir dir;
  spill(dir / "file", "x");
  CHECK(refused("").code == errc::invalid_option);

  const failure directory = refused(dir.path());
  CHECK(directory.code == errc::invalid_option);
  CHECK(says(directory, "is a directory"));

  const failure missing = refused(dir / "no" / "x.tar");
  CHECK(missing.code == errc::file_not_found);
  CHECK(says(missing, "does not exist; create it first"));

  const failure not_a_directory = refused(dir / "file" / "x.tar");
  CHECK(not_a_directory.code == errc::file_not_found);
  CHECK(says(not_a_directory, "is not a directory"));

  const failure device = refused("/dev/null");
  CHECK(device.code == errc::invalid_option);
  CHECK(says(device, "it is a device, and an archive takes the place of a file; use -o -"));

  REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  // A link to a pipe without a name leads to no path at all.
  for (const fs::path& pipe : {dir / "fifo", fs::path("/proc/self/fd") / std::to_string(ends[1])}) {
    const failure why = refused(pipe);
    CHECK(why.code == errc::invalid_option);
    CHECK(says(why, "cannot write " + pipe.string() + ": it is a pipe"));
    CHECK(says(why, "use -o -"));
  }
  ::close(ends[0]);
  ::close(ends[1]);
  fs::remove(dir / "fifo");

  CHECK(refused(dir / std::string(300, 'n')).code == errc::storage_error);
  CHECK(files_in(dir.path()) == 1);
}

TEST_CASE("a directory without the right to write is refused") {
  const temp_dir dir;
  fs::create_directory(dir / "closed");
  REQUIRE(::chmod(dir.path().c_str(), 0755) == 0);
  REQUIRE(::chmod((dir / "closed").c_str(), 0555) == 0);
  // Root may write everywhere: be nobody for a moment.
  const bool root = ::geteuid() == 0;
  if (root) REQUIRE(::seteuid(65534) == 0);
  const result<output_file> file = output_file::create(dir / "closed" / "x.tar", 0);
  if (root) REQUIRE(::seteuid(0) == 0);
  REQUIRE(file.has_error());
  CHECK(file.error().code == errc::access_denied);
  CHECK(says(file.error(), "cannot write " + (dir / "closed" / "x.tar").string()));
}

TEST_CASE("a file system that is too small is refused before the first byte") {
  const temp_dir dir;
  const failure why = refused(dir / "x.tar", UINT64_MAX / 2);
  CHECK(why.code == errc::no_space);
  CHECK(says(why, "it needs "));
  CHECK(says(why, " left"));
  CHECK(files_in(dir.path()) == 0);
}

TEST_CASE("a file system that fills up on the way leaves nothing") {
  const temp_dir dir;
  fs::create_directory(dir / "small");
  const std::string target = (dir / "small").string();
  if (::mount("none", target.c_str(), "tmpfs", 0, "size=64k") != 0) {
    WARN("skipped: no right to mount a small file system");
    return;
  }
  {
    const output_file file = open_output(dir / "small" / "x.tar", 1000);
    const std::string bytes(100'000, 'x');
    const result<void> written = file.file().write_at(0, std::as_bytes(std::span(bytes)));
    REQUIRE(written.has_error());
    CHECK(written.error().code == errc::no_space);
    CHECK(says(written.error(), "cannot write " + (dir / "small" / "x.tar").string() + ": No space left"));
  }
  CHECK(files_in(dir / "small") == 0);
  CHECK(::umount(target.c_str()) == 0);
}
