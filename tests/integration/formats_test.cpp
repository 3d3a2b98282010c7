#include "integration/dockerd.hpp"
#include "integration/shelf.hpp"
#include "integration/workplace.hpp"

#include "support/catch.hpp"
#include "support/image_builder.hpp"
#include "support/servers.hpp"
#include "support/sha256.hpp"

#include <boost/json/parse.hpp>

#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

struct served {
  temp_dir directory;
  docker_registry registry{directory / "registry", {shelf()}};
  workplace place;

  std::string image(const std::string& name) const { return registry.host() + "/team/" + name + ":1.0"; }
  /// Pulls, requires success, and gives back what `--json` said of the image.
  boost::json::object pulled(std::vector<std::string> words) const {
    words.insert(words.begin(), "pull");
    words.emplace_back("--json");
    const outcome result = place.run(std::move(words));
    INFO(result.err);
    REQUIRE(result.ok());
    return only_image(result);
  }
};

std::string text_of(const boost::json::object& object, const char* key) { return std::string(object.at(key).as_string()); }

outcome shell(const workplace& place, const std::string& script, std::map<std::string, std::optional<std::string>> env = {}) {
  command base = place.gantry({}, std::move(env));
  base.argv = {"bash", "-c", script};
  base.env["GANTRY"] = gantry_binary().string();
  return run(base);
}

}  // namespace

TEST_CASE("a real docker engine loads every format, plain and gzip, with the image ID of the registry", "[integration]") {
  served s;
  const auto engine = docker_engine::start();
  if (!engine) return;
  for (const std::string& format : {std::string("docker"), std::string("synology")}) {
    for (const std::string& suffix : {std::string(".tar"), std::string(".tar.gz")}) {
      for (const std::string& name : {std::string("classic"), std::string("multi")}) {
        const std::string archive = name + "-" + format + suffix;
        INFO(archive);
        const auto facts = s.pulled({"-f", format, "-o", archive, s.image(name)});
        engine->load(s.place / archive);
        CHECK(engine->id_of(s.image(name)) == text_of(facts, "image_id"));
        CHECK(engine->docker({"image", "rm", "-f", s.image(name)}).ok());
        CHECK(engine->id_of(s.image(name)).empty());
      }
    }
  }
}

TEST_CASE("what docker saves of a synology archive has the same lower layer IDs and the same content", "[integration]") {
  served s;
  const auto engine = docker_engine::start();
  if (!engine) return;
  s.pulled({"-f", "synology", "-o", "a.tar", s.image("classic")});
  engine->load(s.place / "a.tar");
  REQUIRE(engine->docker({"save", "-o", (s.place / "b.tar").string(), s.image("classic")}).ok());
  const auto layers = [&](const char* archive) {
    const auto manifest = boost::json::parse(run_or_throw({{"tar", "-xOf", (s.place / archive).string(), "manifest.json"}}));
    std::vector<std::string> names;
    for (const auto& layer : manifest.at(0).at("Layers").as_array()) names.emplace_back(layer.as_string());
    return names;
  };
  auto ours = layers("a.tar");
  auto theirs = layers("b.tar");
  REQUIRE(ours.size() == theirs.size());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    // The topmost one has docker's own view of the configuration in it.
    if (i + 1 < ours.size()) CHECK(ours[i] == theirs[i]);
    CHECK(sha256_of(run_or_throw({{"tar", "-xOf", (s.place / "a.tar").string(), ours[i]}})) ==
          sha256_of(run_or_throw({{"tar", "-xOf", (s.place / "b.tar").string(), theirs[i]}})));
  }
}

TEST_CASE("podman and skopeo read synology archives", "[integration]") {
  served s;
  const auto facts = s.pulled({"-f", "synology", "-o", "a.tar", s.image("multi")});
  const std::string root = (s.directory / "root").string();
  const std::vector<std::string> podman{"podman", "--root", root, "--runroot", (s.directory / "run").string(), "--storage-driver", "vfs"};
  auto load = podman;
  load.insert(load.end(), {"load", "-q", "-i", (s.place / "a.tar").string()});
  run_or_throw({load});
  auto inspect = podman;
  inspect.insert(inspect.end(), {"image", "inspect", "--format", "{{.Id}}", s.image("multi")});
  CHECK("sha256:" + run_or_throw({inspect}).substr(0, 64) == text_of(facts, "image_id"));
  CHECK(ask_skopeo("docker-archive:" + (s.place / "a.tar").string(), {}).config_digest == text_of(facts, "image_id"));
}

TEST_CASE("synology holds one platform and says how to choose it", "[integration]") {
  served s;
  const outcome result = s.place.run({"pull", "-f", "synology", "--platform", "linux/amd64,linux/arm64", "-o", "a.tar", s.image("multi")});
  INFO(result.err);
  CHECK(result.status == 2);
  CHECK(result.err.find("one platform") != std::string::npos);
  CHECK(result.err.find("linux/arm64") != std::string::npos);
  CHECK(s.place.files().empty());
  // Nothing was fetched for it.
  CHECK_FALSE(fs::exists(s.place.store() / "meta/sha256"));
}

TEST_CASE("a gzip synology archive is the plain one, and the second time nothing is inflated", "[integration]") {
  served s;
  s.pulled({"-f", "synology", "-o", "a.tar.gz", s.image("large")});
  s.pulled({"-f", "synology", "-o", "b.tar.gz", s.image("large")});
  s.pulled({"-f", "synology", "-o", "a.tar", s.image("large")});
  CHECK(sha256_of_file(s.place / "a.tar.gz") == sha256_of_file(s.place / "b.tar.gz"));
  CHECK(shell(s.place, "gzip -dc a.tar.gz | cmp - a.tar").ok());
  // Layers pass as they are: hardly more than what the store has of them.
  std::uint64_t stored = 0;
  for (const auto& blob : fs::directory_iterator(s.place.store() / "blobs/sha256")) stored += blob.file_size();
  CHECK(fs::file_size(s.place / "a.tar.gz") < stored + 100'000);
}

TEST_CASE("an OCI layout as a directory is read by skopeo and umoci and shares its blobs with the store", "[integration]") {
  served s;
  const auto facts = s.pulled({"-f", "oci-dir", "-o", "out", "--platform", "linux/arm64", s.image("multi")});
  CHECK(text_of(facts, "path") == "out");
  CHECK(ask_skopeo("oci:" + (s.place / "out").string() + ":1.0", {}).digest == text_of(facts, "manifest_digest"));
  if (has_program("umoci")) {
    const outcome listed = run({{"umoci", "list", "--layout", (s.place / "out").string()}});
    INFO(listed.err);
    CHECK(listed.out == "1.0\n");
  } else {
    WARN("skipped: umoci is not installed");
  }
  for (const auto& blob : fs::directory_iterator(s.place / "out/blobs/sha256")) {
    CHECK("sha256:" + blob.path().filename().string() == sha256_of_file(blob.path()));
  }
  // Again, into the same name and without an output.
  s.pulled({"-f", "oci-dir", "-o", "out", s.image("classic")});
  CHECK(fs::exists(s.place / "out/index.json"));
  const auto named = s.pulled({"-f", "oci-dir", s.image("classic")});
  CHECK(text_of(named, "path").ends_with("team_classic_1.0_amd64"));
  CHECK(fs::is_directory(s.place / text_of(named, "path")));
  CHECK(s.place.files().size() == 2);
  CHECK(store_problems(s.place.store()) == "");
}

TEST_CASE("an archive on standard output goes into podman and skopeo while it is written", "[integration]") {
  served s;
  const auto facts = s.pulled({"--store-only", s.image("classic")});
  const std::string pull = "$GANTRY pull --progress none -o - " + s.image("classic");
  const std::string podman =
      "podman --root " + (s.directory / "root").string() + " --runroot " + (s.directory / "run").string() + " --storage-driver vfs ";
  const outcome loaded = shell(s.place, "set -o pipefail; " + pull + " | " + podman + "load -q && " + podman +
                                            "image inspect --format '{{.Id}}' " + s.image("classic"));
  INFO(loaded.err);
  REQUIRE(loaded.ok());
  CHECK(loaded.out.find(text_of(facts, "image_id").substr(7)) != std::string::npos);
  // Another reader that goes by the order of the stream alone, and skopeo with what went by it.
  const outcome streamed = shell(s.place, "set -o pipefail; mkdir apart; " + pull + " | tee streamed.tar | tar -x -C apart -f -");
  INFO(streamed.err);
  CHECK(streamed.ok());
  const auto listed = boost::json::parse(slurp(s.place / "apart/manifest.json"));
  CHECK(listed.at(0).at("Config").as_string() == "blobs/sha256/" + text_of(facts, "image_id").substr(7));
  for (const auto& layer : listed.at(0).at("Layers").as_array()) {
    const std::string path(layer.as_string());
    CHECK(sha256_of_file(s.place / "apart" / path) == "sha256:" + path.substr(path.rfind('/') + 1));
  }
  CHECK(ask_skopeo("docker-archive:" + (s.place / "streamed.tar").string(), {}).config_digest == text_of(facts, "image_id"));
  // Debian 12's skopeo looks at the first bytes of a pipe and then opens it a second time, without them.
  s.pulled({"-o", "a.tar", s.image("classic")});
  if (const outcome piped = shell(s.place, "cat a.tar | skopeo copy -q docker-archive:/dev/stdin dir:piped"); !piped.ok()) {
    WARN("through a file: this skopeo cannot read any docker archive from a pipe, since it opens /dev/stdin twice: " << piped.err);
    // A file that was standard output is all the same to it.
    const outcome named = shell(s.place, pull + " > named.tar && skopeo copy -q docker-archive:named.tar dir:named");
    INFO(named.err);
    CHECK(named.ok());
    CHECK(ask_skopeo("dir:" + (s.place / "named").string(), {}).config_digest == text_of(facts, "image_id"));
    return;
  }
  const outcome copied = shell(s.place, "set -o pipefail; " + pull + " | skopeo copy -q docker-archive:/dev/stdin dir:copy");
  INFO(copied.err);
  CHECK(copied.ok());
  CHECK(ask_skopeo("dir:" + (s.place / "copy").string(), {}).config_digest == text_of(facts, "image_id"));
}

TEST_CASE("a reader that stops early stops the pull, which says how much was taken", "[integration]") {
  served s;
  for (const std::string& options : {std::string(), std::string(" -f synology"), std::string(" --gzip")}) {
    const outcome cut = shell(s.place, "$GANTRY pull --progress none" + options + " -o - " + s.image("large") +
                                           " | head -c 100000 > /dev/null; exit ${PIPESTATUS[0]}");
    INFO(cut.err);
    CHECK(cut.status == 7);
    CHECK(cut.err.find("reader went away after taking") != std::string::npos);
  }
  CHECK(store_problems(s.place.store()) == "");
}

TEST_CASE("a failure in the middle of a stream leaves an archive that no reader takes for whole", "[integration]") {
  served s;
  s.pulled({"-o", "first.tar.gz", "-f", "synology", s.image("classic")});
  // The top layer is damaged after it was verified: right size, wrong content, found while it passes through memory.
  const auto manifest =
      boost::json::parse(run_or_throw({{"skopeo", "inspect", "--raw", "--tls-verify=false", "docker://" + s.image("classic")}}));
  const std::string top(manifest.at("layers").as_array().back().at("digest").as_string());
  const fs::path blob = s.place.store() / "blobs/sha256" / top.substr(7);
  std::string wrong = slurp(blob);
  wrong[wrong.size() / 2] = static_cast<char>(wrong[wrong.size() / 2] ^ 1);
  // Whoever finds it takes it out of the way.
  const auto damage = [&] {
    ::chmod(blob.c_str(), 0644);
    spill(blob, wrong);
  };
  // What passes through memory is hashed again.
  for (const std::string options : {"", " -f oci", " -f synology", " --gzip", " -f synology --gzip"}) {
    const std::string reader = options.find("gzip") == std::string::npos ? "tar -tf -" : "tar -tzf -";
    damage();
    const outcome broken = shell(s.place, "$GANTRY pull --offline --progress none" + options + " -o - " + s.image("classic") + " | " +
                                              reader + " > /dev/null; echo ${PIPESTATUS[@]}");
    INFO(options << ": " << broken.out << broken.err);
    CHECK(broken.out.substr(0, 2) == "5 ");
    CHECK_FALSE(broken.out.ends_with(" 0\n"));
    damage();
    const outcome file = s.place.run({"save", s.image("classic"), "-o", options == " --gzip" ? "bad.tar.gz" : "bad.tar", "-f",
                                      options == " --gzip" ? "docker" : "synology", "--gzip"});
    INFO(file.err);
    CHECK(file.status == 5);
    CHECK(file.err.find(top) != std::string::npos);
    CHECK(s.place.files() == std::set<std::string>{"first.tar.gz"});
  }
}

TEST_CASE("a damaged layer that an export meets is set aside, and the next pull fetches it again", "[integration]") {
  served s;
  const std::string image = s.image("classic");
  s.pulled({"-o", "sound.tar", image});
  const auto manifest = boost::json::parse(run_or_throw({{"skopeo", "inspect", "--raw", "--tls-verify=false", "docker://" + image}}));
  const std::string top(manifest.at("layers").as_array().back().at("digest").as_string());
  const fs::path blob = s.place.store() / "blobs/sha256" / top.substr(7);
  for (const std::string words : {"pull -o - ", "pull -f oci -o - ", "pull --gzip -o - ", "pull -o a.tar.gz ", "pull -f oci -o a.tgz ",
                                  "pull --offline -o a.tar.gz ", "pull -f synology -o a.tar ", "save -o a.tar.gz ", "save -f oci -o - "}) {
    INFO(words);
    std::string wrong = slurp(blob);
    wrong[wrong.size() / 2] = static_cast<char>(wrong[wrong.size() / 2] ^ 1);
    ::chmod(blob.c_str(), 0644);
    spill(blob, wrong);
    const outcome met = shell(s.place, "set -o pipefail; $GANTRY " + words + image + " --progress none | cat > out");
    INFO(met.err);
    CHECK(met.status == 5);
    CHECK(met.err.find("so that the next pull fetches it again") != std::string::npos);
    CHECK_FALSE(fs::exists(blob));
    CHECK(fs::exists(s.place.store() / "quarantine"));
    s.pulled({"-o", "again.tar", image});
    CHECK(sha256_of_file(s.place / "again.tar") == sha256_of_file(s.place / "sound.tar"));
    CHECK(store_problems(s.place.store()) == "");
  }
}

TEST_CASE("the archive goes straight into docker and ctr with --load", "[integration]") {
  served s;
  const auto engine = docker_engine::start();
  if (!engine) return;
  const std::map<std::string, std::optional<std::string>> env{{"DOCKER_HOST", engine->host()},
                                                              {"CONTAINERD_ADDRESS", engine->containerd()}};
  const outcome docker = s.place.run({"pull", "--load", "docker", "--json", s.image("classic")}, env);
  INFO(docker.err);
  REQUIRE(docker.ok());
  CHECK(engine->id_of(s.image("classic")) == text_of(only_image(docker), "image_id"));
  CHECK(docker.err.find("Loaded image") != std::string::npos);
  CHECK(s.place.files().empty());
  if (has_program("ctr")) {
    const outcome ctr = s.place.run({"pull", "--load", "ctr", s.image("classic")}, env);
    INFO(ctr.err);
    CHECK(ctr.ok());
    CHECK(run({{"ctr", "-a", engine->containerd(), "images", "ls", "-q"}}).out.find(s.image("classic")) != std::string::npos);
  } else {
    WARN("skipped: ctr is not installed");
  }
}

TEST_CASE("a load command that fails is quoted, and one that is missing is named", "[integration]") {
  served s;
  const outcome refused = s.place.run({"pull", "--load", "docker", s.image("classic")}, {{"DOCKER_HOST", "unix:///nowhere/docker.sock"}});
  INFO(refused.err);
  CHECK(refused.status == 1);
  CHECK(refused.err.find("'docker load' failed with status 1") != std::string::npos);
  CHECK(refused.err.find("Cannot connect") != std::string::npos);
  const outcome missing = s.place.run({"pull", "--load", "podman", s.image("classic")}, {{"PATH", "/nowhere"}});
  INFO(missing.err);
  CHECK(missing.status == 4);
  CHECK(missing.err.find("'podman load' cannot be run") != std::string::npos);
}

TEST_CASE("of several names the one that fails is tried no more often than if it were alone", "[integration]") {
  served s;
  const outcome part = s.place.run({"pull", s.image("classic"), "127.0.0.1:1/x:1", "-o", "part.tar", "--retries", "1"});
  INFO(part.err);
  CHECK(part.status == 6);
  const std::size_t again = part.err.find(" next attempt in ");
  REQUIRE(again != std::string::npos);
  CHECK(part.err.find(" next attempt in ", again + 1) == std::string::npos);
  CHECK(part.err.find("part.tar has 1 of the 2 images") != std::string::npos);
}

TEST_CASE("save and pull --offline write out of the store what pull wrote, without a network", "[integration]") {
  served s;
  s.pulled({"-o", "online.tar", s.image("classic")});
  s.pulled({"-o", "multi.tar", s.image("multi")});
  const std::string classic = s.image("classic");
  const std::string multi = s.image("multi");
  s.registry.stop();

  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"save", classic, "-o", "a.tar"}, {"pull", "--offline", classic, "-o", "b.tar"}}) {
    const outcome saved = s.place.run(words);
    INFO(saved.err);
    REQUIRE(saved.ok());
    CHECK(sha256_of_file(s.place / words[words.size() - 1]) == sha256_of_file(s.place / "online.tar"));
  }
  const outcome both = s.place.run({"save", classic, multi, "-o", "both.tar"});
  INFO(both.err);
  CHECK(both.ok());
  const auto manifest = boost::json::parse(run_or_throw({{"tar", "-xOf", (s.place / "both.tar").string(), "manifest.json"}}));
  CHECK(manifest.as_array().size() == 2);

  const outcome unknown = s.place.run({"save", "docker.io/library/nothing:1", "-o", "c.tar"});
  INFO(unknown.err);
  CHECK(unknown.status == 4);
  CHECK(unknown.err.find("not in the store") != std::string::npos);
  // Of several the others go on.
  spill(s.place / "list.txt", classic + "\ndocker.io/library/nothing:1\n" + multi + "\n");
  const outcome part = s.place.run({"pull", "--offline", "--from", "list.txt", "-o", "part.tar"});
  INFO(part.err);
  CHECK(part.status == 6);
  CHECK(part.err.find("docker.io/library/nothing:1 is not in the store") != std::string::npos);
  CHECK(part.err.find("part.tar has 2 of the 3 images") != std::string::npos);
  // They are gone through again without the one that failed, and what is said of them is not.
  const std::size_t told = part.err.find(classic + " is sha256:");
  REQUIRE(told != std::string::npos);
  CHECK(part.err.find(classic + " is sha256:", told + 1) == std::string::npos);
  CHECK(part.out.find(classic) != std::string::npos);
  CHECK(sha256_of_file(s.place / "part.tar") == sha256_of_file(s.place / "both.tar"));
  spill(s.place / "list.txt", "docker.io/library/nothing:1\ndocker.io/library/nothing:2\n");
  CHECK(s.place.run({"pull", "--offline", "--from", "list.txt", "-o", "none.tar"}).status == 4);
  CHECK_FALSE(fs::exists(s.place / "none.tar"));

  const outcome platform = s.place.run({"pull", "--offline", "--platform", "linux/arm64", multi, "-o", "c.tar"});
  INFO(platform.err);
  CHECK(platform.status == 4);
  CHECK(platform.err.find("linux/amd64") != std::string::npos);

  // A blob that is gone is named.
  for (const auto& blob : fs::directory_iterator(s.place.store() / "blobs/sha256")) {
    if (blob.file_size() > 100'000) fs::remove(blob.path());
  }
  const outcome incomplete = s.place.run({"save", classic, "-o", "c.tar"});
  INFO(incomplete.err);
  CHECK(incomplete.status == 4);
  CHECK(incomplete.err.find("not held completely") != std::string::npos);
  CHECK_FALSE(fs::exists(s.place / "c.tar"));
}

TEST_CASE("archive and store call the image what --name says", "[integration]") {
  served s;
  const auto facts = s.pulled({"--name", "registry.example/team/mine:7", s.image("classic")});
  CHECK(text_of(facts, "name") == "registry.example/team/mine:7");
  CHECK(text_of(facts, "path") == "registry.example_team_mine_7_amd64.tar");
  const fs::path archive = s.place / text_of(facts, "path");
  const auto manifest = boost::json::parse(run_or_throw({{"tar", "-xOf", archive.string(), "manifest.json"}}));
  CHECK(manifest.at(0).at("RepoTags").at(0).as_string() == "registry.example/team/mine:7");
  const auto index = boost::json::parse(run_or_throw({{"tar", "-xOf", archive.string(), "index.json"}}));
  CHECK(index.at("manifests").at(0).at("annotations").at("io.containerd.image.name").as_string() == "registry.example/team/mine:7");
  s.registry.stop();
  CHECK(s.place.run({"save", "registry.example/team/mine:7", "-o", "again.tar"}).ok());
  CHECK(sha256_of_file(s.place / "again.tar") == sha256_of_file(archive));
}

TEST_CASE("zstd layers get a warning, load after --recompress gzip and as synology, with the same image ID", "[integration]") {
  temp_dir directory;
  docker_registry registry(directory / "registry", {directory / "storage"});
  workplace place;
  if (!has_program("zstd")) {
    WARN("skipped: zstd is not installed");
    return;
  }
  // The image of the recipe with its layers packed by zstd: the configuration, which names the tars, stays.
  test_image image = build_image(image_recipe{});
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    spill(directory / "layer.gz", image.layers[i].bytes);
    const std::string tar = run_or_throw({{"gzip", "-dc", (directory / "layer.gz").string()}});
    spill(directory / "layer.tar", tar);
    replace_layer(image, i,
                  test_blob::of("application/vnd.oci.image.layer.v1.tar+zstd",
                                run_or_throw({{"zstd", "-q", "-c", (directory / "layer.tar").string()}})));
  }
  push(registry.port(), "team/packed", "1.0", image);
  const std::string name = registry.host() + "/team/packed:1.0";

  const outcome kept = place.run({"pull", "-o", "kept.tar", name});
  INFO(kept.err);
  REQUIRE(kept.ok());
  CHECK(kept.err.find("zstd layers, which docker before version 23 cannot load") != std::string::npos);
  const outcome changed = place.run({"pull", "--recompress", "gzip", "-o", "changed.tar", name});
  INFO(changed.err);
  REQUIRE(changed.ok());
  CHECK(changed.err.find("cannot load") == std::string::npos);
  const outcome legacy = place.run({"pull", "-f", "synology", "-o", "legacy.tar.gz", name});
  INFO(legacy.err);
  REQUIRE(legacy.ok());
  CHECK(ask_skopeo("docker-archive:" + (place / "changed.tar").string(), {}).config_digest == image.config.digest);
  CHECK(store_problems(place.store()) == "");
  // The same input, the same archive.
  REQUIRE(place.run({"pull", "--recompress", "gzip", "-o", "again.tar", name}).ok());
  CHECK(sha256_of_file(place / "again.tar") == sha256_of_file(place / "changed.tar"));

  const auto engine = docker_engine::start();
  if (!engine) return;
  for (const char* archive : {"changed.tar", "legacy.tar.gz"}) {
    engine->load(place / archive);
    CHECK(engine->id_of(name) == image.config.digest);
    CHECK(engine->docker({"image", "rm", "-f", name}).ok());
  }
}
