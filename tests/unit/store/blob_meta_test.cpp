#include "store/blob_meta.hpp"

#include "unit/store/fixture.hpp"

using namespace gantry;
using namespace gantry::test;
using store::blob_meta;

namespace {

blob_meta some_facts() { return {descriptor_of("raw").digest, std::uint64_t{5} << 32, 0xfedcba98, true}; }

std::filesystem::path meta_of(const store_fixture& of, const descriptor& blob) {
  return store::paths{of.directory / "store"}.meta(blob.digest);
}

}  // namespace

TEST_CASE("facts of a blob survive being written and read") {
  CHECK(store::parse_meta(to_json(some_facts())) == some_facts());
  blob_meta other = some_facts();
  other.whole_members = false;
  other.diff_id = descriptor_of("raw", digest_algorithm::sha512).digest;
  CHECK(store::parse_meta(to_json(other)) == other);
}

TEST_CASE("facts that are torn, of another version or out of range are none") {
  const std::string text = to_json(some_facts());
  CHECK_FALSE(store::parse_meta(""));
  CHECK_FALSE(store::parse_meta(text.substr(0, text.size() - 3)));
  CHECK_FALSE(store::parse_meta("{\"version\":2}"));
  const auto changed = [&](std::string_view from, std::string_view to) {
    std::string other = text;
    const auto place = other.find(from);
    REQUIRE(place != std::string::npos);
    return other.replace(place, from.size(), to);
  };
  CHECK_FALSE(store::parse_meta(changed("\"version\":2", "\"version\":1")));
  CHECK_FALSE(store::parse_meta(changed("\"crc32\":4275878552", "\"crc32\":4294967296")));
  CHECK_FALSE(store::parse_meta(changed("sha256:", "md5:")));
  // And those that look like facts.
  CHECK_FALSE(store::parse_meta(changed("\"rawSize\":21474836480", "\"rawSize\":21474836992")));
  CHECK_FALSE(store::parse_meta(changed("true", "false")));
}

TEST_CASE_METHOD(store_fixture, "facts are kept for a blob and replaced as a whole") {
  const descriptor blob = descriptor_of("compressed");
  CHECK_FALSE(store->meta(blob.digest));
  must(store->put_meta(blob.digest, some_facts()));
  CHECK(store->meta(blob.digest) == some_facts());
  CHECK(reopen()->meta(blob.digest) == some_facts());
  CHECK(std::filesystem::exists(directory / "store/meta/sha256" / std::string(blob.digest.encoded())));
  blob_meta other = some_facts();
  other.raw_size = 1;
  must(store->put_meta(blob.digest, other));
  CHECK(store->meta(blob.digest) == other);
  spill(meta_of(*this, blob), "garbage");
  CHECK_FALSE(store->meta(blob.digest));
  must(store->put_meta(blob.digest, other));
  CHECK(store->meta(blob.digest) == other);
}
