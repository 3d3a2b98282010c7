// Which directories are forced to disk, and in which order: a reference must not be there after a power cut without the names of its blobs,
// whoever gave them.

#include "unit/store/fixture.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

using namespace gantry;
using namespace gantry::test;

namespace {

/// What fsync was called for since \ref watched was made; null while nobody looks.
std::vector<std::string>* seen = nullptr;

}  // namespace

// In place of the C library's, for everything in this program.
int fsync(int descriptor) {
  if (seen != nullptr) {
    std::array<char, 64> link{};
    std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", descriptor);
    std::array<char, PATH_MAX> target{};
    const ssize_t length = ::readlink(link.data(), target.data(), target.size());
    seen->emplace_back(target.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
  }
  return static_cast<int>(::syscall(SYS_fsync, descriptor));
}

namespace {

/// The directories that are forced to disk while it lives.
class watched {
 public:
  explicit watched(const std::filesystem::path& root) : root_(root) { seen = &paths_; }
  watched(const watched&) = delete;
  watched& operator=(const watched&) = delete;
  ~watched() { seen = nullptr; }

  /// Relative to the root, which is ".".
  std::vector<std::string> take() {
    std::vector<std::string> names;
    for (const std::string& path : paths_) names.push_back(std::filesystem::path(path).lexically_relative(root_).string());
    paths_.clear();
    return names;
  }

 private:
  std::filesystem::path root_;
  std::vector<std::string> paths_;
};

using names = std::vector<std::string>;

struct durable_fixture {
  temp_dir directory;
  std::filesystem::path root = std::filesystem::canonical(directory.path()) / "store";

  std::shared_ptr<store::content_store> open(bool sync) const { return must(store::content_store::open({.root = root, .sync = sync})); }
  /// Of a process that came no further than the name: it has forced nothing to disk.
  descriptor left_behind(const std::string& content) const {
    const descriptor blob = descriptor_of(content);
    must(open(false)->put(blob, content));
    return blob;
  }
  static store::reference_record record(const std::string& name, const descriptor& image) {
    error_code ec;
    store::reference_record made{reference::parse(name, ec), image, {image}};
    REQUIRE_FALSE(ec);
    return made;
  }
};

}  // namespace

TEST_CASE_METHOD(durable_fixture, "the names of blobs that are there already are forced to disk before a reference needs them") {
  const descriptor one = left_behind("one");
  const descriptor two = left_behind("two");
  const auto store = open(true);
  const auto lock = must(store->try_lock_index());
  watched disk(root);
  must(store->put(one, "one"));
  CHECK(disk.take().empty());
  must(store->put_references({record("registry.test/a:1", one), record("registry.test/b:1", two)}, *lock));
  const names forced = disk.take();
  REQUIRE_FALSE(forced.empty());
  CHECK(forced.front() == "blobs/sha256");
  CHECK(std::count(forced.begin(), forced.end(), "blobs/sha256") == 1);
  CHECK(std::count(forced.begin(), forced.end(), "refs/registry.test/a/_") == 1);
  CHECK(forced.back() == "refs/registry.test/b/_");
  // What says nothing new needs nothing new.
  must(store->put_reference(record("registry.test/a:1", one), *lock));
  CHECK(disk.take().empty());
}

TEST_CASE_METHOD(durable_fixture, "without sync nothing is forced to disk") {
  watched disk(root);
  const descriptor blob = left_behind("content");
  const auto store = open(false);
  must(store->put_reference(record("registry.test/a:1", blob), *must(store->try_lock_index())));
  const auto writer = must(store->write_blob(digest_algorithm::sha512));
  must(writer->write(bytes_of("more")));
  must(writer->commit());
  CHECK(disk.take().empty());
}

TEST_CASE_METHOD(durable_fixture, "the directory of another algorithm is as durable as the names in it") {
  const auto store = open(true);
  watched disk(root);
  const auto writer = must(store->write_blob(digest_algorithm::sha512));
  must(writer->write(bytes_of("content")));
  must(writer->commit());
  CHECK(disk.take() == names{"blobs", "blobs/sha512"});
  // Nor does a later process rely on the one that made it.
  must(store->sync_names());
  CHECK(disk.take() == names{"blobs/sha256", "blobs/sha512", "blobs"});
}

TEST_CASE_METHOD(durable_fixture, "a store whose maker was killed has its directories on disk before it counts as made") {
  for (const char* made : {"blobs/sha256", "refs", "ingest", "locks"}) std::filesystem::create_directories(root / made);
  watched disk(root);
  const auto store = open(true);
  const names forced = disk.take();
  REQUIRE(forced.size() >= 2);
  CHECK(forced[0] == "blobs");
  CHECK(forced[1] == ".");
  CHECK(open(true) != nullptr);
  CHECK(disk.take().empty());
}
