#include "serve/passing_target.hpp"

#include "model/digester.hpp"
#include "support/catch.hpp"
#include "support/result.hpp"
#include "support/temp_dir.hpp"

#include <filesystem>
#include <string>

using namespace gantry;
using namespace gantry::test;
using serve::passing_target;

namespace {

descriptor described(const std::string& bytes) {
  descriptor value;
  value.digest = model::digest_of(bytes, digest_algorithm::sha256);
  value.size = bytes.size();
  return value;
}

std::string read_all(const runtime::file& from, std::size_t size) {
  std::string bytes(size, '\0');
  bytes.resize(must(from.read_at(0, std::as_writable_bytes(std::span(bytes)))));
  return bytes;
}

}  // namespace

TEST_CASE("what passes is read while it arrives and afterwards, and leaves nothing") {
  const temp_dir directory;
  const std::string bytes = "passing by";
  const descriptor blob = described(bytes);
  passing_target target(directory.path());
  CHECK(must(target.claim(blob)).lock.has_value());
  CHECK(target.data() == nullptr);
  CHECK(target.stored(blob) == nullptr);
  auto part = must(target.begin(blob, {}));
  const auto data = target.data();
  REQUIRE(data != nullptr);
  must(part->write(0, std::as_bytes(std::span(bytes))));
  CHECK(read_all(*data, bytes.size()) == bytes);
  CHECK(part->write(1, std::as_bytes(std::span(bytes))).error().code == errc::size_mismatch);
  must(part->commit(blob.digest));
  const auto stored = target.stored(blob);
  REQUIRE(stored != nullptr);
  CHECK(stored->size() == bytes.size());
  part.reset();
  std::string again(bytes.size(), '\0');
  CHECK(must(stored->read_at(0, std::as_writable_bytes(std::span(again)))) == bytes.size());
  CHECK(again == bytes);
  CHECK(std::filesystem::is_empty(directory.path()));
}

TEST_CASE("what passes and is wrong is not taken, and the next attempt begins anew") {
  const temp_dir directory;
  const std::string bytes = "passing by";
  const descriptor blob = described(bytes);
  passing_target target(directory.path());
  auto first = must(target.begin(blob, {}));
  const auto before = target.data();
  CHECK(first->commit(described("else").digest).error().code == errc::digest_mismatch);
  auto second = must(target.begin(blob, {}));
  CHECK(target.data() != before);
  CHECK(second->held().list().empty());
}

TEST_CASE("a directory for what passes that is not there gives no room, like one that may not be written to") {
  const temp_dir directory;
  passing_target target(directory.path() / "missing");
  const auto part = target.begin(described("passing by"), {});
  REQUIRE_FALSE(part);
  CHECK(serve::cannot_keep(part.error()));
}
