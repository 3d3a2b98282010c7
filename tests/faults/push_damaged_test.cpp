// Pushes of what is not what it is called: nothing names it at the target, whatever the registry checks.
#include "faults/uploaded.hpp"

#include "support/catch.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>

using namespace gantry;
using namespace gantry::test;
using kind = gantry::test::upload_fault::kind;
namespace fs = std::filesystem;

namespace {

/// A registry that believes everything, and pushes to it.
struct damaged : uploaded {
  damaged() {
    settings.attempts = 2;
    target.believe_digests();
  }
  fs::path in_store(const test_blob& blob) const { return fs::path(settings.cache_dir) / "blobs" / "sha256" / blob.digest.substr(7); }
  bool says(const std::string& words) const { return text.message().find(words) != std::string::npos; }
};

void flip(const fs::path& path, std::size_t at) {
  std::string bytes = slurp(path);
  REQUIRE(at < bytes.size());
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  fs::permissions(path, fs::perms(0644));
  spill(path, bytes);
}

}  // namespace

TEST_CASE("a damaged blob of the store is not announced, and goes to quarantine", "[faults]") {
  damaged d;
  d.fetch();
  const std::size_t at = GENERATE(std::size_t{0}, std::size_t{1'500'000}, std::size_t{19'000});
  const bool chunks = GENERATE(false, true);
  const test_blob& layer = at == 19'000 ? d.image.layers.front() : d.image.layers.back();
  if (chunks) d.target.fail("PUT blob", {kind::early, 413, {}, 0});
  flip(d.in_store(layer), at);
  CHECK(d.push(d.fetched()) == condition::integrity);
  INFO(d.text.message());
  CHECK_FALSE(d.target.has_tag("copied/app", "1.0"));
  CHECK(d.target.count("PUT manifest") == 0);
  CHECK_FALSE(d.target.blob(layer.digest).has_value());
  CHECK(d.says("the stored blob " + layer.digest + " is damaged"));
  CHECK(d.says("'gantry verify --repair' fetches it again"));
  CHECK(d.says("quarantine"));
  CHECK_FALSE(fs::exists(d.in_store(layer)));
  // The next pull mends it.
  d.target.heal();
  d.fetch();
  CHECK_FALSE(d.push(d.fetched()));
  INFO(d.text.message());
  CHECK(d.complete());
}

TEST_CASE("what an earlier run sent is hashed as well when an upload goes on", "[faults]") {
  damaged d;
  d.fetch();
  d.target.fail("PUT blob", {kind::reset, 0, {}, 1'000'000});
  d.target.fail("GET session", {kind::answer, 503, {}, 0}, 1, 0);
  REQUIRE(d.push(d.fetched()));
  d.target.heal();
  const test_blob& layer = d.image.layers.back();
  flip(d.in_store(layer), 500'000);
  CHECK(d.push(d.fetched()) == condition::integrity);
  INFO(d.text.message());
  CHECK(d.target.count("PUT manifest") == 0);
  CHECK_FALSE(d.target.blob(layer.digest).has_value());
}

TEST_CASE("a damaged blob of a directory or an archive is not announced, and the message says where it lies", "[faults]") {
  damaged d;
  const bool directory = GENERATE(true, false);
  const test_blob& layer = d.image.layers.back();
  fs::path from = d.directory / "layout";
  if (directory) {
    write_layout(from, "1.0", d.image);
    flip(from / "blobs" / "sha256" / layer.digest.substr(7), 2'000'000);
  } else {
    puller pulls(d.source);
    REQUIRE_FALSE(pulls.pull_to_archive().ec);
    from = d.directory / "image.tar";
    fs::copy_file(pulls.archive(), from);
    flip(from, slurp(from).find(layer.bytes) + 2'000'000);
  }
  CHECK(d.push(from.string()) == condition::integrity);
  INFO(d.text.message());
  CHECK(d.target.count("PUT manifest") == 0);
  CHECK_FALSE(d.target.blob(layer.digest).has_value());
  CHECK(d.says(from.string() + ": blob " + layer.digest + " is damaged"));
  CHECK(d.says("gantry verify"));
}
