#include "store/content_store.hpp"

#include "support/environment.hpp"
#include "unit/store/fixture.hpp"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <optional>
#include <thread>

using namespace gantry;
using namespace gantry::test;
using store::content_store;

namespace {

/// What lies below a directory: names and contents.
std::map<std::string, std::string> snapshot(const std::filesystem::path& top) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(top)) {
    files[entry.path().string()] = entry.is_regular_file() ? slurp(entry.path()) : "";
  }
  return files;
}

}  // namespace

TEST_CASE("the store's default place follows the environment") {
  const environment own("GANTRY_CACHE_DIR", std::nullopt);
  const environment xdg("XDG_CACHE_HOME", std::nullopt);
  const environment home("HOME", "/home/a");
  CHECK(must(content_store::default_root()) == "/home/a/.cache/gantry");
  {
    const environment set("XDG_CACHE_HOME", "/c");
    CHECK(must(content_store::default_root()) == "/c/gantry");
    const environment also("GANTRY_CACHE_DIR", "/g");
    CHECK(must(content_store::default_root()) == "/g");
    const environment empty("GANTRY_CACHE_DIR", "");
    CHECK(must(content_store::default_root()) == "/c/gantry");
    const environment relative("XDG_CACHE_HOME", "c");
    CHECK(must(content_store::default_root()) == "/home/a/.cache/gantry");
  }
  const environment homeless("HOME", std::nullopt);
  CHECK_THAT(must_fail(content_store::default_root(), errc::invalid_option).text.message(), Catch::Contains("HOME is not set"));
}

TEST_CASE_METHOD(store_fixture, "a new store is an empty OCI layout for its owner alone") {
  CHECK(slurp(directory / "store/oci-layout") == "{\"imageLayoutVersion\":\"1.0.0\"}\n");
  CHECK(slurp(directory / "store/index.json") ==
        "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[]}\n");
  struct stat status {};
  REQUIRE(::stat((directory / "store").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0700);
  const auto before = snapshot(directory / "store");
  reopen();
  CHECK(snapshot(directory / "store") == before);
}

TEST_CASE("a root that is a file, below a file, or another's layout is refused in words") {
  const temp_dir directory;
  spill(directory / "file", "x");
  CHECK_THAT(must_fail(content_store::open({.root = directory / "file"}), errc::storage_error).text.message(),
             Catch::Contains("it is a file, not a directory"));
  must_fail(content_store::open({.root = directory / "file/store"}), errc::storage_error);
  must_fail(content_store::open({.root = ""}), errc::invalid_option);
  spill(directory / "foreign/oci-layout", "{}");
  spill(directory / "foreign/index.json", "theirs");
  must_fail(content_store::open({.root = directory / "foreign"}), errc::invalid_option);
  CHECK(slurp(directory / "foreign/index.json") == "theirs");
}

TEST_CASE_METHOD(store_fixture, "a store that another user keeps to himself is told as such") {
  std::filesystem::permissions(directory.path(), std::filesystem::perms(0755));
  std::filesystem::permissions(directory / "store", std::filesystem::perms(::geteuid() == 0 ? 0700 : 0));
  CHECK(as_nobody([&] {
    const auto opened = content_store::open({.root = directory / "store"});
    return !opened && opened.error().code == errc::access_denied &&
           opened.error().text.message().find("cannot be read") != std::string::npos &&
           opened.error().text.message().find("create") == std::string::npos;
  }));
  std::filesystem::permissions(directory / "store", std::filesystem::perms(0700));
}

TEST_CASE_METHOD(store_fixture, "missing rights are told as such, and a complete read-only store can be read") {
  const std::string content = "some bytes";
  const descriptor blob = descriptor_of(content);
  must(store->put(blob, content));
  std::filesystem::permissions(directory.path(), std::filesystem::perms(0755));
  std::filesystem::permissions(directory / "store", std::filesystem::perms(0755));
  CHECK(as_nobody([&] {
    const auto denied = content_store::open({.root = directory / "another"});
    if (denied || denied.error().code != errc::access_denied) return false;
    const auto opened = content_store::open({.root = directory / "store"});
    if (!opened || !(*opened)->holds(blob) || !(*opened)->read(blob, 100)) return false;
    // What is there need not be written.
    if (!(*opened)->put(blob, content)) return false;
    // No word of temporary files.
    const auto tells = [](const failure& why) {
      const std::string& text = why.text.message();
      return why.code == errc::access_denied && text.find("cannot be written") != std::string::npos &&
             text.find("ingest") == std::string::npos && text.find("refs/") == std::string::npos;
    };
    const auto unlocked = (*opened)->try_lock_index();
    const auto writer = (*opened)->write_blob();
    if (!unlocked || !*unlocked || writer || !tells(writer.error())) return false;
    error_code ec;
    const auto noted = (*opened)->put_reference({reference::parse("a:1", ec), blob, {blob}}, **unlocked);
    if (noted || !tells(noted.error())) return false;
    const auto lock = (*opened)->try_lock(blob.digest);
    if (!lock || !*lock || (**lock).held()) return false;
    const auto other = descriptor_of("other");
    const auto begun = (*opened)->begin(other);
    const auto index = (*opened)->try_lock_index();
    if (!index || !*index || !(*opened)->rebuild_index(**index)) return false;
    if (begun || begun.error().text.message().find("--cache-dir names another store, --no-cache") == std::string::npos) return false;
    return begun.error().code == errc::access_denied && (*opened)->put(other, "other").error().code == errc::access_denied;
  }));
}

TEST_CASE("a store that cannot be made is named, and is no matter of something that was not found") {
  for (const char* const root : {"/proc/none/store", "/dev/null/store"}) {
    INFO(root);
    const auto opened = content_store::open({.root = root});
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == condition::storage);
    const std::string said = opened.error().text.message();
    CHECK(said.find("the layer store " + std::string(root) + " cannot be made: ") == 0);
  }
}

TEST_CASE_METHOD(store_fixture, "a blob is held by name and size") {
  const std::string content = noise(5000);
  const descriptor blob = descriptor_of(content);
  CHECK_FALSE(store->holds(blob));
  CHECK_FALSE(store->holds(descriptor()));
  must(store->put(blob, content));
  CHECK(store->holds(blob));
  descriptor other_size = blob;
  other_size.size = 4999;
  CHECK_FALSE(store->holds(other_size));
  must_fail(store->open(other_size), errc::not_found);
  must_fail(store->read(other_size, 10'000), errc::not_found);

  auto reader = must(store->open(blob));
  CHECK(reader->size() == 5000);
  CHECK(::lseek(reader->native_handle(), 0, SEEK_CUR) == 0);
  std::string back(100, '\0');
  CHECK(must(reader->read_at(4950, std::as_writable_bytes(std::span(back)))) == 50);
  CHECK(back.substr(0, 50) == content.substr(4950));
}

TEST_CASE_METHOD(store_fixture, "put checks size and digest and leaves nothing behind") {
  const descriptor blob = descriptor_of("abc");
  must_fail(store->put(blob, "abcd"), errc::size_mismatch);
  must_fail(store->put(blob, "abd"), errc::digest_mismatch);
  CHECK_FALSE(store->holds(blob));
  must(store->put(blob, "abc"));
  must(store->put(blob, "abc"));
  const std::string large = noise(1000);
  must(store->put(descriptor_of(large, digest_algorithm::sha512), large));
  CHECK(std::filesystem::is_empty(directory / "store/ingest"));
  struct stat status {};
  REQUIRE(::stat(blob_of(blob).c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0444);
}

TEST_CASE_METHOD(store_fixture, "bytes that pass through memory are hashed again, and put mends a damaged blob") {
  const descriptor blob = descriptor_of("abc");
  must(store->put(blob, "abc"));
  CHECK(must(store->read(blob, 3)) == "abc");
  must_fail(store->read(blob, 2), errc::limit_exceeded);
  std::filesystem::permissions(blob_of(blob), std::filesystem::perms(0644));
  spill(blob_of(blob), "abd");
  must_fail(store->read(blob, 3), errc::digest_mismatch);
  must(store->put(blob, "abc"));
  CHECK(must(store->read(blob, 3)) == "abc");
}

TEST_CASE_METHOD(store_fixture, "one blob has one lock, across stores and processes") {
  const digest blob = descriptor_of("abc").digest;
  {
    const auto lock = must(store->try_lock(blob));
    REQUIRE(lock);
    CHECK(lock->held());
    CHECK_FALSE(must(store->try_lock(blob)));
    CHECK_FALSE(must(reopen()->try_lock(blob)));
    CHECK(must(store->try_lock(descriptor_of("other").digest)));
    const pid_t child = ::fork();
    if (child == 0) {
      const auto other = store->try_lock(blob);
      ::_exit(other && !*other ? 0 : 1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
  }
  CHECK(must(store->try_lock(blob)));
}

TEST_CASE_METHOD(store_fixture, "the growth of a partial file can be watched") {
  const std::string content = noise(600);
  const descriptor blob = descriptor_of(content);
  CHECK(store->growth_stamp(blob.digest) == 0);
  auto arriving = must(store->begin(blob));
  fetch(*arriving, content, 300, 300);
  const auto stamp = store->growth_stamp(blob.digest);
  CHECK(stamp != 0);
  CHECK(store->growth_stamp(blob.digest) == stamp);
  // Timestamps of files have the grain of the kernel's tick.
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  fetch(*arriving, content, 0, 300);
  CHECK(store->growth_stamp(blob.digest) != stamp);
}

TEST_CASE_METHOD(store_fixture, "blobs are ingested and looked for by several threads at once") {
  std::atomic<int> failed = 0;
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      for (std::uint32_t round = 0; round < 10; ++round) {
        const std::string content = noise(3000, 1 + i * 10 + round);
        const descriptor blob = descriptor_of(content);
        auto arriving = store->begin(blob);
        if (!arriving || store->holds(blob)) ++failed;
        store::piece_writer writer(**arriving, 0);
        if (!writer.append(bytes_of(content)) || !writer.flush() || !(*arriving)->commit(blob.digest)) ++failed;
        if (!store->holds(blob) || !store->put(descriptor_of("same for all"), "same for all")) ++failed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(failed == 0);
}
