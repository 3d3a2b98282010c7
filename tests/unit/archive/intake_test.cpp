#include "archive/intake.hpp"

#include "archive/image_source.hpp"
#include "archive/image_tree.hpp"
#include "archive/inflating_input.hpp"
#include "archive_fixture.hpp"
#include "old_docker_archive.hpp"
#include "support/catch.hpp"
#include "support/process.hpp"
#include "support/result.hpp"
#include "support/sha256.hpp"
#include "support/tar_builder.hpp"
#include "support/temp_dir.hpp"
#include "support/vectors.hpp"
#include "text_input.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace gantry::archive {
namespace {

using namespace fixture;
using test::must;
using test::must_fail;
using test::pax_record;
using test::tar_builder;

const std::atomic<bool> running{false};

std::shared_ptr<store::content_store> store_in(const test::temp_dir& directory) {
  return must(store::content_store::open({.root = directory / "store", .sync = false}));
}

std::string compressed(const std::string& bytes, const char* program = "gzip") {
  const test::temp_dir directory;
  test::spill(directory / "plain", bytes);
  return test::run_or_throw({{program, "-c", (directory / "plain").string()}});
}

/// The images of a tar, compressed or not, once out of an unnamed file and once out of a store.
result<std::size_t> images_in(const std::string& bytes) {
  const test::temp_dir directory;
  test::spill(directory / "in", bytes);
  const auto spooled = open_image_source(directory / "in", {.spool_directory = directory.path()}, running);
  const auto taken = open_image_source(directory / "in", {.into = store_in(directory)}, running);
  CHECK(spooled.has_value() == taken.has_value());
  if (!spooled) return spooled.error();
  if (taken) CHECK((*spooled)->images().size() == (*taken)->images().size());
  return (*spooled)->images().size();
}

errc code_of(const std::string& bytes) {
  const auto images = images_in(bytes);
  return images ? errc{} : static_cast<errc>(images.error().code.value());
}

/// All that comes out of compressed bytes; the failure when there is one.
result<std::uint64_t> inflated_size(const std::string& bytes, inflate_limits limits = {}) {
  const auto plain = plain_input(std::make_unique<test::text_input>(bytes), "the input", limits);
  if (!plain) return plain.error();
  return (*plain)->skip(std::uint64_t{1} << 40);
}

}  // namespace

TEST_CASE("a compressed archive goes into the store as it comes") {
  const old_docker_archive old;
  const test::temp_dir directory;
  const auto store = store_in(directory);
  test::spill(directory / "in.tar.gz", compressed(old.members().finish()));
  const auto source = must(open_image_source(directory / "in.tar.gz", {.into = store}, running));
  REQUIRE(source->images().size() == 1);
  const archived_manifest& held = source->images()[0].content.manifests[0];
  CHECK(held.layers[0].digest.string() == old.layer_digest);
  CHECK(store->holds(held.layers[0]));
  CHECK(store->holds(*held.config));
  CHECK(source->took(held.layers[0].digest));
  CHECK_FALSE(store->holds(held.manifest));  // it was made, not taken
  CHECK(must(read_blob(*source, held.manifest, 1 << 20, "the manifest")).size() == held.manifest.size);
}

TEST_CASE("plain, gzip and zstd archives give the same images, several members and frames too") {
  const old_docker_archive old;
  const std::string tar = old.members().finish();
  const std::string half(tar, 0, tar.size() / 2);
  const std::string rest(tar, tar.size() / 2);
  CHECK(must(images_in(tar)) == 1);
  CHECK(must(images_in(compressed(tar))) == 1);
  CHECK(must(images_in(compressed(half) + compressed(rest))) == 1);
  CHECK(must(images_in(compressed(tar, "zstd"))) == 1);
  // Archivers fill their last block with zeros, and every gunzip takes that; anything else is no part of the archive.
  CHECK(must(images_in(compressed(tar) + std::string(1024, '\0'))) == 1);
  CHECK(code_of(compressed(tar) + std::string(1024, '\0') + "x") == errc::malformed_document);
  const std::string skippable("\x50\x2a\x4d\x18\x04\0\0\0abcd", 12);
  CHECK(must(images_in(skippable + compressed(half, "zstd") + skippable + compressed(rest, "zstd") + skippable)) == 1);
}

TEST_CASE("a layer that is not what its configuration says is found while it is taken") {
  old_docker_archive old;
  old.layer[600] = 'X';
  const test::temp_dir directory;
  test::spill(directory / "in.tar.gz", compressed(old.members().finish()));
  must_fail(open_image_source(directory / "in.tar.gz", {.into = store_in(directory)}, running), errc::digest_mismatch);
  // Where nothing is hashed yet, whoever reads the layer finds it.
  const auto source = must(open_image_source(directory / "in.tar.gz", {.spool_directory = directory.path()}, running));
  must_fail(read_blob(*source, source->images()[0].content.manifests[0].layers[0], 1 << 20, "the layer"), errc::digest_mismatch);
}

TEST_CASE("whoever takes an archive in learns what the store did not have, also when it is none") {
  const test::temp_dir directory;
  const auto store = store_in(directory);
  const auto writer = must(store->write_blob());
  must(writer->write(std::as_bytes(std::span(std::string_view("old")))));
  const digest old = must(writer->commit());
  CHECK(writer->added());
  test::spill(directory / "in.tar.gz", compressed(tar_builder().add("a", "old").add("b", "new").add("c", "new").finish()));
  std::set<digest> added;
  CHECK_FALSE(open_image_source(directory / "in.tar.gz", {.into = store, .added = &added}, running).has_value());
  REQUIRE(added.size() == 1);
  CHECK(added.begin()->string() == test::sha256_of("new"));
  CHECK_FALSE(added.contains(old));
}

TEST_CASE("a stop ends the intake") {
  const test::temp_dir directory;
  const std::atomic<bool> stop{true};
  test::text_input bytes(old_docker_archive().members().finish());
  must_fail(take_in(bytes, store_in(directory), stop), errc::cancelled);
  CHECK(std::filesystem::is_empty(directory / "store/ingest"));
}

// What the installed libarchive does with them, and what our reader makes of them.
TEST_CASE("vectors: installed_library_behaviour, archives", "[vectors]") {
  const std::string tar = old_docker_archive().members().finish();
  const std::string gz = compressed(tar);
  const auto changed = [&gz](std::size_t from_end) {
    std::string bytes = gz;
    bytes[bytes.size() - from_end] = static_cast<char>(bytes[bytes.size() - from_end] ^ 1);
    return bytes;
  };
  const auto with_pax = [](const std::string& records) {
    return code_of(tar_builder().add_pax(records).add("manifest.json", "[]").finish());
  };
  const std::map<std::string, std::function<void()>> known{
      {"gzip nested 2 and 10 times",
       [&] {
         std::string bytes = compressed(gz);
         CHECK(code_of(bytes) == errc::malformed_document);
         for (int i = 0; i < 8; ++i) bytes = compressed(bytes);
         CHECK(code_of(bytes) == errc::malformed_document);
       }},
      {"gzip whose CRC32 is wrong", [&] { CHECK(code_of(changed(6)) == errc::malformed_document); }},
      {"gzip whose ISIZE is wrong", [&] { CHECK(code_of(changed(3)) == errc::malformed_document); }},
      {"gzip followed by garbage bytes", [&] { CHECK(code_of(gz + "garbage") == errc::malformed_document); }},
      {"gzip truncated after the tar end-of-archive blocks",
       [&] { CHECK(code_of(gz.substr(0, gz.size() - 8)) == errc::malformed_document); }},
      {"two concatenated gzip members",
       [&] { CHECK(must(images_in(compressed(tar.substr(0, 1000)) + compressed(tar.substr(1000)))) == 1); }},
      {"pax size=512 over ustar size=0",
       [&] {
         test::text_input bytes(
             tar_builder().add_pax(pax_record("size", "512")).add_header("outer", 0).add_header("inner", 0).add("last", "").finish());
         tar_reader reader(bytes);
         CHECK(must(reader.next())->size == 512);
         CHECK(must(reader.next())->name == "last");
       }},
      {"pax size=-1", [&] { CHECK(with_pax(pax_record("size", "-1")) == errc::malformed_document); }},
      {"pax path containing NUL", [&] { CHECK(with_pax(pax_record("path", std::string("a\0b", 3))) == errc::malformed_document); }},
      {"pax header declaring 16 MiB",
       [&] { CHECK(code_of(tar_builder().add_header("x", 16 << 20, 'x').finish()) == errc::limit_exceeded); }},
      {"pax GNU sparse 1.0 with realsize 1 TiB in a 3.5 KB file",
       [&] {
         CHECK(with_pax(pax_record("GNU.sparse.major", "1") + pax_record("GNU.sparse.realsize", "1099511627776")) ==
               errc::unsupported_document);
       }},
      {"two entries with the same name manifest.json",
       [&] { CHECK(code_of(tar_builder().add("manifest.json", "[]").add("manifest.json", "[]").finish()) == errc::malformed_document); }},
      {"entry size beyond end of file",
       [&] { CHECK(code_of(tar_builder().add_header("a", 1 << 30).add_raw("abc").finish()) == errc::malformed_document); }},
      {"64 MiB of zeros in a 65 KB tar.gz",
       [&] {
         const std::string bomb = compressed(std::string(std::size_t{64} << 20, '\0'));
         CHECK(must(inflated_size(bomb)) == std::uint64_t{64} << 20);
         must_fail(inflated_size(bomb, {.size = 1 << 20}), errc::limit_exceeded);
         must_fail(inflated_size(bomb, {.ratio = 100, .ratio_counts_from = 1 << 20}), errc::limit_exceeded);
       }},
  };
  test::for_each_row("installed_library_behaviour", [&](const test::vector_row& row) {
    if (row.in("component") != "libarchive") return;
    const auto found = known.find(row.in("case"));
    if (found == known.end()) {
      FAIL_CHECK("no test knows this case: " << row.in("case") << ", source " << row.source);
    } else {
      found->second();
    }
  });
}

}  // namespace gantry::archive
