// The real program, whose calls to the file system go wrong one after another.

#include "faults/disk/ordeal.hpp"
#include "support/catch.hpp"
#include "support/process.hpp"
#include "support/upload_registry.hpp"

namespace gantry::test {
namespace {

namespace fs = std::filesystem;

test_image small_image() {
  image_recipe recipe;
  // One above the size from which on there is a journal.
  recipe.layers = {3000, 1'500'000};
  return build_image(recipe);
}

struct stage {
  fake_registry registry;
  test_image image = small_image();
  std::string name = registry.host() + "/team/app:1.0";
  std::vector<std::string> blobs{image.config.digest, image.layers[0].digest, image.layers[1].digest};

  stage() { registry.hold("team/app", "1.0", image); }

  std::vector<std::string> pull(std::vector<std::string> more) const {
    std::vector<std::string> words{"pull", "--plain-http", name, "--platform", "linux/amd64", "--progress", "none"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  std::function<void(const workplace&)> pulled() const {
    return [words = pull({"--store-only"})](const workplace& place) { REQUIRE(place.run(words).ok()); };
  }
};

const char* const errors[] = {"ENOSPC", "EIO", "EDQUOT", "EACCES", "EMFILE"};

/// Every way in which a call goes wrong.
void endure_all(const ordeal& what) {
  for (const char* error : errors) endure(what, error);
  for (const char* error : {"ENOSPC", "EIO"}) endure(what, error, true);
  for (const char* other : {"SHORT", "EINTR", "KILL", "LATE", "CUT", "CUTALL"}) endure(what, other);
}

void sound(const workplace& place) { CHECK(place.run({"verify", "--progress", "none"}).ok()); }

}  // namespace

TEST_CASE("what an earlier pull left is forced to disk before a reference needs it, and only where one is written", "[disk]") {
  stage s;
  const workplace place;
  s.pulled()(place);
  // As it is found when the first was killed between the last of its blobs and its reference.
  fs::remove_all(place.store() / "refs");
  fs::create_directory(place.store() / "refs");
  s.registry.forget_requests();
  const auto pull_watched = [&](const std::string& log, std::vector<std::string> more) {
    more.insert(more.begin(), "--store-only");
    REQUIRE(place
                .run(s.pull(more), {{"LD_PRELOAD", GANTRY_FAULT_SHIM},
                                    {"GANTRY_FAULT_BELOW", place.store().string()},
                                    {"GANTRY_FAULT_LOG", (place / log).string()}})
                .ok());
    return slurp(place / log);
  };
  const std::string forced = " fsync " + (place.store() / "blobs" / "sha256").string() + "\n";
  const std::string written = " rename " + (place.store() / "refs").string() + "/";
  const std::string first = pull_watched("first", {});
  CHECK(s.registry.count("/blobs/") == 0);
  INFO(first);
  REQUIRE(first.find(forced) != std::string::npos);
  REQUIRE(first.find(written) != std::string::npos);
  CHECK(first.find(forced) < first.find(written));
  const std::string again = pull_watched("again", {});
  CHECK(again.find(forced) == std::string::npos);
  fs::remove_all(place.store() / "refs");
  fs::create_directory(place.store() / "refs");
  const std::string careless = pull_watched("careless", {"--no-sync"});
  CHECK(careless.find(written) != std::string::npos);
  CHECK(careless.find("sync ") == std::string::npos);
}

TEST_CASE("a pull into the store endures every fault of the disk", "[disk]") {
  stage s;
  endure_all({.name = "pull", .words = s.pull({"--store-only"}), .finish = sound, .source = &s.registry, .blobs = s.blobs});
}

TEST_CASE("a pull into an archive endures every fault of the disk", "[disk]") {
  stage s;
  endure_all({.name = "pull -o",
              .words = s.pull({"-o", "image.tar"}),
              .outputs = {"image.tar"},
              .finish = sound,
              .source = &s.registry,
              .blobs = s.blobs});
}

TEST_CASE("a pull over an archive that is there endures every fault of the disk", "[disk]") {
  stage s;
  const auto old = [&s](const workplace& place) { REQUIRE(place.run(s.pull({"-o", "image.tar", "-f", "oci", "--no-cache"})).ok()); };
  endure_all({.name = "pull -f synology -o",
              .words = s.pull({"-f", "synology", "-o", "image.tar"}),
              .prepare = old,
              .outputs = {"image.tar"},
              .finish = sound,
              .source = &s.registry,
              .blobs = s.blobs});
}

TEST_CASE("a pull without the store endures every fault of the disk", "[disk]") {
  stage s;
  endure_all({.name = "pull --no-cache -o",
              .words = s.pull({"--no-cache", "-o", "image.tar"}),
              .outputs = {"image.tar"},
              .source = &s.registry,
              .blobs = s.blobs,
              .second_fetches = true});
}

TEST_CASE("a pull into a directory endures every fault of the disk", "[disk]") {
  stage s;
  endure_all({.name = "pull -f oci-dir -o",
              .words = s.pull({"-f", "oci-dir", "-o", "image"}),
              .outputs = {"image"},
              .finish = sound,
              .source = &s.registry,
              .blobs = s.blobs});
}

TEST_CASE("a pull over a directory that is there endures every fault of the disk", "[disk]") {
  stage s;
  image_recipe other;
  other.layers = {2000};
  other.seed = 2;
  s.registry.hold("team/other", "2.0", build_image(other));
  const auto old = [&s](const workplace& place) {
    const std::string name = s.registry.host() + "/team/other:2.0";
    REQUIRE(place.run({"pull", "--plain-http", name, "--no-cache", "-f", "oci-dir", "-o", "image", "--progress", "none"}).ok());
  };
  endure_all({.name = "pull -f oci-dir -o, again",
              .words = s.pull({"-f", "oci-dir", "-o", "image"}),
              .prepare = old,
              .outputs = {"image"},
              .finish = sound,
              .source = &s.registry,
              .blobs = s.blobs});
}

TEST_CASE("a save endures every fault of the disk", "[disk]") {
  stage s;
  endure_all({.name = "save --gzip",
              .words = {"save", s.name, "-o", "image.tar.gz", "--progress", "none"},
              .prepare = s.pulled(),
              .outputs = {"image.tar.gz"},
              .finish = sound});
}

TEST_CASE("a clean-up endures every fault of the disk", "[disk]") {
  stage s;
  endure_all({.name = "clean", .words = {"clean", "--all", "--force", "--progress", "none"}, .prepare = s.pulled(), .finish = sound});
}

TEST_CASE("a clean-up that keeps an image endures every fault of the disk", "[disk]") {
  stage s;
  image_recipe other;
  other.layers = {2000};
  other.seed = 2;
  s.registry.hold("team/other", "2.0", build_image(other));
  const std::string going = s.registry.host() + "/team/other:2.0";
  const auto both = [&](const workplace& place) {
    s.pulled()(place);
    REQUIRE(place.run({"pull", "--plain-http", "--store-only", going, "--platform", "linux/amd64", "--progress", "none"}).ok());
    // What is young is kept whatever happens.
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(place.store() / "blobs")) {
      fs::last_write_time(entry.path(), fs::file_time_type::clock::now() - std::chrono::hours(100));
    }
  };
  endure_all(
      {.name = "clean, one of two", .words = {"clean", "--max-size", "1600K", "--progress", "none"}, .prepare = both, .finish = sound});
}

TEST_CASE("an extract endures every fault of the disk", "[disk]") {
  stage s;
  const auto archive = [&s](const workplace& place) { REQUIRE(place.run(s.pull({"--no-cache", "-o", "image.tar"})).ok()); };
  endure_all({.name = "extract",
              .words = {"extract", "image.tar", "--progress", "none"},
              .prepare = archive,
              .outputs = {"image.tar"},
              .finish = sound});
}

TEST_CASE("an extract of a blob that is named by sha512 endures every fault of the disk", "[disk]") {
  stage s;
  // The first of its kind: its directory is new, too.
  replace_layer(s.image, 0, test_blob::of_sha512(s.image.layers[0].media_type, s.image.layers[0].bytes));
  s.registry.hold("team/app", "1.0", s.image);
  const auto archive = [&s](const workplace& place) { REQUIRE(place.run(s.pull({"--no-cache", "-f", "oci", "-o", "image.tar"})).ok()); };
  endure_all({.name = "extract, sha512",
              .words = {"extract", "image.tar", "--progress", "none"},
              .prepare = archive,
              .outputs = {"image.tar"},
              .finish = sound});
}

TEST_CASE("a conversion endures every fault of the disk", "[disk]") {
  stage s;
  const auto archive = [&s](const workplace& place) { REQUIRE(place.run(s.pull({"--no-cache", "-o", "image.tar"})).ok()); };
  endure_all({.name = "convert",
              .words = {"convert", "image.tar", "-o", "other.tar", "-f", "synology", "--progress", "none"},
              .prepare = archive,
              .outputs = {"image.tar", "other.tar"}});
}

TEST_CASE("a push endures every fault of the disk", "[disk]") {
  stage s;
  upload_registry target;
  endure_all({.name = "push",
              .words = {"push", "--plain-http", s.name, target.host() + "/copy/app:1.0", "--progress", "none"},
              .prepare = s.pulled(),
              .finish = [&](const workplace& place) {
                sound(place);
                for (const std::string& digest : s.blobs) CHECK(target.blob(digest).has_value());
                CHECK(target.has_tag("copy/app", "1.0"));
              }});
}

}  // namespace gantry::test
