#include "store/paths.hpp"

#include "unit/store/fixture.hpp"

using namespace gantry;
using store::lock_offset;
using store::paths;

namespace {

reference name_of(std::string_view text) {
  error_code ec;
  const reference name = reference::parse(text, ec);
  REQUIRE_FALSE(ec);
  return name;
}

}  // namespace

TEST_CASE("paths of a store are those of an OCI layout and its additions") {
  const paths where{"/s"};
  const digest blob = model::digest_of("");
  const std::string hex(blob.encoded());
  CHECK(where.blob(blob) == "/s/blobs/sha256/" + hex);
  CHECK(where.ingest(blob) == "/s/ingest/sha256-" + hex);
  CHECK(where.ingest(blob, "12ab") == "/s/ingest/sha256-" + hex + ".12ab");
  CHECK(where.blob_locks() == "/s/locks/blobs");
}

TEST_CASE("references have one path each, without colons") {
  const paths where{"/s"};
  CHECK(where.reference(name_of("nginx:1.25")) == "/s/refs/docker.io/library/nginx/_/1.25");
  CHECK(where.reference(name_of("localhost:5000/a/b_c:x")) == "/s/refs/localhost+5000/a/b_c/_/x");
  const std::string hex(model::digest_of("").encoded());
  CHECK(where.reference(name_of("quay.io/a@sha256:" + hex)) == "/s/refs/quay.io/a/_/sha256+" + hex);
  CHECK(where.reference(name_of("quay.io/a:tag@sha256:" + hex)) == "/s/refs/quay.io/a/_/sha256+" + hex);
}

TEST_CASE("a record's path tells the name, and no other path does") {
  const paths where{"/s"};
  const std::string hex(model::digest_of("").encoded());
  for (const std::string& name : {std::string("nginx:1.25"), std::string("localhost:5000/a/b_c:x"), "quay.io/a@sha256:" + hex}) {
    const auto found = where.name_at(where.reference(name_of(name)));
    REQUIRE(found);
    CHECK(*found == name_of(name));
  }
  for (const char* stray : {"/s/refs/x", "/s/refs/docker.io/library/x/1", "/s/refs/docker.io/library/x/_/a b", "/s/refs/docker.io/x/_/1",
                            "/s/refs/docker.io/library/x/_/", "/elsewhere/docker.io/library/x/_/1", "/s/refs/_/1"}) {
    CHECK_FALSE(where.name_at(stray));
  }
}

TEST_CASE("the lock offset is the first 62 bits of the digest") {
  error_code ec;
  const auto of = [&](const std::string& start) {
    return lock_offset(digest::parse("sha256:" + start + std::string(64 - start.size(), '0'), ec));
  };
  CHECK(of("ffffffffffffffff") == (std::uint64_t{1} << 62) - 1);
  CHECK(of("0000000000000004") == 1);
  CHECK(of("0000000000000003ff") == 0);
  CHECK(of("8000000000000000") == std::uint64_t{1} << 61);
}
