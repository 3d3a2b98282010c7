#include "store/blob_writer.hpp"

#include "fixture.hpp"

#include <filesystem>
#include <functional>
#include <string>

namespace gantry::store {
namespace {

using namespace test;

bool nothing_left(const store_fixture& f) { return std::filesystem::is_empty(f.directory / "store/ingest"); }

}  // namespace

TEST_CASE("a blob whose digest is known at its end gets the name that it hashes to") {
  const store_fixture f;
  const std::string content = noise(300'000);
  const auto writer = must(f.store->write_blob());
  must(writer->write(bytes_of(content.substr(0, 100'000))));
  must(writer->write(bytes_of(content.substr(100'000))));
  CHECK(writer->size() == content.size());
  const descriptor blob = descriptor_of(content);
  CHECK(must(writer->commit()) == blob.digest);
  CHECK(f.store->holds(blob));
  CHECK(must(f.store->read(blob, 1 << 20)) == content);
  CHECK((std::filesystem::status(f.blob_of(blob)).permissions() & std::filesystem::perms::owner_write) == std::filesystem::perms::none);
  CHECK(nothing_left(f));
}

TEST_CASE("a blob that is not what was expected is not stored") {
  const store_fixture f;
  auto writer = must(f.store->write_blob());
  must(writer->write(bytes_of("something else")));
  must_fail(writer->commit(descriptor_of("what was expected").digest), errc::digest_mismatch);
  writer.reset();
  CHECK_FALSE(f.store->holds(descriptor_of("something else")));
  CHECK(nothing_left(f));
}

TEST_CASE("a blob that is given up leaves nothing") {
  const store_fixture f;
  must(must(f.store->write_blob())->write(bytes_of("half")));
  CHECK(nothing_left(f));
}

TEST_CASE("a blob whose file or store vanishes before its end is missed by its name, and no store is made in its place") {
  const store_fixture f;
  const std::filesystem::path root = f.directory / "store";
  const std::string content = "what arrives";
  const auto lost = [&](const std::function<void()>& vanish) {
    const auto writer = must(f.store->write_blob());
    must(writer->write(bytes_of(content)));
    vanish();
    const failure why = must_fail(writer->commit(), errc::storage_error);
    CHECK(why.text.message().find("rename") == std::string::npos);
    return why.text.message();
  };
  const std::string file = lost([&] { std::filesystem::remove(std::filesystem::directory_iterator(root / "ingest")->path()); });
  CHECK_THAT(file, Catch::Contains(descriptor_of(content).digest.string()) && Catch::Contains(root.string()) &&
                       Catch::Contains("somebody removed it"));
  CHECK_FALSE(f.store->holds(descriptor_of(content)));
  const std::string all = lost([&] { std::filesystem::remove_all(root); });
  CHECK_THAT(all, Catch::Contains("the store " + root.string() + " is gone"));
  CHECK_FALSE(std::filesystem::exists(root));
}

TEST_CASE(
    "a file can be written by its owner until it has its name, so that a crash just before leaves none whose lock cannot be looked at") {
  const store_fixture f;
  const std::string content = "what arrives";
  const auto writer = must(f.store->write_blob());
  must(writer->write(bytes_of(content)));
  // A rename does not get past this.
  std::filesystem::create_directories(f.blob_of(descriptor_of(content)) / "in the way");
  must_fail(writer->commit(), errc::storage_error);
  const auto left = std::filesystem::directory_iterator(f.directory / "store/ingest")->status().permissions();
  CHECK((left & std::filesystem::perms::owner_write) != std::filesystem::perms::none);
}

TEST_CASE("a file is abandoned when nobody writes it any more") {
  const store_fixture f;
  const std::filesystem::path ingest = f.directory / "store/ingest";
  const auto only_file = [&ingest] { return std::filesystem::directory_iterator(ingest)->path(); };
  {
    const auto writer = must(f.store->write_blob());
    must(writer->write(bytes_of("half")));
    CHECK_FALSE(blob_writer::is_abandoned(only_file()));
    CHECK_FALSE(must(blob_writer::remove_unless_written(only_file())));
    CHECK_FALSE(nothing_left(f));
  }
  CHECK(nothing_left(f));
  spill(ingest / "incoming.0123", "what a killed process left");
  CHECK(blob_writer::is_abandoned(ingest / "incoming.0123"));
  CHECK(must(blob_writer::remove_unless_written(ingest / "incoming.0123")));
  CHECK_FALSE(std::filesystem::exists(ingest / "incoming.0123"));
  spill(ingest / "sha256-0123", "x");
  CHECK_FALSE(blob_writer::is_abandoned(ingest / "sha256-0123"));
  CHECK_FALSE(blob_writer::is_abandoned(ingest / "incoming.gone"));
}

TEST_CASE("a blob is stored under the algorithm that it is named by, an empty one too") {
  const store_fixture f;
  const auto writer = must(f.store->write_blob(digest_algorithm::sha512));
  CHECK(must(writer->commit()) == descriptor_of("", digest_algorithm::sha512).digest);
  CHECK(f.store->holds(descriptor_of("", digest_algorithm::sha512)));
}

}  // namespace gantry::store
