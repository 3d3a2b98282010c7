#include "integration/shelf.hpp"
#include "integration/workplace.hpp"

#include "support/catch.hpp"
#include "support/servers.hpp"

#include <boost/json/parse.hpp>

#include <filesystem>

using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

/// A registry to take from, an empty one to push to.
struct two_registries {
  explicit two_registries(registry_options options = {})
      : from(directory / "from", {shelf()}), to(directory / "to", with_storage(std::move(options))) {}

  registry_options with_storage(registry_options options) const {
    options.storage = directory / "pushed";
    return options;
  }
  std::string source(const std::string& name) const { return from.host() + "/team/" + name + ":1.0"; }
  std::string target(const std::string& name) const { return to.host() + "/" + name; }

  outcome pull(std::vector<std::string> words) const {
    words.insert(words.begin(), "pull");
    outcome pulled = place.run(std::move(words));
    INFO(pulled.err);
    REQUIRE(pulled.status == 0);
    return pulled;
  }
  outcome push(std::vector<std::string> words) const {
    words.insert(words.begin(), "push");
    words.emplace_back("--json");
    return place.run(std::move(words));
  }
  static std::string raw(const std::string& image) {
    return run_or_throw({{"skopeo", "inspect", "--raw", "--tls-verify=false", "docker://" + image}});
  }

  temp_dir directory;
  docker_registry from;
  docker_registry to;
  workplace place;
};

std::int64_t number(const outcome& result, const char* key) {
  INFO(result.err);
  REQUIRE(result.status == 0);
  return boost::json::parse(result.out).as_object().at(key).to_number<std::int64_t>();
}

}  // namespace

TEST_CASE("an image goes from the store to a registry byte for byte, and once", "[integration]") {
  const two_registries r;
  r.pull({"--store-only", "--all-platforms", r.source("multi")});
  CHECK(number(r.push({r.source("multi"), r.target("mirror/multi:2")}), "blobs_uploaded") > 0);
  CHECK(r.raw(r.target("mirror/multi:2")) == r.raw(r.source("multi")));
  const outcome again = r.push({r.source("multi"), r.target("mirror/multi:2")});
  CHECK(number(again, "blobs_uploaded") == 0);
  CHECK(boost::json::parse(again.out).as_object().at("images").as_array().at(0).as_object().at("unchanged").as_bool());
  // Only when that is asked for everything goes again.
  const outcome forced = r.push({r.source("multi"), r.target("mirror/multi:2"), "--force-upload"});
  CHECK(number(forced, "blobs_uploaded") == number(forced, "blobs"));
  CHECK(number(forced, "blobs") > 0);
  CHECK_FALSE(boost::json::parse(forced.out).as_object().at("images").as_array().at(0).as_object().at("unchanged").as_bool());
  // skopeo reads everything that was written.
  CHECK(run({{"skopeo", "copy", "-q", "--all", "--src-tls-verify=false", "docker://" + r.target("mirror/multi:2"),
              "oci:" + (r.directory / "copy").string()}})
            .ok());
}

TEST_CASE("an archive is pushed, one platform of an index too", "[integration]") {
  const two_registries r;
  r.pull({"-o", "multi.tar", "--all-platforms", "-f", "oci", r.source("multi")});
  const std::string archive = (r.place.path() / "multi.tar").string();
  CHECK(number(r.push({archive, r.target("app:arm"), "-a", "arm64"}), "blobs_uploaded") > 0);
  CHECK(r.place.run({"digest", r.target("app:arm")}).out == r.place.run({"digest", "-a", "arm64", r.source("multi")}).out);
  // The rest of the index finds the blobs of the first one there.
  CHECK(number(r.push({archive, r.target("app:all")}), "blobs_present") > 0);
  CHECK(r.raw(r.target("app:all")) == r.raw(r.source("multi")));
}

TEST_CASE("archives of every kind go to a registry with the digest that the image had", "[integration]") {
  const two_registries r;
  const std::string wanted = r.raw(r.source("classic"));
  struct kind {
    const char* format;
    const char* file;
  };
  for (const kind& one :
       {kind{"docker", "docker.tar"}, kind{"oci", "oci.tar"}, kind{"oci-dir", "layout"}, kind{"docker", "packed.tar.gz"}}) {
    INFO(one.file);
    r.pull({"-o", one.file, "-f", one.format, r.source("classic")});
    const std::string target = r.target(std::string("from-") + one.format + ":1");
    CHECK(number(r.push({(r.place.path() / one.file).string(), target}), "blobs") > 0);
    CHECK(r.raw(target) == wanted);
  }
  // What docker before 25 and skopeo write has no manifest: the image keeps its ID.
  const std::string old = (r.place.path() / "skopeo.tar").string();
  run_or_throw({{"skopeo", "copy", "-q", "--src-tls-verify=false", "docker://" + r.source("classic"), "docker-archive:" + old + ":app:1"}});
  CHECK(number(r.push({old, r.target("old:1")}), "blobs_uploaded") > 0);
  const auto config_of = [](const std::string& manifest) {
    return std::string(boost::json::parse(manifest).as_object().at("config").as_object().at("digest").as_string());
  };
  CHECK(config_of(r.raw(r.target("old:1"))) == config_of(wanted));
}

TEST_CASE("a bundle goes below a place with its names, layers shared by mounts", "[integration]") {
  const two_registries r;
  r.pull({"-o", "bundle.tar", r.source("classic"), r.source("multi")});
  const outcome pushed = r.push({(r.place.path() / "bundle.tar").string(), r.target("mirror/")});
  CHECK(number(pushed, "blobs_uploaded") > 0);
  CHECK(r.raw(r.target("mirror/team/classic:1.0")) == r.raw(r.source("classic")));
  // The same image below another name of that registry: nothing is sent.
  r.pull({"--store-only", r.target("mirror/team/classic:1.0")});
  const outcome mounted = r.push({r.target("mirror/team/classic:1.0"), r.target("other/classic:1.0")});
  CHECK(number(mounted, "blobs_mounted") == number(mounted, "blobs"));
  CHECK(number(mounted, "bytes_uploaded") == 0);
}

TEST_CASE("an image of several names is pushed under each of them, whatever holds it", "[integration]") {
  const two_registries r;
  const std::string classic = "docker://" + r.source("classic");
  const auto path = [&r](const char* name) { return (r.place / name).string(); };
  // An archive with two tags, and an OCI layout in which three names lead to one manifest.
  run_or_throw({{"skopeo", "copy", "-q", "--src-tls-verify=false", "--additional-tag", "team/s:2", "--additional-tag", "quay.io/other/x:3",
                 classic, "docker-archive:" + path("two.tar") + ":team/s:1"}});
  for (const char* name : {"team/s:1", "team/s:2", "other/x:3"}) {
    run_or_throw({{"skopeo", "copy", "-q", "--src-tls-verify=false", classic, "oci:" + path("layout") + ":localhost:1/" + name}});
  }
  // What gantry saves of the store.
  REQUIRE(r.place.run({"extract", "two.tar"}).status == 0);
  for (const char* format : {"docker", "oci"}) {
    REQUIRE(r.place.run({"save", "team/s:1", "team/s:2", "quay.io/other/x:3", "-f", format, "-o", std::string(format) + ".tar"}).status ==
            0);
  }
  for (const std::string source : {"two.tar", "layout", "docker.tar", "oci.tar"}) {
    INFO(source);
    const std::string below = "from-" + source.substr(0, source.find('.'));
    const outcome pushed = r.push({path(source.c_str()), r.target(below + "/")});
    INFO(pushed.err);
    REQUIRE(pushed.status == 0);
    CHECK(boost::json::parse(pushed.out).as_object().at("images").as_array().size() == 3);
    CHECK(r.place.run({"tags", r.target(below + "/team/s")}).out == "2\n1\n");
    CHECK(r.raw(r.target(below + "/team/s:1")) == r.raw(r.target(below + "/team/s:2")));
    CHECK(r.raw(r.target(below + "/team/s:1")) == r.raw(r.target(below + "/other/x:3")));
  }
  // Whoever names one of them means that one.
  CHECK(r.push({"docker-archive:two.tar:team/s:2", r.target("chosen/")}).status == 0);
  CHECK(r.place.run({"tags", r.target("chosen/team/s")}).out == "2\n");
}

TEST_CASE("a list that became a directory goes to a registry with all its tags", "[integration]") {
  const two_registries r;
  spill(r.place / "images.json", R"([{"source": ")" + r.source("classic") + R"(", "tags": ["1.0", "stable"]},
    {"source": ")" + r.source("multi") +
                                     R"(", "tags": ["1.0", "2.0"]}])");
  REQUIRE(r.place.run({"sync", "images.json", "--to", "./carried"}).status == 0);
  const outcome pushed = r.push({"carried", r.target("air/")});
  INFO(pushed.err);
  REQUIRE(pushed.status == 0);
  CHECK(boost::json::parse(pushed.out).as_object().at("images").as_array().size() == 4);
  for (const char* name : {"classic:1.0", "classic:stable", "multi:1.0", "multi:2.0"}) {
    INFO(name);
    const std::string image = std::string(name).substr(0, std::string(name).find(':'));
    CHECK(r.raw(r.target("air/team/") + name) == r.raw(r.source(image)));
  }
}

TEST_CASE("uncompressed layers are compressed alike each time, or kept", "[integration]") {
  const two_registries r;
  r.pull({"-o", "old.tar", "-f", "synology", r.source("classic")});
  const std::string archive = (r.place.path() / "old.tar").string();
  CHECK(number(r.push({archive, r.target("app:1")}), "blobs_uploaded") > 0);
  CHECK(r.raw(r.target("app:1")).find("gzip") != std::string::npos);
  const outcome again = r.push({archive, r.target("app:1")});
  CHECK(number(again, "blobs_uploaded") == 0);
  CHECK(boost::json::parse(again.out).as_object().at("images").as_array().at(0).as_object().at("unchanged").as_bool());
  CHECK(number(r.push({archive, r.target("kept:1"), "--compress", "keep"}), "blobs_uploaded") > 0);
  CHECK(r.raw(r.target("kept:1")).find("gzip") == std::string::npos);
  // skopeo checks the layers against the configuration.
  for (const char* name : {"app:1", "kept:1"}) {
    CHECK(run({{"skopeo", "copy", "-q", "--src-tls-verify=false", "docker://" + r.target(name),
                "docker-archive:" + (r.directory / (std::string(name, 3) + ".tar")).string()}})
              .ok());
  }
}

TEST_CASE("a dry run writes nothing", "[integration]") {
  const two_registries r;
  r.pull({"--store-only", r.source("classic")});
  CHECK(number(r.push({r.source("classic"), r.target("app:1"), "--dry-run"}), "blobs_uploaded") > 0);
  const outcome lines = r.place.run({"push", r.source("classic"), r.target("app:1"), "--dry-run"});
  INFO(lines.out);
  CHECK(lines.out.starts_with(r.target("app:1") + " sha256:"));
  CHECK(lines.out.ends_with(" planned\n"));
  // Nothing is there under that name yet.
  CHECK(lines.err.find(r.target("app:1") + " would become sha256:") != std::string::npos);
  CHECK(lines.err.find(" is sha256:") == std::string::npos);
  CHECK(r.place.run({"digest", r.target("app:1")}).status == 4);

  const outcome written = r.place.run({"push", r.source("classic"), r.target("app:1")});
  CHECK(written.err.find(r.target("app:1") + " is to become sha256:") != std::string::npos);
  // What is there as it should be is to become nothing.
  for (const char* const how : {"--dry-run", "--progress=plain"}) {
    const outcome again = r.place.run({"push", r.source("classic"), r.target("app:1"), how});
    INFO(again.err);
    CHECK(again.err.find(r.target("app:1") + " is sha256:") != std::string::npos);
    CHECK(again.err.find(" become") == std::string::npos);
    CHECK(again.err.find("0 blobs") == std::string::npos);
  }
}

TEST_CASE("a push to a registry with a password needs it and says so", "[integration]") {
  registry_options options;
  options.username = "alice";
  options.password = "secret-word";
  const two_registries r(std::move(options));
  r.pull({"--store-only", r.source("classic")});
  const outcome refused = r.push({r.source("classic"), r.target("app:1")});
  CHECK(refused.status == 3);
  CHECK(r.place.run({"push", r.source("classic"), r.target("app:1"), "-u", "alice", "-p", "secret-word"}).status == 0);
}

TEST_CASE("what is not there cannot be pushed", "[integration]") {
  const two_registries r;
  const outcome absent = r.push({"nginx:1.25", r.target("app:1")});
  CHECK(absent.status == 4);
  CHECK(absent.err.find("is not in the store") != std::string::npos);
  r.pull({"--store-only", r.source("multi")});
  const outcome part = r.push({r.source("multi"), r.target("app:1")});
  CHECK(part.status == 4);
  CHECK(part.err.find("--platform") != std::string::npos);
}

TEST_CASE("a layout with tags alone is told what to write in place of a prefix", "[integration]") {
  const two_registries r;
  run_or_throw({{"skopeo", "copy", "-q", "--src-tls-verify=false", "docker://" + r.source("artifact"),
                 "oci:" + (r.place / "plain").string() + ":1.0"}});
  const outcome below = r.push({"plain", r.target("mirror/")});
  INFO(below.err);
  CHECK(below.status == 2);
  CHECK(below.err.find("has only the tag 1.0 in the source, and no repository; name both in the target, e.g. " +
                       r.target("mirror/NAME:1.0")) != std::string::npos);
  CHECK(r.push({"plain", r.target("mirror/app:1.0")}).status == 0);
  // Of several, one is named in the source; that advice is followed as it stands.
  run_or_throw({{"skopeo", "copy", "-q", "--src-tls-verify=false", "docker://" + r.source("classic"),
                 "oci:" + (r.place / "plain").string() + ":2.0"}});
  const std::string advice = "gantry push oci:plain:1.0 " + r.target("mirror/other:1.0");
  const outcome several = r.push({"plain", r.target("mirror/other:1.0")});
  INFO(several.err);
  CHECK(several.status == 2);
  CHECK(several.err.find(advice) != std::string::npos);
  CHECK(r.push({"oci:plain:1.0", r.target("mirror/other:1.0")}).status == 0);
}

TEST_CASE("of a layout with several tags alone the word for one is told, whatever the target", "[integration]") {
  const two_registries r;
  for (const std::string tag : {"1.0", "2.0"}) {
    run_or_throw({{"skopeo", "copy", "-q", "--src-tls-verify=false", "docker://" + r.source(tag == "1.0" ? "artifact" : "classic"),
                   "oci:" + (r.place / "plain").string() + ":" + tag}});
  }
  const outcome one_name = r.push({"plain", r.target("app:7")});
  INFO(one_name.err);
  CHECK(one_name.status == 2);
  CHECK(one_name.err.find("'gantry push oci:plain:1.0 " + r.target("app:1.0") + "'") != std::string::npos);
  const outcome below = r.push({"plain", r.target("mirror/")});
  INFO(below.err);
  CHECK(below.status == 2);
  CHECK(below.err.find("has only the tag 1.0 in the source, and no repository") != std::string::npos);
  CHECK(below.err.find("'gantry push oci:plain:1.0 " + r.target("mirror/NAME:1.0") + "'") != std::string::npos);
  CHECK(r.push({"oci:plain:2.0", r.target("app:2.0")}).status == 0);
}
