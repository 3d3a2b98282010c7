// Blobs that an earlier run brought into a registry are mounted from there.
#include "faults/alone.hpp"
#include "faults/uploaded.hpp"

#include "support/catch.hpp"

#include <filesystem>
#include <string>
#include <utility>

using namespace gantry;
using namespace gantry::test;
using kind = gantry::test::upload_fault::kind;
namespace fs = std::filesystem;

namespace {

/// An image in the store, whose records know nothing of the registry that it is pushed to; each push is an engine of its own.
struct remembered : uploaded {
  remembered() {
    settings.attempts = 2;
    fetch();
  }
  error_code push(const std::string& repository, bool dry_run = false) {
    push_options how;
    how.dry_run = dry_run;
    return uploaded::push(fetched(), repository, how);
  }
  fs::path file() const { return fs::path(settings.cache_dir) / "state" / "mounts.json"; }
};

}  // namespace

TEST_CASE("what one run pushed is mounted by the next one that pushes it elsewhere", "[faults]") {
  remembered r;
  REQUIRE_FALSE(r.push("one/app"));
  CHECK(r.pushed_result.blobs_uploaded == 3);
  CHECK((fs::status(r.file()).permissions() & fs::perms(0777)) == fs::perms(0600));
  const std::uint64_t taken = r.target.taken();
  // Who only asks what would be done hears the same, and nothing is written.
  REQUIRE_FALSE(r.push("two/app", true));
  CHECK(r.pushed_result.blobs_mounted == 3);
  CHECK(r.pushed_result.bytes_uploaded == 0);
  CHECK(r.target.count("POST mount") == 0);
  REQUIRE_FALSE(r.push("two/app"));
  INFO(r.text.message());
  CHECK(r.pushed_result.blobs_mounted == 3);
  CHECK(r.pushed_result.blobs_uploaded == 0);
  CHECK(r.target.taken() == taken);
  CHECK(r.target.has_tag("two/app", "1.0"));
}

TEST_CASE("what one run copied is mounted by the next one, where there is a store to remember it in", "[faults]") {
  remembered r;
  REQUIRE_FALSE(r.copy());
  const std::uint64_t taken = r.target.taken();
  REQUIRE_FALSE(r.copy(r.source.host() + "/team/app:1.0", r.target.host() + "/second/app:1.0"));
  CHECK(r.result.blobs_mounted == 3);
  CHECK(r.target.taken() == taken);
}

TEST_CASE("a push that fails leaves what it brought to the next one", "[faults]") {
  remembered r;
  r.target.fail("PUT manifest", {kind::answer, 403, {}, 0}, 1, 0);
  REQUIRE(r.push("one/app"));
  r.target.heal();
  const std::uint64_t taken = r.target.taken();
  REQUIRE_FALSE(r.push("two/app"));
  CHECK(r.pushed_result.blobs_mounted == 3);
  CHECK(r.target.taken() == taken);
}

TEST_CASE("a mount that does not come about is an upload, and its place is forgotten", "[faults]") {
  remembered r;
  REQUIRE_FALSE(r.push("one/app"));
  REQUIRE(slurp(r.file()).find("one/app") != std::string::npos);
  // Where it is from may be gone, or not for this account to read.
  const unsigned status = GENERATE(404U, 403U, 401U);
  r.target.fail("POST mount", {kind::answer, status, {}, 0}, 1, 0);
  REQUIRE_FALSE(r.push("two/app"));
  INFO(r.text.message());
  CHECK(r.pushed_result.blobs_uploaded == 3);
  CHECK(r.target.count("POST mount") >= 3);
  const std::string text = slurp(r.file());
  CHECK(text.find("one/app") == std::string::npos);
  CHECK(text.find("two/app") != std::string::npos);
}

TEST_CASE("what neither the source nor the repository has is mounted from where an earlier run brought it", "[faults]") {
  remembered r;
  REQUIRE_FALSE(r.push("one/app"));
  REQUIRE(fs::remove(fs::path(r.settings.cache_dir) / "blobs" / "sha256" / r.image.layers.back().digest.substr(7)));
  REQUIRE_FALSE(r.push("two/app"));
  INFO(r.text.message());
  CHECK(r.pushed_result.blobs_mounted == 3);
  CHECK(r.target.has_tag("two/app", "1.0"));
  // Without the memory it is found nowhere, which is said before anything is written.
  fs::remove(r.file());
  const unsigned mounts = r.target.count("POST mount");
  const unsigned sessions = r.target.count("POST session");
  CHECK(r.push("three/app") == errc::not_found);
  CHECK(r.text.message().find("nothing was sent") != std::string::npos);
  CHECK(r.target.count("POST mount") == mounts);
  CHECK(r.target.count("POST session") == sessions);
}

TEST_CASE("a damaged memory of mounts is none, and is written anew", "[faults]") {
  remembered r;
  REQUIRE_FALSE(r.push("one/app"));
  spill(r.file(), "{\"blobs\": [");
  REQUIRE_FALSE(r.push("two/app"));
  CHECK(r.pushed_result.blobs_uploaded == 3);
  CHECK(slurp(r.file()).find("two/app") != std::string::npos);
}

TEST_CASE("clean of everything forgets where blobs are", "[faults]") {
  remembered r;
  REQUIRE_FALSE(r.push("one/app"));
  REQUIRE(fs::exists(r.file()));
  const auto clean = [&](bool dry_run) {
    clean_options how;
    how.all = true;
    how.dry_run = dry_run;
    REQUIRE_FALSE(run_alone<clean_result>(r.settings, [&](engine& one, auto done) { one.async_clean(how, r.text, std::move(done)); }));
  };
  clean(true);
  CHECK(fs::exists(r.file()));
  clean(false);
  CHECK_FALSE(fs::exists(r.file()));
}
