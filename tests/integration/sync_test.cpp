// Lists of images between real registries.
#include "integration/shelf.hpp"
#include "integration/workplace.hpp"

#include "support/catch.hpp"
#include "support/image_builder.hpp"
#include "support/servers.hpp"

#include <boost/json/parse.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

registry_options locked_shelf() {
  registry_options options;
  options.storage = shelf();
  options.username = "alice";
  options.password = "first-secret";
  return options;
}

registry_options safe_target(const fs::path& storage) {
  registry_options options;
  options.storage = storage;
  options.tls = true;
  return options;
}

/// One registry with passwords to take from, one with TLS to bring to.
struct listed {
  listed() : from(directory / "from", locked_shelf()), to(directory / "to", safe_target(directory / "storage")) {}

  void write(std::string text) const {
    const std::string word = "SOURCE";
    for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos;) text.replace(at, word.size(), from.host());
    std::ofstream(place / "images.json") << text;
  }
  std::vector<std::string> words(std::vector<std::string> more = {}) const {
    std::vector<std::string> all{
        "sync",        "images.json",       "--to", to.host() + "/mirror", "--ca-cert", to.certificates().authority.string(),
        "--src-creds", "alice:first-secret"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  outcome sync(std::vector<std::string> more = {}) const { return place.run(words(std::move(more))); }
  std::string raw_source(const std::string& name) const {
    return run_or_throw(
        {{"skopeo", "inspect", "--raw", "--tls-verify=false", "--creds", "alice:first-secret", "docker://" + from.host() + "/" + name}});
  }
  std::string raw_target(const std::string& name) const {
    return run_or_throw({{"skopeo", "inspect", "--raw", "--tls-verify=false", "docker://" + to.host() + "/mirror/" + name}});
  }
  std::string tags(const std::string& name) const {
    return place.run({"tags", to.host() + "/mirror/" + name, "--ca-cert", to.certificates().authority.string()}).out;
  }

  temp_dir directory;
  docker_registry from;
  docker_registry to;
  workplace place;
};

boost::json::object json_of(const outcome& result) {
  INFO(result.err);
  return boost::json::parse(result.out).as_object();
}

std::string state_of(const boost::json::object& result, const std::string& name) {
  for (const auto& one : result.at("images").as_array()) {
    const std::string target(one.as_object().at("name").as_string());
    if (target.ends_with("/" + name)) return std::string(one.as_object().at("state").as_string());
  }
  return "absent";
}

}  // namespace

TEST_CASE("a list goes from one registry to another and a repetition changes nothing", "[integration]") {
  const listed l;
  l.write(R"([
    {"source": "SOURCE/team/multi", "tags": ["1.0"]},
    {"source": "SOURCE/team/multi:1.0", "target": "two", "tags": ["a", "b"], "architectures": ["amd64", "arm64"]},
    {"source": "SOURCE/team/classic-list:1.0", "target": "one", "architectures": ["arm64"]},
    {"source": "SOURCE/team/classic", "target": "classic", "filter": {"regex": "1\\..*"}},
    {"source": "SOURCE/team/artifact:1.0", "target": "artifact"}])");
  const outcome dry = l.sync({"--dry-run", "--json"});
  CHECK(dry.status == 0);
  CHECK(json_of(dry).at("bytes_uploaded").to_number<std::uint64_t>() > 3'000'000);
  CHECK(l.place.files().contains("images.json"));
  CHECK_FALSE(l.place.files().contains("images.lock.json"));
  const outcome first = l.sync({"--json"});
  INFO(first.err);
  REQUIRE(first.status == 0);
  CHECK(state_of(json_of(first), "two:b") == "copied");
  CHECK(l.raw_target("team/multi:1.0") == l.raw_source("team/multi:1.0"));
  CHECK(l.raw_target("classic:1.0") == l.raw_source("team/classic:1.0"));
  CHECK(l.raw_target("artifact:1.0") == l.raw_source("team/artifact:1.0"));
  CHECK(l.raw_target("two:a") == l.raw_target("two:b"));
  const auto made = boost::json::parse(l.raw_target("two:a")).as_object();
  CHECK(made.at("mediaType") == "application/vnd.oci.image.index.v1+json");
  CHECK(boost::json::parse(l.raw_target("one:1.0")).as_object().at("mediaType") == "application/vnd.docker.distribution.manifest.v2+json");
  // Everything that was written can be read.
  CHECK(run({{"skopeo", "copy", "-q", "--all", "--src-tls-verify=false", "docker://" + l.to.host() + "/mirror/two:a",
              "oci:" + (l.directory / "copy").string()}})
            .ok());
  CHECK(l.place.files().contains("images.lock.json"));
  const outcome again = l.sync({"--json"});
  REQUIRE(again.status == 0);
  const auto told = json_of(again);
  CHECK(told.at("blobs").to_number<int>() == 0);
  for (const auto& one : told.at("images").as_array()) CHECK(one.as_object().at("state") == "unchanged");
  CHECK(first.err.find("first-secret") == std::string::npos);
}

TEST_CASE("a part of a list that fails is told by the exit status", "[integration]") {
  const listed l;
  l.write(R"([{"source": "SOURCE/team/classic", "target": "a", "tags": ["1.0", "none"]}])");
  const outcome some = l.sync();
  CHECK(some.status == 6);
  CHECK(some.out.find("/mirror/a:1.0 sha256:") != std::string::npos);
  CHECK(some.err.find("/mirror/a:none is not written") != std::string::npos);
  l.write(R"([{"source": "SOURCE/team/classic", "target": "a", "tags": ["none"]}])");
  CHECK(l.sync().status == 4);
  l.write("[{\"source\": \"SOURCE/team/classic\",\n \"tagss\": [\"1.0\"]}]");
  const outcome wrong = l.sync();
  CHECK(wrong.status == 2);
  CHECK(wrong.err.find("images.json, line 2: entry 1 (" + l.from.host() +
                       "/team/classic): tagss is not expected there; did you mean 'tags'?") != std::string::npos);
  CHECK(l.place.run({"sync", "absent.json", "--to", l.to.host()}).status == 4);
}

TEST_CASE("prune deletes by digest what nobody needs and says what it keeps", "[integration]") {
  const listed l;
  l.write(R"([{"source": "SOURCE/team/classic:1.0", "target": "app", "tags": ["1", "same", "old"]},
    {"source": "SOURCE/team/multi:1.0", "target": "app", "tags": ["index"]},
    {"source": "SOURCE/team/multi:1.0", "target": "app", "tags": ["child"], "architectures": ["arm64"]},
    {"source": "SOURCE/team/classic-list:1.0", "target": "app", "tags": ["gone", "gone-too"]}])");
  REQUIRE(l.sync().status == 0);
  l.write(R"([{"source": "SOURCE/team/classic:1.0", "target": "app", "tags": ["1"]},
    {"source": "SOURCE/team/multi:1.0", "target": "app", "tags": ["index"]}])");
  // Without a terminal nobody can be asked.
  CHECK(l.place.run(l.words({"--prune"})).status == 2);
  const outcome dry = l.sync({"--prune", "--dry-run", "--json"});
  CHECK(json_of(dry).at("deleted").as_array().size() == 2);
  CHECK(l.tags("app").find("gone") != std::string::npos);
  const outcome done = l.sync({"--prune", "--yes", "--json"});
  INFO(done.err);
  CHECK(done.status == 0);
  CHECK(json_of(done).at("deleted").as_array().size() == 2);
  CHECK(json_of(done).at("kept").as_array().size() == 3);
  CHECK(done.err.find("/mirror/app:old is not deleted: the tag 1 names the same manifest") != std::string::npos);
  CHECK(done.err.find("/mirror/app:child is not deleted: an index that is kept is made of this manifest") != std::string::npos);
  const std::string left = l.tags("app");
  CHECK(left.find("gone") == std::string::npos);
  for (const char* const tag : {"1\n", "index\n", "same\n", "old\n", "child\n"}) CHECK(left.find(tag) != std::string::npos);
  CHECK(l.raw_target("app:index") == l.raw_source("team/multi:1.0"));
}

TEST_CASE("a sync that was killed goes on where it was", "[integration]") {
  const listed l;
  // Images of their own, so that each takes its time.
  std::string text = "[";
  registry_options plain;
  plain.storage = l.directory / "many";
  const docker_registry source(l.directory / "source", std::move(plain));
  constexpr unsigned count = 60;
  for (unsigned i = 0; i < count; ++i) {
    image_recipe recipe;
    recipe.layers = {2'000};
    recipe.seed = i + 1;
    push(source.port(), "app" + std::to_string(i), "1", build_image(recipe));
    text += (i == 0 ? "" : ",") + std::string("{\"source\": \"") + source.host() + "/app" + std::to_string(i) + ":1\"}";
  }
  std::ofstream(l.place / "images.json") << text << "]";
  const std::vector<std::string> words{
      "sync", "images.json", "--to", l.to.host() + "/mirror", "--ca-cert", l.to.certificates().authority.string(), "-j", "2", "--json"};
  const auto written = [&] {
    const fs::path root = l.directory / "storage" / "docker" / "registry" / "v2" / "repositories" / "mirror";
    std::size_t there = 0;
    std::error_code none;
    for (fs::directory_iterator i(root, none), end; i != end; ++i)
      there += fs::exists(i->path() / "_manifests" / "tags" / "1" / "current") ? 1 : 0;
    return there;
  };
  {
    child running(l.place.gantry(words), l.directory / "log");
    while (running.running() && written() < 10) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    running.signal(SIGKILL);
    REQUIRE(running.wait(std::chrono::minutes(1)));
  }
  const std::size_t before = written();
  REQUIRE(before >= 10);
  const outcome rest = l.place.run(words);
  INFO(rest.err);
  REQUIRE(rest.status == 0);
  CHECK(written() == count);
  std::size_t unchanged = 0;
  const boost::json::object told = json_of(rest);
  for (const auto& one : told.at("images").as_array()) unchanged += one.as_object().at("state") == "unchanged" ? 1 : 0;
  CHECK(unchanged >= before);
}

TEST_CASE("a list becomes one directory that others read and that goes to a registry again", "[integration]") {
  const listed l;
  l.write(R"([
    {"source": "SOURCE/team/multi", "tags": ["1.0"], "architectures": ["amd64", "arm64"]},
    {"source": "SOURCE/team/classic:1.0", "tags": ["1.0", "stable"]}])");
  const std::vector<std::string> words{"sync", "images.json", "--to", "./shelf", "--src-creds", "alice:first-secret", "--json"};
  const outcome dry = l.place.run({"sync", "images.json", "--to", "./shelf", "--src-creds", "alice:first-secret", "--json", "--dry-run"});
  INFO(dry.err);
  CHECK(dry.status == 0);
  CHECK(json_of(dry).at("bytes_uploaded").to_number<std::uint64_t>() > 9'000'000);
  CHECK(json_of(dry).at("bytes_uploaded").to_number<std::uint64_t>() < 10'000'000);
  CHECK_FALSE(fs::exists(l.place / "shelf"));
  const outcome first = l.place.run(words);
  INFO(first.err);
  REQUIRE(first.status == 0);
  CHECK(state_of(json_of(first), "classic:stable") == "copied");
  // Of docker's media types skopeo reads none in a layout.
  CHECK(run({{"skopeo", "copy", "-q", "--all", "oci:" + (l.place / "shelf").string() + ":" + l.from.host() + "/team/multi:1.0",
              "oci:" + (l.directory / "copy").string() + ":1.0"}})
            .ok());
  const outcome again = l.place.run(words);
  CHECK(again.status == 0);
  CHECK(state_of(json_of(again), "classic:stable") == "unchanged");
  CHECK(state_of(json_of(again), "multi:1.0") == "unchanged");

  // Out of the directory into the registry.
  l.write(R"([{"source": "oci:shelf", "target": "back", "tags": ["stable", "absent"]},
    {"source": "oci:shelf", "target": "arm", "tags": ["1.0"], "architectures": ["arm64"]}])");
  const outcome back = l.sync({"--json"});
  INFO(back.err);
  CHECK(back.status == 6);
  CHECK(state_of(json_of(back), "back:stable") == "copied");
  CHECK(state_of(json_of(back), "back:absent") == "failed");
  CHECK(l.raw_target("back:stable") == l.raw_source("team/classic:1.0"));
  CHECK(state_of(json_of(l.sync({"--json"})), "back:stable") == "unchanged");

  // What the list does not name is not dropped unasked.
  l.write(R"([{"source": "SOURCE/team/classic:1.0", "tags": ["1.0", "none"]}, {"source": "SOURCE/team/classic:9", "tags": ["stable"]}])");
  CHECK(l.place.run(words).status == 2);
  CHECK(fs::exists(l.place / "shelf" / "index.json"));
  std::vector<std::string> pruning = words;
  pruning.insert(pruning.end(), {"--prune", "--yes"});
  const outcome pruned = l.place.run(pruning);
  INFO(pruned.err);
  CHECK(pruned.status == 6);
  const std::string index = slurp(l.place / "shelf" / "index.json");
  CHECK(index.find("multi") == std::string::npos);
  CHECK(index.find("classic:stable") != std::string::npos);  // it failed, and stays as it was
}
