// Archives that were made to do harm, through `gantry extract`.
#include "integration/workplace.hpp"

#include "support/catch.hpp"
#include "support/sha256.hpp"
#include "support/tar_builder.hpp"
#include "support/vectors.hpp"

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

const std::string layer = tar_builder().add("etc/motd", "hello\n").finish();
const std::string config =
    R"({"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[")" + sha256_of(layer) + R"("]}})";

/// An archive of docker before version 25, without an end.
tar_builder honest_image() {
  tar_builder tar;
  tar.add("config.json", config).add("layer.tar", layer);
  tar.add("manifest.json", R"([{"Config":"config.json","RepoTags":["example.com/app:1"],"Layers":["layer.tar"]}])");
  return tar;
}

std::string text_of(const boost::json::value& of, const char* key) {
  const auto* found = of.as_object().if_contains(key);
  return found != nullptr && found->is_string() ? std::string(found->as_string()) : std::string();
}

/// Every file below \p root but the store, with its content; links by where they lead.
std::map<std::string, std::string> everything(const fs::path& root) {
  std::map<std::string, std::string> found;
  for (auto entry = fs::recursive_directory_iterator(root); entry != fs::recursive_directory_iterator(); ++entry) {
    const std::string name = fs::relative(entry->path(), root).string();
    if (name == "store") entry.disable_recursion_pending();
    if (name == "store") continue;
    found[name] = entry->is_symlink() ? fs::read_symlink(entry->path()).string() : entry->is_regular_file() ? slurp(entry->path()) : "";
  }
  return found;
}

std::string gzipped(const fs::path& file) { return run_or_throw({{"gzip", "-nc", file.string()}}); }

outcome extracted(const workplace& place, const tar_builder& tar, bool gzip = false) {
  spill(place / "in.tar", tar.finish());
  if (!gzip) return place.run({"extract", "in.tar"});
  spill(place / "in.tar.gz", gzipped(place / "in.tar"));
  return place.run({"extract", "in.tar.gz"});
}

}  // namespace

TEST_CASE("vectors: tar_breakouts, with their victims in place", "[integration]") {
  for_each_row("tar_breakouts", [](const vector_row& row) {
    for (const bool gzip : {false, true}) {
      const workplace place;
      // The directory where the program runs, and beside it and the store what a name that leads out of either could meet.
      const fs::path root = place / "root";
      fs::create_directories(root);
      for (const auto& victim : row.input.at("existing").as_array()) {
        const fs::path path = root / fs::path(text_of(victim, "name")).relative_path();
        const std::string kind = text_of(victim, "type");
        const fs::path target = text_of(victim, "target");
        // As a layer that was unpacked before would have it.
        if (kind != "dir") fs::create_directories(path.parent_path());
        if (kind == "dir") fs::create_directories(path);
        if (kind == "file") spill(path, "victim");
        if (kind == "symlink") fs::create_symlink(target.is_absolute() ? root / target.relative_path() : target, path);
        if (kind == "hardlink") fs::create_hard_link(root / target.relative_path(), path);
      }
      tar_builder tar = honest_image();
      for (const auto& entry : row.input.at("entries").as_array()) {
        const std::string kind = text_of(entry, "type");
        const char type = kind == "dir" ? '5' : kind == "symlink" ? '2' : kind == "hardlink" ? '1' : kind == "fifo" ? '6' : '0';
        tar.add(text_of(entry, "name"), text_of(entry, "content"), type, text_of(entry, "target"));
      }
      spill(place / "in.tar", tar.finish());
      spill(place / "in.tar.gz", gzipped(place / "in.tar"));
      fs::create_directories(place / "home");
      const auto before = everything(place.path());
      const std::string accounts = sha256_of_file("/etc/passwd");
      command extract = place.gantry({"extract", gzip ? "../in.tar.gz" : "../in.tar"});
      extract.directory = root;
      const outcome done = run(extract);
      INFO(done.err);
      CHECK((done.status == 0 || done.status == 5));
      if (row.expected.as_object().contains("error")) CHECK(done.status == 5);
      CHECK(everything(place.path()) == before);
      CHECK(sha256_of_file("/etc/passwd") == accounts);
      for (const char* outside : {"/localetc", "/dummy", "/unbroken", "/etc/unbroken", "/etc/emptied"}) CHECK_FALSE(fs::exists(outside));
      CHECK(store_problems(place.store()) == "");
      if (done.ok()) CHECK(place.run({"save", "example.com/app:1", "-o", "out.tar"}).ok());
    }
  });
}

TEST_CASE("a compressed archive that is none leaves nothing in the store, and takes nothing out of it", "[integration]") {
  const workplace place;
  REQUIRE(extracted(place, honest_image(), true).ok());
  const std::uintmax_t before = stored_bytes(place.store());
  tar_builder junk;
  junk.add("layer.tar", layer);  // the store has it, and needs it
  for (int i = 0; i < 20; ++i) junk.add("file" + std::to_string(i), "content " + std::to_string(i));
  const outcome done = extracted(place, junk, true);
  INFO(done.err);
  CHECK_FALSE(done.ok());
  CHECK(done.err.find("stay in the store") == std::string::npos);
  CHECK(stored_bytes(place.store()) == before);
  CHECK(store_problems(place.store()) == "");
  CHECK(place.run({"save", "example.com/app:1", "-o", "out.tar"}).ok());

  // While nobody knows what a name needs, nothing goes, and what is said of it holds after a day, too.
  const fs::path record = place.store() / "refs/example.com/app/_/1";
  REQUIRE(fs::exists(record));
  spill(record, "{");
  const outcome unsure = extracted(place, junk, true);
  INFO(unsure.err);
  CHECK_FALSE(unsure.ok());
  CHECK_THAT(unsure.err,
             Catch::Contains("damaged names in it may need them; 'gantry clean' says which") && !Catch::Contains("after a day"));
  CHECK(stored_bytes(place.store()) > before);
  // Old enough for a clean-up, they stay, and it says for whom.
  for (const auto& one : fs::recursive_directory_iterator(place.store() / "blobs")) {
    if (one.is_regular_file()) fs::last_write_time(one.path(), fs::file_time_type::clock::now() - std::chrono::hours(48));
  }
  const outcome cleaned = place.run({"clean"});
  INFO(cleaned.err);
  CHECK(cleaned.ok());
  CHECK_THAT(cleaned.err, Catch::Contains("example.com/app:1"));
  CHECK(stored_bytes(place.store()) > before);
}

TEST_CASE("of a compressed archive only the images that are taken stay in the store", "[integration]") {
  const auto archive = [](bool both) {
    tar_builder tar;
    tar.add("config.json", config).add("layer.tar", layer);
    std::string images = R"([{"Config":"config.json","RepoTags":["example.com/app:1"],"Layers":["layer.tar"]})";
    if (both) {
      const std::string other = tar_builder().add("etc/motd", "other\n").finish();
      tar.add("other.json",
              R"({"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[")" + sha256_of(other) + R"("]}})");
      tar.add("other.tar", other);
      images += R"(,{"Config":"other.json","RepoTags":["example.com/other:1"],"Layers":["other.tar"]})";
    }
    return tar.add("manifest.json", images + "]").finish();
  };
  const workplace one;
  const workplace two;
  for (const workplace* place : {&one, &two}) {
    spill(*place / "in.tar", archive(place == &two));
    spill(*place / "in.tar.gz", gzipped(*place / "in.tar"));
    const outcome done = place->run({"extract", "in.tar.gz", "example.com/app:1"});
    INFO(done.err);
    REQUIRE(done.ok());
  }
  CHECK(stored_names(two.store()) == stored_names(one.store()));
  CHECK(stored_bytes(two.store()) == stored_bytes(one.store()));
}

TEST_CASE("a layer that is not what its configuration says is neither pushed nor converted", "[integration]") {
  const workplace place;
  spill(place / "other.tar", tar_builder().add("etc/motd", "other\n").finish());
  tar_builder tar;
  tar.add("config.json", config).add("layer.tar.gz", gzipped(place / "other.tar"));
  tar.add("manifest.json", R"([{"Config":"config.json","RepoTags":["example.com/app:1"],"Layers":["layer.tar.gz"]}])");
  spill(place / "in.tar", tar.finish());
  spill(place / "in.tar.gz", gzipped(place / "in.tar"));
  for (const char* in : {"in.tar", "in.tar.gz"}) {
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"convert", in, "-o", "out.tar", "-f", "oci"}, {"push", in, "localhost:1/app:1"}, {"extract", in}}) {
      const outcome done = place.run(words);
      INFO(words.front() << " " << in << ": " << done.err);
      CHECK(done.status == 5);
      CHECK(done.err.find("configuration says " + sha256_of(layer)) != std::string::npos);
      CHECK_FALSE(fs::exists(place / "out.tar"));
    }
  }
}

TEST_CASE("a directory of somebody else's sends none of our files to a registry", "[integration]") {
  const workplace place;
  spill(place / "private.tar", layer);
  spill(place / "private.tar.gz", gzipped(place / "private.tar"));
  spill(place / "theirs/config.json", config);
  spill(place / "theirs/manifest.json", R"([{"Config":"config.json","RepoTags":["example.com/app:1"],"Layers":["layer.tar.gz"]}])");
  fs::create_symlink(place / "private.tar.gz", place / "theirs/layer.tar.gz");
  const outcome done = place.run({"push", "./theirs", "localhost:1/app:1"});
  INFO(done.err);
  CHECK(done.status == 5);
  CHECK(done.err.find("the link layer.tar.gz leads to ") != std::string::npos);
  CHECK(done.err.find("'cp -rL ./theirs COPY'") != std::string::npos);
  fs::create_directory(place / "copies");
  run_or_throw({{"cp", "-rL", (place / "theirs").string(), (place / "copies/theirs").string()}});
  CHECK(place.run({"convert", "copies/theirs", "-o", "out.tar"}).ok());
}

TEST_CASE("archives with more than an archive may have are refused, and the limit is named", "[integration]") {
  const auto refused = [](const tar_builder& tar, const std::string& limit) {
    for (const bool gzip : {false, true}) {
      const workplace place;
      const outcome done = extracted(place, tar, gzip);
      INFO(done.err);
      CHECK(done.status == 1);
      CHECK(done.err.find(limit) != std::string::npos);
      CHECK(done.err.find("defect") == std::string::npos);
      CHECK(store_problems(place.store()) == "");
    }
  };
  constexpr std::size_t mebibyte = std::size_t{1} << 20;
  const std::string manifest = R"([{"Config":"config.json","RepoTags":["example.com/app:1"],"Layers":["layer.tar"]}])";
  const auto archive = [](const std::string& description, const std::string& configuration) {
    return tar_builder().add("config.json", configuration).add("layer.tar", layer).add("manifest.json", description);
  };
  // White space is part of a document like anything else.
  refused(archive(manifest + std::string(16 * mebibyte, ' '), config), "16777216");
  refused(archive(manifest, config + std::string(8 * mebibyte, ' ')), "8388608");
  std::string layers = "\"layer.tar\"";
  for (int i = 0; i < 1000; ++i) layers += ",\"layer.tar\"";
  refused(archive(R"([{"Config":"config.json","RepoTags":null,"Layers":[)" + layers + "]}]", config), "1000");
  const std::string one = R"({"Config":"config.json","RepoTags":null,"Layers":["layer.tar"]})";
  std::string images = "[" + one;
  for (int i = 0; i < 10'000; ++i) images += "," + one;
  refused(archive(images + "]", config), "10000");
  refused(archive(R"([{"Config":"config.json","RepoTags":null,"Layers":["layer.tar"],"x":)" + std::string(40, '[') + std::string(40, ']') +
                      "}]",
                  config),
          "32");
  refused(tar_builder()
              .add("oci-layout", R"({"imageLayoutVersion":"1.0.0"})")
              .add("index.json", R"({"schemaVersion":2,"manifests":[]})" + std::string(8 * mebibyte, ' ')),
          "8388608");
}
