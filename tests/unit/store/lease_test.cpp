#include "store/lease.hpp"

#include "unit/store/fixture.hpp"

#include <sys/wait.h>
#include <unistd.h>

using namespace gantry;
using namespace gantry::test;

namespace {

const digest first = descriptor_of("first").digest;
const digest second = descriptor_of("second").digest;

std::filesystem::path leases_of(const store_fixture& of) { return store::paths{of.directory / "store"}.leases(); }

/// The only lease file.
std::filesystem::path only_lease(const store_fixture& of) {
  const std::filesystem::directory_iterator entry(leases_of(of));
  REQUIRE(entry != std::filesystem::directory_iterator());
  return entry->path();
}

}  // namespace

TEST_CASE("a lease file says what it keeps, and a torn one is not read") {
  const std::set<digest> blobs{first, second, descriptor_of("third", digest_algorithm::sha512).digest};
  const std::string text = store::to_text(blobs);
  CHECK(store::parse_lease(text) == blobs);
  CHECK(store::parse_lease(store::to_text({})) == std::set<digest>());
  for (std::size_t length = 0; length < text.size(); ++length) CHECK_FALSE(store::parse_lease(text.substr(0, length)));
  CHECK_FALSE(store::parse_lease("gantry lease 2\nend\n"));
  CHECK_FALSE(store::parse_lease("gantry lease 1\nsha256:abc\nend\n"));
  CHECK_FALSE(store::parse_lease("gantry lease 1\nend\nend\n"));
}

TEST_CASE_METHOD(store_fixture, "a lease keeps everything until it is narrowed, and nothing once it ended") {
  CHECK_FALSE(must(store->leases(true)).keeps(first));
  auto lease = must(store->try_lease());
  REQUIRE(lease);
  CHECK(lease->held());
  CHECK(must(store->leases(true)).everything);
  CHECK(must(reopen()->leases(false)).keeps(first));
  lease->narrow({first});
  CHECK(must(store->leases(false)).keeps(first));
  CHECK_FALSE(must(store->leases(false)).keeps(second));
  CHECK(must(store->leases(false)).keeps_part_of({}));
  auto other = must(reopen()->try_lease());
  other->narrow({second});
  CHECK(must(store->leases(false)).keeps(second));
  CHECK(must(store->leases(false)).keeps(first));
  lease->release();
  CHECK_FALSE(must(store->leases(false)).keeps(first));
  *other = store::lease();
  CHECK_FALSE(must(store->leases(false)).keeps_part_of({}));
  CHECK(std::filesystem::is_empty(leases_of(*this)));
}

TEST_CASE_METHOD(store_fixture, "the lease of a process that died keeps nothing and is removed") {
  const pid_t child = ::fork();
  if (child == 0) {
    auto lease = store->try_lease();
    (*lease)->narrow({first});
    ::_exit(0);  // as after SIGKILL: no destructor runs
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  REQUIRE(status == 0);
  const auto left = only_lease(*this);
  CHECK_FALSE(must(store->leases(true)).keeps(first));
  CHECK(std::filesystem::exists(left));
  CHECK_FALSE(must(store->leases(false)).keeps(first));
  CHECK_FALSE(std::filesystem::exists(left));
}

TEST_CASE_METHOD(store_fixture, "a live lease that cannot be read keeps everything") {
  auto lease = must(store->try_lease());
  lease->narrow({first});
  spill(only_lease(*this), "gantry lease 1\nsha2");
  CHECK(must(store->leases(false)).everything);
}

TEST_CASE_METHOD(store_fixture, "nobody begins an operation or writes references while somebody cleans up, and the other way round") {
  {
    const auto cleaning = must(store->try_lock_gc());
    REQUIRE(cleaning);
    CHECK(cleaning->held());
    CHECK_FALSE(must(reopen()->try_lease()));
    CHECK_FALSE(must(reopen()->try_lock_index()));
    CHECK_FALSE(must(reopen()->try_lock_gc()));
  }
  // A lease only needs the lock to begin.
  const auto lease = must(store->try_lease());
  CHECK(must(store->try_lock_gc()));
  const auto writing = must(store->try_lock_index());
  REQUIRE(writing);
  CHECK_FALSE(must(store->try_lock_gc()));
  CHECK(must(store->try_lease()));
}

TEST_CASE_METHOD(store_fixture, "who only looks keeps clean-ups out as long as the look takes, and nobody else") {
  {
    const auto look = must(store->try_share());
    REQUIRE(look);
    CHECK_FALSE(must(reopen()->try_lock_gc()));
    CHECK(must(reopen()->try_share()));
    CHECK(must(reopen()->try_lease()));
    CHECK(must(reopen()->try_lock_index()));
  }
  const auto cleaning = must(store->try_lock_gc());
  REQUIRE(cleaning);
  CHECK_FALSE(must(reopen()->try_share()));
}

TEST_CASE_METHOD(store_fixture, "a store that cannot be written gives leases that hold nothing") {
  std::filesystem::permissions(directory.path(), std::filesystem::perms(0755));
  std::filesystem::permissions(directory / "store", std::filesystem::perms(0755));
  CHECK(as_nobody([&] {
    auto lease = store->try_lease();
    if (!lease || !*lease || (*lease)->held()) return false;
    (*lease)->narrow({first});
    return true;
  }));
}
