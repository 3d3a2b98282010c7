// Archives of other programs into the store, and from archive to archive; the air gap from a list of references to an image.
#include "integration/dockerd.hpp"
#include "integration/shelf.hpp"
#include "integration/workplace.hpp"

#include "support/catch.hpp"
#include "support/image_builder.hpp"
#include "support/servers.hpp"
#include "support/sha256.hpp"
#include "support/tar_builder.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>

using namespace gantry::test;
namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

void check_ok(const outcome& result) {
  INFO(result.err);
  REQUIRE(result.status == 0);
}

/// The results that a command printed with --json, by name.
std::map<std::string, json::object> images_by_name(const outcome& result) {
  check_ok(result);
  std::map<std::string, json::object> images;
  const json::value printed = json::parse(result.out);
  for (const json::value& image : printed.at("images").as_array()) {
    images[std::string(image.at("name").as_string())] = image.as_object();
  }
  return images;
}

std::string text(const json::object& of, const char* key) { return std::string(of.at(key).as_string()); }

/// The archive compressed by a program of the system.
fs::path compressed(const fs::path& archive, const char* program, const char* suffix) {
  const fs::path made = archive.string() + suffix;
  spill(made, run_or_throw({{program, "-c", archive.string()}}));
  return made;
}

/// skopeo's copy of a small image of its own, in one of its formats.
fs::path by_skopeo(const fs::path& directory, const std::string& kind) {
  fs::create_directories(directory);
  if (!fs::exists(directory / "layout")) write_layout(directory / "layout", "1.0", build_image({}));
  const fs::path made = directory / kind;
  const std::string name = kind == "docker-archive" ? ":example.com/app:1.0" : ":1.0";
  run_or_throw({{"skopeo", "copy", "-q", "oci:" + (directory / "layout").string() + ":1.0", kind + ":" + made.string() + name}});
  return made;
}

}  // namespace

TEST_CASE("archives and directories of skopeo are extracted", "[integration]") {
  const temp_dir directory;
  const workplace place;
  const skopeo_facts facts = [&] {
    by_skopeo(directory.path(), "oci-archive");
    return ask_skopeo("oci:" + (directory / "layout").string() + ":1.0", {});
  }();

  // No name, only a tag: one is needed.
  const outcome nameless = place.run({"extract", (directory / "layout").string()});
  CHECK(nameless.status == 2);
  CHECK(nameless.err.find("NAME") != std::string::npos);
  // Neither can docker's own list hold it.
  const outcome converted = place.run({"convert", (directory / "layout").string(), "-o", "bare.tar"});
  INFO(converted.err);
  CHECK(converted.ok());
  CHECK(converted.err.find("only '1.0', without a repository") != std::string::npos);
  CHECK(converted.err.find("--name REPOSITORY:TAG") != std::string::npos);
  for (const std::vector<std::string>& more : {std::vector<std::string>{"-f", "oci"}, std::vector<std::string>{"--name", "mine:1"}}) {
    std::vector<std::string> words{"convert", (directory / "layout").string(), "-o", "named.tar"};
    words.insert(words.end(), more.begin(), more.end());
    CHECK(place.run(words).err.find("without a repository") == std::string::npos);
  }

  int count = 0;
  for (const fs::path& archive : {directory / "layout", directory / "oci-archive", compressed(directory / "oci-archive", "gzip", ".gz"),
                                  compressed(directory / "oci-archive", "zstd", ".zst")}) {
    INFO(archive);
    const std::string name = "example.com/app:" + std::to_string(++count);
    const auto images = images_by_name(place.run({"extract", archive.string(), name, "--json"}));
    REQUIRE(images.contains(name));
    CHECK(text(images.at(name), "digest") == facts.digest);
    CHECK(text(images.at(name), "image_id") == facts.config_digest);
    // What was extracted is a reference of the store like any other.
    CHECK(ask_skopeo("oci:" + place.store().string() + ":" + name, {}).digest == facts.digest);
  }

  const auto images = images_by_name(place.run({"extract", "--file", by_skopeo(directory.path(), "docker-archive").string(), "--json"}));
  REQUIRE(images.contains("example.com/app:1.0"));
  CHECK(text(images.at("example.com/app:1.0"), "image_id") == facts.config_digest);
  CHECK(store_problems(place.store()) == "");
}

TEST_CASE("an archive is read from standard input", "[integration]") {
  const temp_dir directory;
  const workplace place;
  for (const fs::path& archive : {by_skopeo(directory.path(), "docker-archive"), compressed(directory / "docker-archive", "gzip", ".gz")}) {
    command extract = place.gantry({"import", "-", "--json"});
    extract.input = slurp(archive);
    CHECK(images_by_name(run(extract)).contains("example.com/app:1.0"));
  }
  CHECK(store_problems(place.store()) == "");
}

TEST_CASE("archives of podman are extracted", "[integration]") {
  const temp_dir directory;
  const workplace place;
  const auto podman = [&](std::vector<std::string> words) {
    const std::vector<std::string> base{"podman",    "--storage-driver",          "vfs", "--root", (directory / "graph").string(),
                                        "--runroot", (directory / "run").string()};
    words.insert(words.begin(), base.begin(), base.end());
    return run_or_throw({words});
  };
  podman({"load", "-q", "-i", by_skopeo(directory.path(), "docker-archive").string()});
  std::string id = podman({"image", "inspect", "--format", "{{.Id}}", "example.com/app:1.0"});
  id.erase(id.find('\n'));
  for (const std::string format : {"docker-archive", "oci-archive", "oci-dir"}) {
    INFO(format);
    const fs::path archive = directory / ("saved-" + format);
    podman({"save", "-q", "--format", format, "-o", archive.string(), "example.com/app:1.0"});
    const outcome extracted = place.run({"extract", archive.string(), "example.com/app:" + format, "--json"});
    check_ok(extracted);
    CHECK(text(only_image(extracted), "image_id") == "sha256:" + id);
  }
  CHECK(store_problems(place.store()) == "");
}

TEST_CASE("what docker saves is extracted, and loads again after a conversion", "[integration]") {
  const auto docker = docker_engine::start();
  if (!docker) return;
  const temp_dir directory;
  const workplace place;
  docker->load(by_skopeo(directory.path(), "docker-archive"));
  REQUIRE(docker->docker({"tag", "example.com/app:1.0", "second:2"}).ok());
  const std::string id = docker->id_of("second:2");
  const fs::path saved = directory / "saved.tar";
  check_ok(docker->docker({"save", "-o", saved.string(), "second:2", "example.com/app:1.0"}));

  const auto images = images_by_name(place.run({"extract", saved.string(), "--json"}));
  for (const char* name : {"docker.io/library/second:2", "example.com/app:1.0"}) {
    REQUIRE(images.contains(name));
    CHECK(text(images.at(name), "image_id") == id);
  }
  CHECK(store_problems(place.store()) == "");

  check_ok(place.run({"convert", saved.string(), "-o", "new.tar"}));
  REQUIRE(docker->docker({"rmi", "-f", "second:2", "example.com/app:1.0"}).ok());
  docker->load(place / "new.tar");
  CHECK(docker->id_of("second:2") == id);
  CHECK(docker->id_of("example.com/app:1.0") == id);
}

TEST_CASE("a name that the store has for another image is kept unless forced", "[integration]") {
  const temp_dir directory;
  const workplace place;
  const fs::path archive = by_skopeo(directory.path(), "docker-archive");
  image_recipe recipe;
  recipe.seed = 2;
  write_layout(directory / "other", "1.0", build_image(recipe));
  check_ok(place.run({"extract", (directory / "other").string(), "example.com/app:1.0"}));
  const outcome refused = place.run({"extract", archive.string()});
  INFO(refused.err);
  CHECK(refused.status == 2);
  CHECK(refused.err.find("--force") != std::string::npos);
  check_ok(place.run({"extract", archive.string(), "--force"}));
  check_ok(place.run({"extract", archive.string()}));
  // A name that is written out is given all the same, and not without a word.
  const auto said = [](const outcome& done) { return done.err.find("example.com/app:1.0 was sha256:") != std::string::npos; };
  const std::string layout = (directory / "other").string();
  const outcome replaced = place.run({"extract", layout, "example.com/app:1.0"});
  INFO(replaced.err);
  CHECK(replaced.ok());
  CHECK(said(replaced));
  CHECK_FALSE(said(place.run({"extract", layout, "example.com/app:1.0"})));
  CHECK_FALSE(said(place.run({"extract", archive.string(), "example.com/app:1.0", "--force"})));
}

TEST_CASE("damaged, cut and foreign archives are refused with nothing recorded", "[integration]") {
  const temp_dir directory;
  const workplace place;
  const fs::path archive = by_skopeo(directory.path(), "docker-archive");
  const std::string bytes = slurp(archive);
  const std::string zipped = slurp(compressed(archive, "gzip", ".gz"));
  const auto refused = [&](const std::string& content, int status) {
    spill(directory / "bad", content);
    const outcome result = place.run({"extract", (directory / "bad").string()});
    INFO(result.err);
    CHECK(result.status == status);
    CHECK(result.err.find("bad") != std::string::npos);
  };
  refused(bytes.substr(0, bytes.size() / 2), 5);
  refused(zipped.substr(0, zipped.size() - 20), 5);
  refused(zipped + "rest", 5);
  refused("no archive at all", 5);
  refused("", 5);
  CHECK_THAT(place.run({"extract", (directory / "bad").string()}).err, Catch::Contains("it is empty"));
  // One exit code for one file, whatever is to be done with it: 5 for what is no whole archive, 4 for one without an image.
  const std::string noise(5000, '\xa7');
  const std::string imageless = tar_builder().add("readme", "no image here").finish();
  for (const auto& [content, status] : {std::pair(std::string(), 5), std::pair(noise, 5), std::pair(bytes.substr(0, 300), 5),
                                        std::pair(zipped.substr(0, 60), 5), std::pair(imageless, 4)}) {
    spill(directory / "bad", content);
    const std::string bad = (directory / "bad").string();
    for (const std::vector<std::string>& words : {std::vector<std::string>{"extract", bad},
                                                  {"extract", bad, "a:1"},
                                                  {"convert", bad, "-o", "x.tar"},
                                                  {"inspect", bad},
                                                  {"digest", bad},
                                                  {"push", bad, "127.0.0.1:1/a:1"}}) {
      const outcome result = place.run(words);
      INFO(words.front() << " of " << content.size() << " bytes: " << result.err);
      CHECK(result.status == status);
      CHECK(result.err.find("bad: ") != std::string::npos);
    }
  }
  spill(place / "list.txt", "team/UPPER\n");
  const outcome listed = place.run({"pull", "--from", "list.txt", "-o", "x.tar"});
  CHECK(listed.status == 2);
  CHECK_THAT(listed.err, Catch::Contains("list.txt, line 1: 'team/UPPER'"));
  CHECK_THAT(place.run({"save"}).err, Catch::Contains("'gantry save "));
  CHECK_THAT(place.run({"serve", "--upstream", "no host"}).err, Catch::Contains("--upstream takes a host name"));
  std::string flipped = bytes;
  flipped[2000] = static_cast<char>(flipped[2000] ^ 1);  // in the first layer
  spill(directory / "bad", flipped);
  // Into a store that has nothing of it: blobs that are there already are not read again.
  const workplace clean;
  const outcome bad_layer = clean.run({"extract", (directory / "bad").string()});
  INFO(bad_layer.err);
  CHECK(bad_layer.status == 5);
  // File and layer.
  CHECK(bad_layer.err.find((directory / "bad").string()) != std::string::npos);
  CHECK(bad_layer.err.find("sha256:") != std::string::npos);
  CHECK(store_problems(clean.store()) == "");
  const outcome converted = clean.run({"convert", (directory / "bad").string(), "-o", "x.tar"});
  INFO(converted.err);
  CHECK(converted.status == 5);
  CHECK(converted.err.find((directory / "bad").string()) != std::string::npos);
  CHECK(converted.err.find("sha256:") != std::string::npos);
  const outcome gone = place.run({"extract", (directory / "gone").string()});
  CHECK(gone.status == 4);
  CHECK(gone.err.find((directory / "gone").string() + " does not exist") != std::string::npos);
  const outcome image = place.run({"convert", "registry.example/app:1", "-o", "x.tar"});
  CHECK(image.status == 4);
  CHECK(image.err.find("hint: for an image, 'gantry save registry.example/app:1 -o FILE'") != std::string::npos);
  CHECK((!fs::exists(place.store() / "refs") || fs::is_empty(place.store() / "refs")));
  CHECK(store_problems(place.store()) == "");
}

TEST_CASE("one image of several is named behind the path as for skopeo", "[integration]") {
  const temp_dir directory;
  const workplace place;
  const docker_registry registry(directory / "registry", {shelf()});
  const docker_registry target(directory / "target", {directory / "pushed"});
  const std::string layout = "oci:" + (place / "layout").string();
  for (const auto& [name, tag] : {std::pair("classic", ":one"), std::pair("multi", ":two")}) {
    run_or_throw({{"skopeo", "copy", "-q", "--all", "--src-tls-verify=false", "docker://" + registry.host() + "/team/" + name + ":1.0",
                   layout + tag}});
  }
  const std::string one = ask_skopeo(layout + ":one", {}).digest;
  const std::string two = sha256_of(run_or_throw({{"skopeo", "inspect", "--raw", layout + ":two"}}));
  CHECK(place.run({"digest", "oci:layout:one"}).out == one + "\n");
  CHECK(place.run({"digest", "oci:layout:two"}).out == two + "\n");
  CHECK(place.run({"digest", "oci:layout:@1"}).out == two + "\n");
  CHECK(place.run({"digest", "oci:layout"}).status == 2);
  const outcome absent = place.run({"digest", "oci:layout:three"});
  CHECK(absent.status == 4);
  INFO(absent.err);
  CHECK(absent.err.find("one, two") != std::string::npos);

  check_ok(place.run({"extract", "oci:layout:two", "example.com/team/app:2"}));
  CHECK(place.run({"digest", "--offline", "example.com/team/app:2"}).out == two + "\n");
  check_ok(place.run({"convert", "oci:layout:two", "-f", "oci", "--name", "example.com/team/app:2", "-o", "two.tar"}));
  CHECK(place.run({"digest", "oci-archive:two.tar:2"}).out == two + "\n");
  CHECK(place.run({"digest", "oci-archive:two.tar:example.com/team/app:2"}).out == two + "\n");
  check_ok(place.run({"push", "oci:layout:one", target.host() + "/team/pushed:1"}));
  CHECK(ask_skopeo("docker://" + target.host() + "/team/pushed:1", {"--tls-verify=false"}).digest == one);
}

TEST_CASE("a conversion keeps every digest, reads what it wrote, and touches no store", "[integration]") {
  const temp_dir directory;
  const workplace place;
  docker_registry registry(directory / "registry", {shelf()});
  const std::string image = registry.host() + "/team/multi:1.0";
  check_ok(place.run({"pull", "--all-platforms", "-f", "oci", "-o", "all.tar", image}));
  registry.stop();
  fs::remove_all(place.store());
  check_ok(place.run({"convert", "all.tar", "-f", "docker", "-o", "docker.tar.gz"}));
  check_ok(place.run({"convert", "docker.tar.gz", "-f", "oci", "-o", "again.tar"}));
  CHECK(sha256_of_file(place / "again.tar") == sha256_of_file(place / "all.tar"));
  const outcome streamed = place.run({"convert", "docker.tar.gz", "-f", "oci", "-o", "-"});
  CHECK(sha256_of(streamed.out) == sha256_of_file(place / "all.tar"));
  CHECK_FALSE(fs::exists(place.store()));

  check_ok(place.run({"convert", "all.tar", "--name", "mine:1", "-o", "mine.tar"}));
  CHECK(run_or_throw({{"tar", "-xOf", (place / "mine.tar").string(), "manifest.json"}}).find("\"mine:1\"") != std::string::npos);
  const outcome unknown = place.run({"convert", "all.tar", "nobody:1", "-o", "x.tar"});
  CHECK(unknown.status == 4);
  CHECK_FALSE(fs::exists(place / "x.tar"));
}

TEST_CASE("over the air gap: a list into a bundle, the bundle into an empty store, one image out", "[integration]") {
  const temp_dir directory;
  const workplace connected;
  const workplace isolated;
  docker_registry registry(directory / "registry", {shelf()});
  const std::string multi = registry.host() + "/team/multi:1.0";
  const std::string classic = registry.host() + "/team/classic:1.0";
  spill(connected / "list.txt", "# what we need\n" + multi + "\n" + classic + "\n");
  check_ok(connected.run({"pull", "--from", "list.txt", "-o", "bundle.tar"}));
  const skopeo_facts facts = ask_skopeo("docker://" + classic, {"--tls-verify=false"});
  registry.stop();

  const auto images = images_by_name(isolated.run({"extract", (connected / "bundle.tar").string(), "--json"}));
  REQUIRE(images.contains(classic));
  REQUIRE(images.contains(multi));
  CHECK(text(images.at(classic), "manifest_digest") == facts.manifest_digest);
  CHECK(store_problems(isolated.store()) == "");
  check_ok(isolated.run({"convert", (connected / "bundle.tar").string(), classic, "-f", "oci", "-o", "one.tar"}));
  CHECK(ask_skopeo("oci-archive:" + (isolated / "one.tar").string(), {}).config_digest == facts.config_digest);
}

TEST_CASE("a differential bundle leaves out what the other side has and is completed there", "[integration]") {
  const temp_dir directory;
  const workplace connected;
  const workplace isolated;
  image_recipe recipe;
  recipe.layers = {3000, 500'000};
  const test_image first = build_image(recipe);
  recipe.layers = {3000, 500'000, 2000};  // the same two, and one more
  const test_image second = build_image(recipe);
  docker_registry registry(directory / "registry", {directory / "storage"});
  push(registry.port(), "team/app", "1", first);
  push(registry.port(), "team/app", "2", second);
  const std::string image = registry.host() + "/team/app:";
  check_ok(connected.run({"pull", image + "1", "-o", "first.tar"}));
  check_ok(isolated.run({"extract", (connected / "first.tar").string()}));

  const fs::path bundle = connected / "second.tar";
  const outcome pulled = connected.run({"pull", image + "2", "-o", "second.tar", "--have", "first.tar"});
  check_ok(pulled);
  CHECK(pulled.err.find("left out") != std::string::npos);
  CHECK(fs::file_size(bundle) < 100'000);
  const outcome looked = connected.run({"inspect", "second.tar"});
  check_ok(looked);
  CHECK(looked.err.find("second.tar lacks 2 blobs of what is shown") != std::string::npos);
  CHECK(connected.run({"inspect", "first.tar"}).err.find("lacks") == std::string::npos);
  std::string list = "# layers\n";
  for (const test_blob& layer : first.layers) list += layer.digest + "\n";
  spill(connected / "list.txt", list);
  fs::remove_all(connected.store());
  check_ok(connected.run({"pull", image + "2", "-o", "listed.tar", "--have", "list.txt"}));
  CHECK(fs::file_size(connected / "listed.tar") < 100'000);
  // What was not fetched is not in the store, and so the name is not either.
  CHECK(store_problems(connected.store()) == "");
  CHECK_FALSE(run({{"skopeo", "inspect", "oci:" + connected.store().string() + ":" + image + "2"}}).ok());

  // As the other side tells by itself.
  const outcome held = isolated.run({"list", "--json"});
  check_ok(held);
  spill(connected / "held.json", held.out);
  fs::remove_all(connected.store());
  check_ok(connected.run({"pull", image + "2", "-o", "told.tar", "--have", "held.json"}));
  CHECK(slurp(connected / "told.tar") == slurp(bundle));

  check_ok(isolated.run({"extract", bundle.string()}));
  CHECK(ask_skopeo("oci:" + isolated.store().string() + ":" + image + "2", {}).digest == second.manifest.digest);
  CHECK(store_problems(isolated.store()) == "");

  const workplace stranger;
  const outcome missing = stranger.run({"extract", bundle.string()});
  INFO(missing.err);
  CHECK(missing.status == 4);
  for (const test_blob& layer : first.layers) CHECK(missing.err.find(layer.digest) != std::string::npos);
  CHECK(missing.err.find(second.layers.back().digest) == std::string::npos);

  // A registry that has the rest takes it; another is told what it lacks before anything is sent.
  check_ok(stranger.run({"push", bundle.string(), image + "3"}));
  docker_registry other(directory / "other", {directory / "other-storage"});
  const outcome refused = stranger.run({"push", bundle.string(), other.host() + "/team/app:2"});
  INFO(refused.err);
  CHECK(refused.status == 4);
  CHECK_THAT(refused.err, Catch::Contains("second.tar lacks 2 blobs that " + other.host() + " does not have either; nothing was sent"));
  for (const test_blob& layer : first.layers) CHECK(refused.err.find(layer.digest) != std::string::npos);

  CHECK(connected.run({"pull", image + "2", "--store-only", "--have", "list.txt"}).status == 2);
  CHECK(connected.run({"pull", image + "2", "-o", "x.tar", "--have", "gone"}).status == 4);
}
