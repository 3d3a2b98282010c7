// The layer store as people and other tools see it: list, clean, verify, several processes, processes that die, disks that refuse.
#include "integration/family.hpp"
#include "integration/shelf.hpp"
#include "integration/workplace.hpp"

#include "support/catch.hpp"
#include "support/image_builder.hpp"
#include "support/relay.hpp"
#include "support/servers.hpp"
#include "support/sha256.hpp"

#include <boost/json/parse.hpp>

#include <memory>
#include <random>
#include <thread>

using namespace gantry::test;
namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

struct served {
  temp_dir directory;
  docker_registry registry{directory / "registry", {shelf()}};
  relay line{registry.port()};
  workplace place;

  std::string image(const std::string& name) const { return "127.0.0.1:" + std::to_string(line.port()) + "/team/" + name + ":1.0"; }
  outcome pull(const std::string& name, std::vector<std::string> more = {}) {
    std::vector<std::string> words{"pull", "--store-only", image(name)};
    words.insert(words.end(), more.begin(), more.end());
    const outcome done = place.run(words);
    INFO(done.err);
    REQUIRE(done.ok());
    return done;
  }
  fs::path any_blob(std::uintmax_t at_least) const {
    for (const fs::directory_entry& entry : fs::directory_iterator(place.store() / "blobs/sha256")) {
      if (entry.file_size() >= at_least) return entry.path();
    }
    throw std::runtime_error("no blob of that size");
  }
};

boost::json::object json_of(const outcome& result) {
  INFO(result.err);
  return boost::json::parse(result.out).as_object();
}

}  // namespace

TEST_CASE("list shows what was pulled, as a table and as JSON", "[integration]") {
  served s;
  CHECK_THAT(s.place.run({"list"}).err, Catch::Contains("there is no store at"));
  CHECK_FALSE(fs::exists(s.place.store()));
  s.pull("multi", {"--platform", "linux/amd64,linux/arm64"});
  s.pull("artifact");
  const outcome table = s.place.run({"list"});
  CHECK(table.ok());
  CHECK_THAT(table.out, Catch::Contains("NAME") && Catch::Contains(s.image("multi")) && Catch::Contains("  linux/amd64, linux/arm64  "));
  CHECK_THAT(table.err, Catch::Contains("2 names, "));

  const boost::json::object all = json_of(s.place.run({"list", "--json"}));
  CHECK(all.at("version").as_int64() == 1);
  CHECK(all.at("store").at("bytes").to_number<std::uintmax_t>() == stored_bytes(s.place.store()));
  const boost::json::array& names = all.at("references").as_array();
  REQUIRE(names.size() == 2);
  const boost::json::value& multi = names[1];
  const skopeo_facts facts = ask_skopeo("docker://" + s.registry.host() + "/team/multi:1.0", {"--tls-verify=false"});
  CHECK(multi.at("repository").as_string() == "team/multi");
  CHECK(multi.at("reference").as_string() == "1.0");
  CHECK(multi.at("digest").as_string() == facts.digest);
  CHECK(multi.at("complete").as_bool());
  std::set<std::string> configs;
  for (const boost::json::value& manifest : multi.at("manifests").as_array()) {
    CHECK(sha256_of_file(std::string(manifest.at("path").as_string())) == std::string(manifest.at("digest").as_string()));
    configs.emplace(manifest.at("config_digest").as_string());
    for (const boost::json::value& blob : manifest.at("blobs").as_array()) {
      CHECK(fs::file_size(std::string(blob.at("path").as_string())) == blob.at("size").to_number<std::uintmax_t>());
      CHECK(blob.at("held").as_bool());
    }
    CHECK(manifest.at("blobs").at(0).at("config").as_bool());
    CHECK_FALSE(manifest.at("blobs").at(0).at("compressed").as_bool());
    // What an attestation states is not compressed.
    CHECK(manifest.at("blobs").at(1).at("compressed").as_bool() == (manifest.at("platform").as_string() != "unknown/unknown"));
  }
  CHECK(configs.contains(facts.config_digest));
}

TEST_CASE("skopeo and umoci read the store as an OCI layout", "[integration]") {
  served s;
  s.pull("multi", {"--platform", "linux/amd64"});
  s.pull("classic");
  const skopeo_facts facts = ask_skopeo("docker://" + s.registry.host() + "/team/multi:1.0", {"--tls-verify=false"});
  const std::string store = "oci:" + s.place.store().string() + ":";
  const fs::path out = s.place / "copy";
  run_or_throw({{"skopeo", "--override-arch", "amd64", "copy", store + s.image("multi"), "dir:" + out.string()}});
  CHECK(sha256_of_file(out / "manifest.json") == facts.manifest_digest);
  // In an OCI layout skopeo opens manifests of OCI's media types only; umoci lists those of docker too.
  if (!has_program("umoci")) {
    WARN("skipped: umoci is not installed");
    return;
  }
  const outcome listed = run({{"umoci", "ls", "--layout", s.place.store().string()}});
  INFO(listed.err);
  CHECK(listed.ok());
  CHECK_THAT(listed.out, Catch::Contains(s.image("multi")) && Catch::Contains(s.image("classic")));
}

TEST_CASE("clean removes a name with what it alone needs and tells the bytes", "[integration]") {
  served s;
  s.pull("multi", {"--platform", "linux/amd64"});
  s.pull("classic");
  const auto both = stored_bytes(s.place.store());
  const outcome unknown = s.place.run({"clean", s.image("classic"), "127.0.0.1:1/team/nothing:1"});
  CHECK(unknown.status == 4);
  CHECK_THAT(unknown.err, Catch::Contains("is not in the store"));
  CHECK(stored_names(s.place.store()).size() == 2);

  const boost::json::object seen = json_of(s.place.run({"clean", "--dry-run", "--json", s.image("classic")}));
  CHECK(stored_bytes(s.place.store()) == both);
  const boost::json::object done = json_of(s.place.run({"clean", "--json", s.image("classic")}));
  CHECK(done.at("freed") == seen.at("freed"));
  CHECK(done.at("freed").to_number<std::uintmax_t>() + stored_bytes(s.place.store()) == both);
  CHECK(done.at("remaining").to_number<std::uintmax_t>() == stored_bytes(s.place.store()));
  CHECK(stored_names(s.place.store()) == std::set<std::string>{s.image("multi")});
  CHECK(store_problems(s.place.store()) == "");

  const outcome all = s.place.run({"clean", "--all", "--force"});
  CHECK(all.ok());
  CHECK(all.out == s.image("multi") + "\n");
  CHECK_THAT(all.err, Catch::Contains("freed; 0 B remain"));
  CHECK(stored_bytes(s.place.store()) == 0);
  CHECK(store_problems(s.place.store()) == "");
}

TEST_CASE("the store is bounded on request, the least recently pulled goes first", "[integration]") {
  family f;
  workplace place;
  for (int i = 0; i < family::members; ++i) REQUIRE(place.run({"pull", "--store-only", f.name(i)}).ok());
  // Nothing new, but pulled again.
  REQUIRE(place.run({"pull", "--store-only", f.name(0)}).ok());
  REQUIRE(place.run({"clean", "--max-size", "13M"}).ok());
  CHECK(stored_names(place.store()) == std::set<std::string>{f.name(0), f.name(2)});
  CHECK(stored_bytes(place.store()) <= 13'000'000);
  CHECK(place.run({"clean", "--older-than", "1h"}).out == "");
  CHECK(store_problems(place.store()) == "");
}

TEST_CASE("verify finds damage, exits with 5, and repairs from the registry", "[integration]") {
  served s;
  s.pull("multi", {"--platform", "linux/amd64"});
  const outcome sound = s.place.run({"verify"});
  CHECK(sound.ok());
  CHECK_THAT(sound.err, Catch::Contains(": checked, "));
  const fs::path blob = s.any_blob(20'000);
  const std::string content = slurp(blob);
  fs::permissions(blob, fs::perms(0644));
  spill(blob, std::string(content.size(), 'x'));
  const outcome found = s.place.run({"verify"});
  CHECK(found.status == 5);
  CHECK(found.out == "damaged sha256:" + blob.filename().string() + " " + s.image("multi") + "\n");
  CHECK_THAT(found.err, Catch::Contains("verify --repair"));
  CHECK_THAT(s.place.run({"list"}).out, Catch::Contains("incomplete"));
  const outcome repaired = s.place.run({"verify", "--repair", "--json"});
  INFO(repaired.err);
  CHECK(repaired.ok());
  CHECK(json_of(repaired).at("damaged").at(0).at("repaired").as_bool());
  // What was damaged is fetched, and not told as checked.
  const std::string mended = blob.filename().string().substr(0, 12);
  CHECK_THAT(repaired.err, !Catch::Contains(mended + ": checked, "));
  CHECK_THAT(repaired.err, Catch::Contains(mended + ": done, "));
  CHECK(slurp(blob) == content);
  CHECK(store_problems(s.place.store()) == "");
  CHECK(s.place.run({"verify"}).ok());

  // The manifest leads to the layer, which nobody misses as long as it is away.
  const std::string manifest(
      only_image(s.place.run({"save", "--json", "-o", "x.tar", s.image("multi")})).at("manifest_digest").as_string());
  fs::remove(blob);
  fs::remove(s.place.store() / "blobs/sha256" / manifest.substr(7));
  const outcome both = s.place.run({"verify", "--repair", "--json"});
  INFO(both.err);
  CHECK(both.ok());
  std::set<std::string> told;
  const boost::json::object lists = json_of(both);
  for (const boost::json::value& one : lists.at("damaged").as_array()) {
    told.emplace(one.at("digest").as_string());
    CHECK(one.at("missing").as_bool());
    CHECK(one.at("repaired").as_bool());
  }
  CHECK(told == std::set<std::string>{manifest, "sha256:" + blob.filename().string()});
  CHECK(slurp(blob) == content);
}

TEST_CASE("verify makes index.json name what the store holds", "[integration]") {
  served s;
  s.pull("classic");
  const fs::path index = s.place.store() / "index.json";
  const std::string whole = slurp(index);
  for (const bool missing : {false, true}) {
    fs::remove(index);
    if (!missing) spill(index, R"({"schemaVersion":2,"manifests":[]})");
    const outcome verified = s.place.run({"verify"});
    INFO(verified.err);
    CHECK(verified.ok());
    CHECK(slurp(index) == whole);
  }
}

TEST_CASE("a damaged record is told by list and verify, and clean keeps what it may need", "[integration]") {
  served s;
  s.pull("multi", {"--platform", "linux/amd64"});
  s.pull("classic");
  const std::string name = s.image("classic");
  const fs::path record = s.place.store() / "refs" / ("127.0.0.1+" + std::to_string(s.line.port())) / "team/classic/_/1.0";
  REQUIRE(fs::exists(record));
  spill(record, slurp(record).substr(0, 20));
  const auto before = stored_bytes(s.place.store());

  const outcome listed = s.place.run({"list"});
  CHECK(listed.ok());
  CHECK_THAT(listed.out, !Catch::Contains(name) && Catch::Contains(s.image("multi")));
  CHECK_THAT(listed.err, Catch::Contains("the record of " + name) && Catch::Contains(record.string()) && Catch::Contains("pull it again"));
  const outcome verified = s.place.run({"verify"});
  INFO(verified.err);
  CHECK(verified.status == 5);
  CHECK(verified.out == "damaged record " + name + "\n");
  CHECK_THAT(verified.err, Catch::Contains("1 name of the store has a record that cannot be read") && Catch::Contains(record.string()));

  // The registry says what the name stands for, and all of that is here.
  const outcome repaired = s.place.run({"verify", "--repair"});
  INFO(repaired.err);
  CHECK(repaired.ok());
  CHECK(repaired.out == "repaired record " + name + "\n");
  CHECK(stored_bytes(s.place.store()) == before);
  CHECK(store_problems(s.place.store()) == "");
  CHECK(s.place.run({"verify"}).out == "");

  spill(record, "{");
  const outcome cleaned = s.place.run({"clean", s.image("multi")});
  INFO(cleaned.err);
  CHECK(cleaned.ok());
  CHECK_THAT(cleaned.err, Catch::Contains(name));
  CHECK(stored_bytes(s.place.store()) == before);

  // Nothing but the record is missing.
  s.pull("classic");
  CHECK(s.place.run({"verify"}).ok());
  CHECK(stored_bytes(s.place.store()) == before);
  spill(record, "");
  CHECK(s.place.run({"clean", name}).out == name + "\n");
  CHECK(s.place.run({"verify"}).ok());
}

TEST_CASE("an archive fills what verify has put into quarantine", "[integration]") {
  served s;
  REQUIRE(s.place.run({"pull", "--platform", "linux/amd64", "-o", "sound.tar", s.image("multi")}).ok());
  fs::remove_all(s.place.store());
  REQUIRE(s.place.run({"extract", "sound.tar"}).ok());
  const fs::path blob = s.any_blob(20'000);
  const std::string content = slurp(blob);
  fs::permissions(blob, fs::perms(0644));
  spill(blob, std::string(content.size(), 'x'));
  REQUIRE(s.place.run({"verify"}).status == 5);
  CHECK_FALSE(fs::exists(blob));
  const outcome extracted = s.place.run({"extract", "sound.tar"});
  INFO(extracted.err);
  CHECK(extracted.ok());
  CHECK(slurp(blob) == content);
  CHECK(s.place.run({"verify"}).ok());
  CHECK(store_problems(s.place.store()) == "");

  // To a name that came from a registry the index belongs, of which the archive names one manifest: the name stays with it.
  const auto digest_in_store = [&] {
    return std::string(json_of(s.place.run({"list", "--json"})).at("references").at(0).at("digest").as_string());
  };
  s.pull("multi", {"--platform", "linux/amd64"});
  const std::string index = digest_in_store();
  fs::remove(blob);
  const outcome filled = s.place.run({"extract", "sound.tar"});
  INFO(filled.err);
  CHECK(filled.ok());
  CHECK_THAT(filled.out, Catch::Contains(index));
  CHECK_THAT(filled.err, Catch::Contains(" is still the index " + index + " in the store; what sound.tar has is its manifest sha256:"));
  CHECK_THAT(extracted.err, !Catch::Contains("is still the index"));
  CHECK(slurp(blob) == content);
  CHECK(digest_in_store() == index);
  CHECK(s.place.run({"verify"}).ok());
  CHECK(store_problems(s.place.store()) == "");
  // And one that the store does not have yet is added.
  s.pull("multi", {"--platform", "linux/arm64"});
  REQUIRE(s.place.run({"clean", s.image("multi")}).ok());
  s.pull("multi", {"--platform", "linux/arm64"});
  REQUIRE(s.place.run({"extract", "sound.tar"}).ok());
  CHECK(digest_in_store() == index);
  CHECK_THAT(s.place.run({"list"}).out, Catch::Contains("linux/amd64, linux/arm64") || Catch::Contains("linux/arm64, linux/amd64"));
  CHECK(s.place.run({"verify"}).ok());
  // --force gives the name to what the archive has.
  CHECK(s.place.run({"extract", "--force", "sound.tar"}).ok());
  CHECK(digest_in_store() != index);
  CHECK(s.place.run({"verify"}).ok());
}

TEST_CASE("of two processes that want one image one fetches, the other waits and reuses", "[integration][slow]") {
  served s;
  s.line.limit(100'000'000);
  child first(s.place.gantry({"pull", "-o", "first.tar", s.image("large")}), s.directory / "first");
  while (first.running() && s.line.bytes_down() < 20'000'000) std::this_thread::sleep_for(2ms);
  REQUIRE(first.running());
  child second(s.place.gantry({"pull", "--progress", "plain", "-v", "-o", "second.tar", s.image("large")}), s.directory / "second");
  const auto ended = first.wait(180s);
  const auto other = second.wait(180s);
  INFO(slurp(s.directory / "first") << slurp(s.directory / "second"));
  REQUIRE(ended);
  REQUIRE(other);
  CHECK(ended->ok());
  CHECK(other->ok());
  CHECK_THAT(slurp(s.directory / "second"), Catch::Contains("another process is fetching"));
  CHECK(s.line.bytes_down() < large_bytes + 50'000'000);
  CHECK(sha256_of_file(s.place / "first.tar") == sha256_of_file(s.place / "second.tar"));
  CHECK(store_problems(s.place.store()) == "");
}

TEST_CASE("a store that can only be read gives what it has and says what it has not", "[integration]") {
  served s;
  s.pull("classic");
  // Root is not stopped by permissions, only by the mount.
  const std::string as_read_only = "mount --bind '" + s.place.store().string() + "' '" + s.place.store().string() +
                                   "' && mount -o remount,ro,bind '" + s.place.store().string() + "' && exec \"$@\"";
  const auto read_only = [&](std::vector<std::string> words) {
    command one = s.place.gantry(std::move(words));
    one.argv.insert(one.argv.begin(), {"unshare", "-m", "sh", "-c", as_read_only, "sh"});
    return run(one);
  };
  if (!run({{"unshare", "-m", "mount", "-t", "tmpfs", "none", s.directory.path().string()}}).ok()) {
    WARN("skipped: no right to mount");
    return;
  }
  const outcome held = read_only({"pull", "-o", "classic.tar", s.image("classic")});
  INFO(held.err);
  CHECK(held.ok());
  CHECK(run({{"skopeo", "inspect", "docker-archive:" + (s.place / "classic.tar").string()}}).ok());
  const outcome missing = read_only({"pull", "-o", "multi.tar", s.image("multi")});
  CHECK(missing.status == 7);
  CHECK_THAT(missing.err, Catch::Contains("which cannot be written; --cache-dir names another store, --no-cache"));
  CHECK_FALSE(fs::exists(s.place / "multi.tar"));
  CHECK(read_only({"list"}).ok());
  CHECK(read_only({"verify"}).ok());
  CHECK(read_only({"clean", "--all", "--force"}).status == 7);
  const outcome nothing_due = read_only({"clean"});
  CHECK(nothing_due.ok());
  CHECK_THAT(nothing_due.err, Catch::Contains("cannot be written") && !Catch::Contains("no locks"));
  CHECK(store_problems(s.place.store()) == "");
  // What is damaged there is named, though it cannot be set aside.
  for (const fs::directory_entry& blob : fs::directory_iterator(s.place.store() / "blobs/sha256")) {
    if (blob.file_size() < 10'000) continue;
    fs::permissions(blob.path(), fs::perms(0644));
    spill(blob.path(), std::string(blob.file_size(), 'x'));
    const outcome damaged = read_only({"verify"});
    CHECK(damaged.status == 5);
    CHECK_THAT(damaged.err, Catch::Contains(blob.path().filename().string()) && Catch::Contains("it stays in its place"));
    break;
  }
}

TEST_CASE("a full disk under the store is said as such, and a vanished store too", "[integration]") {
  served s;
  fs::create_directories(s.place.store());
  const std::string small_disk = "mount -t tmpfs -o size=3m none '" + s.place.store().string() + "' && exec \"$@\"";
  command pull = s.place.gantry({"pull", "-o", "large.tar", s.image("large")});
  pull.argv.insert(pull.argv.begin(), {"unshare", "-m", "sh", "-c", small_disk, "sh"});
  if (!run({{"unshare", "-m", "mount", "-t", "tmpfs", "none", s.directory.path().string()}}).ok()) {
    WARN("skipped: no right to mount");
    return;
  }
  const outcome full = run(pull);
  CHECK(full.status == 7);
  CHECK_THAT(full.err, Catch::Contains("has no space for blob sha256:"));
  CHECK(s.place.files().empty());

  s.line.limit(50'000'000);
  child going(s.place.gantry({"pull", "-o", "large.tar", s.image("large")}), s.directory / "log");
  while (going.running() && s.line.bytes_down() < 30'000'000) std::this_thread::sleep_for(2ms);
  // As when its disk is taken away.
  fs::rename(s.place.store(), s.directory / "gone");
  s.line.limit(0);
  const auto ended = going.wait(120s);
  REQUIRE(ended);
  INFO(slurp(s.directory / "log"));
  CHECK(ended->status == 7);
  CHECK(s.place.files().empty());
  CHECK(s.place.run({"pull", "--store-only", s.image("classic")}).ok());
  CHECK(store_problems(s.place.store(), true) == "");
}
