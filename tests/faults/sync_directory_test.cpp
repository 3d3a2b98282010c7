// Lists into a directory: what it names, and what a prune lets go of it.
#include "faults/synced.hpp"

#include "store/content_store.hpp"
#include "support/catch.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <system_error>
#include <variant>
#include <vector>

using namespace gantry;
using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

/// The digest that the directory's index.json has for \p name.
std::string named_in(const fs::path& directory, const std::string& name) {
  std::ifstream file(directory / "index.json");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const std::size_t at = text.find("\"" + name + "\"");
  if (at == std::string::npos) return {};
  const std::size_t digest = text.rfind("sha256:", at);
  return digest == std::string::npos ? std::string() : text.substr(digest, 7 + 64);
}

/// Takes the names of containerd and of the layout out of index.json, as tools write it that know a tag alone, or nothing.
void rename_in(const fs::path& directory, const std::string& member, const std::string& other) {
  std::ifstream file(directory / "index.json");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  REQUIRE(text.find(member) != std::string::npos);
  for (std::size_t at = 0; (at = text.find(member, at)) != std::string::npos;) text.replace(at, member.size(), other);
  std::ofstream(directory / "index.json") << text;
}

/// What the store of \p s has under the name of the source's image \p name.
std::optional<store::reference_record> record_of(const synced& s, const std::string& name) {
  store::store_options where;
  where.root = s.settings.cache_dir;
  const auto store = store::content_store::open(where);
  REQUIRE(store);
  error_code ec;
  const reference asked = reference::parse(s.source.host() + "/" + name, ec);
  REQUIRE_FALSE(ec);
  const auto found = (*store)->find_reference(asked);
  REQUIRE(found);
  return *found;
}

const std::string full_name = "io.containerd.image.name";
const std::string tag_alone = "org.opencontainers.image.ref.name";

}  // namespace

TEST_CASE("an image of a directory that has a tag alone, or no name, is one that the list does not name", "[faults]") {
  synced s;
  const fs::path out = s.directory / "out";
  s.options.to = out.string();
  s.source.hold("team/precious", "1", small_image(1));
  s.source.hold("team/other", "1", small_image(2));
  REQUIRE_FALSE(s.run(s.list(R"([{"source": "SOURCE/team/precious:1"}])")).ec);
  rename_in(out, full_name, "org.example.other");
  std::string called = "the image 1";
  SECTION("a tag alone") { rename_in(out, s.source.host() + "/team/precious:1", "1"); }
  SECTION("no name") {
    rename_in(out, tag_alone, "org.example.else");
    called = "sha256:";
  }
  const sync_list list = s.list(R"([{"source": "SOURCE/team/other:1"}])");
  for (const bool dry : {true, false}) {
    s.options.dry_run = dry;
    const sync_report refused = s.run(list);
    CHECK(refused.ec == errc::invalid_option);
    CHECK(refused.text.message().find(called) != std::string::npos);
    CHECK(named_in(out, s.source.host() + "/team/other:1").empty());
  }
  s.options.find_unwanted = true;
  std::vector<std::string> warnings;
  s.options.on_event = [&](const event& told) {
    if (const auto* one = std::get_if<warning>(&told)) warnings.push_back(one->message);
  };
  const sync_report written = s.run(list);
  INFO(written.text.message());
  REQUIRE_FALSE(written.ec);
  REQUIRE(warnings.size() == 1);
  CHECK(warnings.front().find(called) != std::string::npos);
  CHECK_FALSE(named_in(out, s.source.host() + "/team/other:1").empty());
}

TEST_CASE("the last image of a directory keeps its whole name", "[faults]") {
  synced s;
  const fs::path out = s.directory / "out";
  s.options.to = out.string();
  s.options.find_unwanted = true;
  s.source.hold("team/one", "1", small_image(1));
  s.source.hold("team/two", "1", small_image(2));
  REQUIRE_FALSE(s.run(s.list(R"([{"source": "SOURCE/team/one:1"}, {"source": "SOURCE/team/two:1"}])")).ec);
  REQUIRE_FALSE(s.run(s.list(R"([{"source": "SOURCE/team/one:1"}])")).ec);
  std::ifstream file(out / "index.json");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  INFO(text);
  CHECK(text.find("team/two") == std::string::npos);
  CHECK(text.find("\"" + tag_alone + "\":\"" + s.source.host() + "/team/one:1\"") != std::string::npos);
}

TEST_CASE("in the store an image keeps the name that it was fetched by, whatever it is called in the directory", "[faults]") {
  synced s;
  s.options.to = (s.directory / "out").string();
  s.source.hold("team/one", "1", small_image(1));
  s.source.hold("team/two", "1", small_image(2));
  REQUIRE_FALSE(s.run(s.list(R"([{"source": "SOURCE/team/one:1"}])")).ec);
  s.options.to = (s.directory / "other").string();
  const sync_report renamed = s.run(s.list(R"([{"source": "SOURCE/team/two:1", "target": "team/one"}])"));
  INFO(renamed.text.message());
  REQUIRE_FALSE(renamed.ec);
  CHECK(named_in(s.directory / "other", s.source.host() + "/team/one:1") == small_image(2).manifest.digest);
  const auto record = record_of(s, "team/one:1");
  REQUIRE(record);
  CHECK(record->top.digest.string() == small_image(1).manifest.digest);
}

TEST_CASE("an image of a directory that cannot be had anew stays as it was, with and without the store", "[faults]") {
  synced s;
  const fs::path out = s.directory / "out";
  s.options.to = out.string();
  s.source.hold("team/one", "1", small_image(1));
  s.source.hold("team/two", "1", small_image(2));
  const sync_list list = s.list(R"([{"source": "SOURCE/team/one:1"}, {"source": "SOURCE/team/two:1"}])");
  REQUIRE_FALSE(s.run(list).ec);
  SECTION("the store is another one") { fs::remove_all(s.settings.cache_dir); }
  SECTION("the store has a newer image of that name") {
    s.source.hold("team/one", "1", small_image(3));
    s.options.to = (s.directory / "elsewhere").string();
    REQUIRE_FALSE(s.run(list).ec);
    s.options.to = out.string();
  }
  s.source.hold("team/two", "1", small_image(4));
  s.source.inject("/team/one/manifests/1", answer_with(404), 1, 0);
  const sync_report again = s.run(list);
  INFO(again.text.message());
  REQUIRE_FALSE(again.ec);
  CHECK(again.at("team/one:1").state == sync_state::failed);
  CHECK(again.at("team/two:1").state == sync_state::copied);
  CHECK(named_in(out, s.source.host() + "/team/one:1") == small_image(1).manifest.digest);
  CHECK(named_in(out, s.source.host() + "/team/two:1") == small_image(4).manifest.digest);
  const std::string layer = small_image(1).layers.front().digest.substr(7);
  CHECK(fs::exists(out / "blobs" / "sha256" / layer));
}

TEST_CASE("that a tag is unchanged in a directory is known by one HEAD, of a choice too, and without the store", "[faults]") {
  synced s;
  s.options.to = (s.directory / "out").string();
  s.source.hold("team/one", "1", small_image(1));
  const test_index three = build_index(media_family::oci, {small_image(2), small_image(3, "arm64"), small_image(4, "s390x")});
  s.source.hold("team/three", "1", three);
  const sync_list list = s.list(R"([{"source": "SOURCE/team/one:1"}, {"source": "SOURCE/team/three:1"},
    {"source": "SOURCE/team/three:1", "target": "some", "architectures": ["arm64", "amd64"]}])");
  REQUIRE_FALSE(s.run(list).ec);
  const fs::file_time_type written = fs::last_write_time(s.directory / "out" / "index.json");
  const auto asked = [&](bool dry) {
    s.source.forget_requests();
    s.options.dry_run = dry;
    const sync_report again = s.run(list);
    INFO(again.text.message());
    REQUIRE_FALSE(again.ec);
    CHECK(again.count(sync_state::unchanged) == 3);
    std::vector<std::string> gets;
    for (const recorded_request& one : s.source.requests()) {
      if (one.method != "HEAD") gets.push_back(one.target);
    }
    return gets;
  };
  CHECK(asked(false).empty());
  CHECK(s.source.count("/manifests/") <= 3);
  CHECK(asked(true).empty());
  fs::remove_all(s.settings.cache_dir);
  // Of a choice the directory does not know what it was made of.
  const std::vector<std::string> gets = asked(false);
  CHECK(gets.size() <= 1);
  for (const std::string& one : gets) CHECK(one.find("/manifests/" + three.index.digest) != std::string::npos);
  CHECK(asked(false).empty());
  CHECK(fs::last_write_time(s.directory / "out" / "index.json") == written);
}

TEST_CASE("what a directory holds is not fetched again when the store is lost", "[faults]") {
  synced s;
  const fs::path out = s.directory / "out";
  s.options.to = out.string();
  const test_image same = small_image(1);
  const test_image moved = small_image(3, "arm64");
  s.source.hold("team/two", "1", build_index(media_family::oci, {same, small_image(2, "arm64")}));
  const sync_list list = s.list(R"([{"source": "SOURCE/team/two:1"}])");
  REQUIRE_FALSE(s.run(list).ec);
  fs::remove_all(s.settings.cache_dir);
  const test_index now = build_index(media_family::oci, {same, moved});
  s.source.hold("team/two", "1", now);
  s.source.forget_requests();
  const sync_report again = s.run(list);
  INFO(again.text.message());
  REQUIRE_FALSE(again.ec);
  CHECK(again.at("team/two:1").state == sync_state::copied);
  CHECK(s.source.count(same.manifest.digest) == 0);
  CHECK(s.source.count(same.config.digest) == 0);
  CHECK(s.source.count(same.layers.front().digest) == 0);
  CHECK(s.source.count(moved.layers.front().digest) > 0);
  CHECK(named_in(out, s.source.host() + "/team/two:1") == now.index.digest);
  for (const test_image& one : {same, moved}) {
    CHECK(slurp(out / "blobs" / "sha256" / one.layers.front().digest.substr(7)) == one.layers.front().bytes);
    CHECK(slurp(out / "blobs" / "sha256" / one.manifest.digest.substr(7)) == one.manifest.bytes);
  }
  // The store has no name for what it does not hold.
  CHECK_FALSE(record_of(s, "team/two:1"));
  // A blob that is missing there, or is of another size, is fetched.
  fs::remove(out / "blobs" / "sha256" / same.layers.front().digest.substr(7));
  std::ofstream(out / "blobs" / "sha256" / same.layers.front().digest.substr(7)) << "short";
  s.source.forget_requests();
  const sync_report mended = s.run(list);
  REQUIRE_FALSE(mended.ec);
  CHECK(s.source.count(same.layers.front().digest) > 0);
  CHECK(slurp(out / "blobs" / "sha256" / same.layers.front().digest.substr(7)) == same.layers.front().bytes);
}

TEST_CASE("on another file system than the store's the directory keeps the files that it has", "[faults]") {
  synced s;
  struct stat store {};
  struct stat memory {};
  REQUIRE(::stat(s.directory.path().c_str(), &store) == 0);
  if (::stat("/dev/shm", &memory) != 0 || ::access("/dev/shm", W_OK) != 0 || memory.st_dev == store.st_dev) {
    WARN("skipped: no second file system here");
    return;
  }
  struct elsewhere {
    fs::path path = fs::path("/dev/shm") / ("gantry-test-" + std::to_string(::getpid()));
    elsewhere() { fs::create_directory(path); }
    ~elsewhere() {
      std::error_code ec;
      fs::remove_all(path, ec);
    }
  } const there;
  const fs::path out = there.path / "out";
  s.options.to = out.string();
  s.source.hold("team/one", "1", small_image(1));
  s.source.hold("team/two", "1", small_image(2));
  const sync_list list = s.list(R"([{"source": "SOURCE/team/one:1"}, {"source": "SOURCE/team/two:1"}])");
  REQUIRE_FALSE(s.run(list).ec);
  const auto number_of = [&](const test_image& image) {
    struct stat found {};
    REQUIRE(::stat((out / "blobs" / "sha256" / image.layers.front().digest.substr(7)).c_str(), &found) == 0);
    return found.st_ino;
  };
  const ino_t before = number_of(small_image(1));
  s.source.hold("team/two", "1", small_image(4));
  REQUIRE_FALSE(s.run(list).ec);
  CHECK(number_of(small_image(1)) == before);
  CHECK(named_in(out, s.source.host() + "/team/two:1") == small_image(4).manifest.digest);
  // Who wants everything anew gets it.
  s.options.force_upload = true;
  REQUIRE_FALSE(s.run(list).ec);
  CHECK(number_of(small_image(1)) != before);
}

TEST_CASE("a directory that may not be replaced is refused before anything is fetched", "[faults]") {
  synced s;
  const fs::path out = s.directory / "out";
  fs::create_directories(out);
  std::ofstream(out / "NOTES.txt") << "mine";
  s.options.to = out.string();
  s.source.hold("team/one", "1", small_image(1));
  for (const bool dry : {true, false}) {
    s.options.dry_run = dry;
    const sync_report refused = s.run(s.list(R"([{"source": "SOURCE/team/one:1"}])"));
    CHECK(refused.ec == errc::invalid_option);
  }
  CHECK(s.source.requests().empty());
  CHECK(fs::exists(out / "NOTES.txt"));
}

TEST_CASE("the digest that is told of an image in a directory is the one that the directory names", "[faults]") {
  synced s;
  const fs::path out = s.directory / "out";
  s.options.to = out.string();
  const test_image arm = small_image(2, "arm64");
  s.source.hold("team/two", "1", build_index(media_family::oci, {small_image(1), arm, small_image(3, "s390x")}));
  const sync_list list = s.list(R"([{"source": "SOURCE/team/two:1", "target": "one", "architectures": ["arm64"]},
    {"source": "SOURCE/team/two:1", "target": "pair", "architectures": ["s390x", "amd64"]}, {"source": "SOURCE/team/two:1", "target": "all"}])");
  s.options.dry_run = true;
  const sync_report plan = s.run(list);
  INFO(plan.text.message());
  REQUIRE_FALSE(plan.ec);
  s.options.dry_run = false;
  std::ofstream(s.options.lock_file) << "the lock of a registry";
  const sync_report first = s.run(list);
  INFO(first.text.message());
  REQUIRE_FALSE(first.ec);
  s.options.dry_run = true;
  const sync_report again = s.run(list);
  REQUIRE_FALSE(again.ec);
  for (const std::string name : {"one", "pair", "all"}) {
    INFO(name);
    const std::string there = named_in(out, s.source.host() + "/" + name + ":1");
    CHECK_FALSE(there.empty());
    CHECK(first.at(name + ":1").top.digest.string() == there);
    CHECK(plan.at(name + ":1").top.digest.string() == there);
    CHECK(again.at(name + ":1").top.digest.string() == there);
    CHECK(plan.at(name + ":1").state == sync_state::copied);
    CHECK(again.at(name + ":1").state == sync_state::unchanged);
  }
  CHECK(first.at("one:1").top.digest.string() == arm.manifest.digest);
  // A directory has no need of the lock that lies beside the list.
  std::ifstream lock(s.options.lock_file);
  const std::string kept((std::istreambuf_iterator<char>(lock)), std::istreambuf_iterator<char>());
  CHECK(kept == "the lock of a registry");
}

TEST_CASE("a list gives the same digests in a registry and in a directory, whatever the order of its architectures", "[faults]") {
  synced s;
  test_index index = build_index(media_family::oci, {small_image(1), small_image(2, "arm64"), small_image(3, "s390x")}, true);
  // Somebody's index says more than the specification has, of itself and of what it names.
  std::string text = index.index.bytes;
  text.replace(text.find("\"platform\""), 0, "\"org.example.score\": 1.50,\n ");
  text.replace(text.size() - 1, 0, R"(,"annotations":{"org.x":"y"},"org.example.more":[true])");
  index.index = test_blob::of(index.index.media_type, text);
  s.source.hold("team/app", "1", index);
  s.source.hold("team/pair", "1", build_index(media_family::docker, {small_image(1), small_image(2, "arm64")}));
  s.options.allow_partial = true;
  const sync_list list = s.list(R"([{"source": "SOURCE/team/app:1", "target": "some", "architectures": ["arm64", "amd64"]},
    {"source": "SOURCE/team/app:1", "target": "turned", "architectures": ["amd64", "arm64"]},
    {"source": "SOURCE/team/app:1", "target": "lacking", "architectures": ["arm64", "riscv64"]},
    {"source": "SOURCE/team/app:1", "target": "single", "architectures": ["arm64"]},
    {"source": "SOURCE/team/pair:1", "target": "both", "architectures": ["arm64", "amd64"]},
    {"source": "SOURCE/team/app:1", "target": "all"}])");
  const sync_report there = s.run(list);
  INFO(there.text.message());
  REQUIRE_FALSE(there.ec);
  s.options.to = (s.directory / "out").string();
  const sync_report here = s.run(list);
  INFO(here.text.message());
  REQUIRE_FALSE(here.ec);
  for (const std::string name : {"some", "turned", "lacking", "single", "both", "all"}) {
    INFO(name);
    const digest written = there.at("mirror/" + name + ":1").top.digest;
    CHECK(here.at(name + ":1").top.digest == written);
    CHECK(named_in(s.directory / "out", s.source.host() + "/" + name + ":1") == written.string());
  }
  CHECK(here.at("some:1").top.digest == here.at("turned:1").top.digest);
  CHECK(here.at("lacking:1").state == sync_state::partial);
  CHECK(here.at("lacking:1").top.media_type == index.index.media_type);
  // All that a source has is its index.
  CHECK(here.at("both:1").top.media_type == "application/vnd.docker.distribution.manifest.list.v2+json");
  const auto made = s.target.manifest("mirror/some", "1");
  REQUIRE(made);
  CHECK(made->find(R"("org.example.score":1.50,"platform")") != std::string::npos);
  CHECK(made->find(R"("annotations":{"org.x":"y"},"org.example.more":[true])") != std::string::npos);
  CHECK(made->find("attestation-manifest") != std::string::npos);
}

TEST_CASE("what a prune lets go of a directory is named, and nothing goes that a filter may mean", "[faults]") {
  synced s;
  const fs::path out = s.directory / "out";
  s.options.to = out.string();
  for (const std::string name : {"a", "b", "c"}) s.source.hold("team/" + name, "1", small_image(static_cast<std::uint32_t>(name[0])));
  REQUIRE_FALSE(s.run(s.list(R"([{"source": "SOURCE/team/a:1"}, {"source": "SOURCE/team/b:1"}, {"source": "SOURCE/team/c:1"}])")).ec);
  // The tags of c cannot be listed.
  s.source.inject("/tags/list", answer_with(404), 1, 0);
  s.options.find_unwanted = true;
  s.options.dry_run = true;
  const sync_list list = s.list(R"([{"source": "SOURCE/team/a:1"}, {"source": "SOURCE/team/c", "filter": {"newest": 1}}])");
  const std::string gone = s.source.host() + "/team/b:1";
  for (const bool dry : {true, false}) {
    s.options.dry_run = dry;
    const sync_report report = s.run(list);
    INFO(report.text.message());
    REQUIRE_FALSE(report.ec);
    REQUIRE(report.result.dropped.size() == 1);
    CHECK(report.result.dropped.front().string() == gone);
    CHECK(named_in(out, gone).empty() == !dry);
    CHECK_FALSE(named_in(out, s.source.host() + "/team/c:1").empty());
  }
}
