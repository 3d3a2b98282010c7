#include "integration/served.hpp"

#include "support/catch.hpp"
#include "support/fake_registry.hpp"
#include "support/image_builder.hpp"
#include "support/socket.hpp"

#include <boost/json/parse.hpp>

#include <filesystem>
#include <set>
#include <sstream>

using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

std::set<std::string> lines(const std::string& text) {
  std::set<std::string> all;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) all.insert(line);
  return all;
}

/// A registry of its own, with one image under three tags, that may be written to.
struct writable : served {
  writable() : served({fill()}) {}
  fs::path fill() {
    const temp_dir log;
    docker_registry to(log / "registry", {storage.path()});
    const served from;
    for (const std::string tag : {"1.9.0", "1.10.0", "2.0.0"}) {
      run_or_throw({{"skopeo", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false", "docker://" + from.image("classic:1.0"),
                     "docker://" + to.host() + "/team/app:" + tag}});
    }
    return storage.path();
  }
  inline static temp_dir storage;
};

}  // namespace

TEST_CASE("digests are those that skopeo finds", "[integration]") {
  const served s;
  const skopeo_facts facts = ask_skopeo("docker://" + s.image("multi:1.0"), {"--tls-verify=false"}, "arm64");
  const outcome top = s.place.run({"digest", s.image("multi:1.0")});
  INFO(top.err);
  CHECK(top.status == 0);
  CHECK(top.out == facts.digest + "\n");
  CHECK(s.place.run({"digest", "-a", "arm64", s.image("multi:1.0")}).out == facts.manifest_digest + "\n");
  const outcome missing = s.place.run({"digest", s.image("multi:2.0")});
  CHECK(missing.status == 4);
  CHECK(missing.out.empty());
  CHECK(missing.err.find("multi:2.0 was not found") != std::string::npos);
}

TEST_CASE("documents are printed as they are served", "[integration]") {
  const served s;
  const std::string image = "docker://" + s.image("multi:1.0");
  CHECK(s.place.run({"inspect", "--raw", s.image("multi:1.0")}).out ==
        run_or_throw({{"skopeo", "inspect", "--raw", "--tls-verify=false", image}}));
  CHECK(s.place.run({"inspect", "--config", "-a", "arm64", s.image("multi:1.0")}).out ==
        run_or_throw({{"skopeo", "inspect", "--raw", "--config", "--tls-verify=false", "--override-arch", "arm64", image}}));
}

TEST_CASE("inspect shows every platform with its size", "[integration]") {
  const served s;
  const outcome text = s.place.run({"inspect", s.image("multi:1.0")});
  INFO(text.out << text.err);
  CHECK(text.status == 0);
  for (const std::string word : {"linux/amd64", "linux/arm64", "linux/arm/v7", "attestation", "media type"})
    CHECK(text.out.find(word) != std::string::npos);
  const auto found = boost::json::parse(s.place.run({"inspect", "--json", s.image("multi:1.0")}).out).as_object();
  CHECK(found.at("manifests").as_array().size() == 4);
  const auto single = boost::json::parse(s.place.run({"inspect", "--json", s.image("classic:1.0")}).out).as_object();
  const auto& only = single.at("manifests").as_array().at(0).as_object();
  CHECK(only.at("digest") == single.at("digest"));
  CHECK(only.at("layers").as_array().size() == 3);
  CHECK(s.place.run({"inspect", "--platform", "linux/riscv64", s.image("multi:1.0")}).status == 4);
}

TEST_CASE("tags are listed, filtered and ordered", "[integration]") {
  writable s;
  CHECK(lines(s.place.run({"tags", s.image("app")}).out) == std::set<std::string>{"1.9.0", "1.10.0", "2.0.0"});
  CHECK(s.place.run({"tags", "--semver", "1.x", s.image("app")}).out == "1.10.0\n1.9.0\n");
  CHECK(s.place.run({"tags", "--latest", "1", s.image("app")}).out == "2.0.0\n");
  CHECK(s.place.run({"tags", "--filter", "2.*", s.image("app")}).out == "2.0.0\n");
  const auto listed = boost::json::parse(s.place.run({"tags", "--latest", "2", "--json", s.image("app")}).out);
  CHECK(listed.at("tags").as_array() == boost::json::array{"2.0.0", "1.10.0"});
  CHECK(s.place.run({"tags", "--filter", "(", s.image("app")}).status == 2);
  const outcome absent = s.place.run({"tags", s.image("absent")});
  CHECK(absent.status == 4);
  CHECK(absent.err.find("the repository " + s.image("absent") + " was not found; check its spelling") != std::string::npos);
}

TEST_CASE("plain http is warned of where somebody may be on the way", "[integration]") {
  const served s;
  const auto said = [&](const std::string& host) {
    return s.place.run({"tags", "--plain-http", host + ":" + std::to_string(s.registry.port()) + "/team/multi"}).err;
  };
  CHECK(said("127.0.0.1").find("plain http") == std::string::npos);
  CHECK(said("0.0.0.0").find("is spoken to in plain http") != std::string::npos);
}

TEST_CASE("a filter that no tag matches says what it is matched with", "[integration]") {
  writable s;
  const outcome none = s.place.run({"tags", "--filter", "^1", s.image("app")});
  INFO(none.err);
  CHECK(none.ok());
  CHECK(none.out.empty());
  CHECK(none.err.find("none of the 3 tags of ") != std::string::npos);
  CHECK(none.err.find("matches the whole of '^1'; '.*' stands for any text") != std::string::npos);
  CHECK(s.place.run({"tags", "--filter", "^1.*", s.image("app")}).err.find("none of") == std::string::npos);
}

TEST_CASE("an answer that is no list of tags is a failure of the registry", "[integration]") {
  fake_registry registry;
  const workplace place;
  for (const char* body : {"<html>Log in to this network</html>", "{}", "[]", ""}) {
    INFO(body);
    registry.inject("tags/list", answer_with(200, {}, body), 1, 0);
    const outcome result = place.run({"tags", registry.host() + "/team/app"});
    INFO(result.err);
    CHECK(result.status == 1);
    CHECK(result.out.empty());
    const std::size_t first = result.err.find("tags of " + registry.host() + "/team/app");
    REQUIRE(first != std::string::npos);
    CHECK(result.err.find("tags of ", first + 1) == std::string::npos);
    registry.heal();
  }
}

TEST_CASE("repositories are listed", "[integration]") {
  const served s;
  const outcome listed = s.place.run({"repos", s.registry.host()});
  INFO(listed.err);
  CHECK(listed.status == 0);
  CHECK(lines(listed.out).contains("team/multi"));

  const outcome below = s.place.run({"repos", s.registry.host() + "/team/"});
  INFO(below.err);
  CHECK(below.ok());
  CHECK(below.out == listed.out);
  // A path ends where a part of a name ends.
  const outcome none = s.place.run({"repos", s.registry.host() + "/tea"});
  CHECK(none.ok());
  CHECK(none.out.empty());
  CHECK(none.err.find(" is below " + s.registry.host() + "/tea/") != std::string::npos);
  const outcome itself = s.place.run({"repos", s.image("multi")});
  CHECK(itself.ok());
  CHECK(itself.out.empty());
  CHECK(itself.err.find("its tags are listed by 'gantry tags " + s.image("multi") + "'") != std::string::npos);
}

TEST_CASE("a registry without a list of repositories is told to be one of many", "[integration]") {
  fake_registry registry;
  const workplace place;
  const std::string many = "many registries, Docker Hub, GHCR and Quay among them, offer no list of repositories";
  struct kind {
    unsigned status;
    int ended;
  };
  for (const kind& one : {kind{404, 4}, kind{405, 1}, kind{403, 3}}) {
    registry.inject("_catalog", answer_with(one.status), 1, 0);
    const outcome refused = place.run({"repos", registry.host()});
    INFO(refused.err);
    CHECK(refused.status == one.ended);
    CHECK(refused.out.empty());
    CHECK(refused.err.find(many) != std::string::npos);
    CHECK((refused.err.find(registry.host() + " does not list its repositories (") != std::string::npos) == (one.status != 403));
    registry.heal();
  }
}

TEST_CASE("the digest of a file and of the store is that of the registry", "[integration]") {
  const served s;
  const std::string name = s.image("multi:1.0");
  const std::string top = s.place.run({"digest", name}).out;
  const std::string arm = s.place.run({"digest", "-a", "arm64", name}).out;
  CHECK(s.place.run({"digest", name, "--offline"}).status == 4);
  REQUIRE(s.place.run({"pull", name, "--all-platforms", "-o", "all.tar", "-f", "oci"}).ok());
  REQUIRE(s.place.run({"save", name, "-o", "tree", "-f", "oci-dir"}).ok());
  for (const std::vector<std::string>& where :
       {std::vector<std::string>{"all.tar"}, {"tree"}, {"oci-archive:all.tar"}, {"oci:tree"}, {"all.tar", name}, {name, "--offline"}}) {
    INFO(where.front());
    std::vector<std::string> words{"digest"};
    words.insert(words.end(), where.begin(), where.end());
    const outcome whole = s.place.run(words);
    INFO(whole.err);
    CHECK(whole.out == top);
    words.insert(words.end(), {"-a", "arm64"});
    CHECK(s.place.run(words).out == arm);
  }
  CHECK(s.place.run({"digest", "none.tar"}).status == 4);
  CHECK(s.place.run({"digest", "all.tar", "-u", "alice", "-p", "x"}).status == 2);
}

TEST_CASE("a manifest is deleted by digest, and with it its tags", "[integration]") {
  writable s;
  const outcome by_tag = s.place.run({"delete", s.image("app:2.0.0")});
  INFO(by_tag.err);
  CHECK(by_tag.status == 1);
  CHECK(by_tag.out.empty());
  CHECK(by_tag.err.find("does not delete by tag") != std::string::npos);
  const std::string instead = "gantry delete " + s.image("app") + "@$(gantry digest " + s.image("app:2.0.0") + ")";
  CHECK(by_tag.err.find(instead) != std::string::npos);
  // The registry of -r is a part of what is to be typed.
  const std::string host = s.image("app").substr(0, s.image("app").find('/'));
  const outcome joined = s.place.run({"delete", "-r", host, s.image("app:2.0.0").substr(host.size() + 1)});
  INFO(joined.err);
  CHECK(joined.err.find(instead) != std::string::npos);

  // What is not there is not found, whatever the registry says of deleting tags, and a tag that nobody wrote is not made up.
  const outcome absent = s.place.run({"delete", s.image("app:none")});
  INFO(absent.err);
  CHECK(absent.status == 4);
  const outcome unnamed = s.place.run({"delete", s.image("app")});
  CHECK(unnamed.status == 2);
  CHECK(unnamed.err.find("does not say which of its images is to be deleted") != std::string::npos);

  std::string digest = s.place.run({"digest", s.image("app:2.0.0")}).out;
  digest.pop_back();
  const outcome gone = s.place.run({"delete", s.image("app") + "@" + digest});
  INFO(gone.err);
  CHECK(gone.status == 0);
  CHECK(gone.out == "deleted " + s.image("app") + "@" + digest + "\n");
  CHECK(s.place.run({"digest", s.image("app:2.0.0")}).status == 4);
  CHECK(s.place.run({"delete", s.image("app") + "@" + digest}).status == 4);
}

TEST_CASE("a registry that deletes nothing is said to need its operator, and how", "[integration]") {
  const writable s;
  const temp_dir directory;
  registry_options options;
  options.storage = s.storage.path();
  options.deletes = false;
  const docker_registry to(directory / "registry", std::move(options));
  const std::string repository = to.host() + "/team/app";
  std::string digest = s.place.run({"digest", repository + ":1.9.0"}).out;
  digest.pop_back();
  const outcome refused = s.place.run({"delete", repository + "@" + digest});
  INFO(refused.err);
  CHECK(refused.status == 1);
  CHECK(refused.err.find("its operator has to enable it (docker-registry: REGISTRY_STORAGE_DELETE_ENABLED=true)") != std::string::npos);
  CHECK(refused.err.find("delete the digest") == std::string::npos);
  const outcome by_tag = s.place.run({"delete", repository + ":1.9.0"});
  INFO(by_tag.err);
  CHECK(by_tag.status == 1);
  CHECK(by_tag.err.find("REGISTRY_STORAGE_DELETE_ENABLED=true") != std::string::npos);
  CHECK(s.place.run({"digest", repository + ":1.9.0"}).status == 0);
}

TEST_CASE("what archives and directories hold is inspected as an image of a registry is", "[integration]") {
  const served s;
  const std::string image = s.image("multi:1.0");
  REQUIRE(s.place.run({"pull", image, "--all-platforms", "-o", "multi.tar"}).ok());
  REQUIRE(s.place.run({"pull", image, "--all-platforms", "-o", "layout", "-f", "oci-dir"}).ok());
  REQUIRE(s.place.run({"pull", image, "--all-platforms", "-o", "multi.tgz", "-f", "oci"}).ok());
  const std::string raw = s.place.run({"inspect", "--raw", image}).out;
  const auto told = boost::json::parse(s.place.run({"inspect", "--json", image}).out).as_object();
  for (const char* file : {"multi.tar", "layout", "multi.tgz", "oci:layout", "docker-archive:multi.tar"}) {
    INFO(file);
    CHECK(s.place.run({"inspect", "--raw", file}).out == raw);
    CHECK(s.place.run({"inspect", "--config", "-a", "arm64", file}).out == s.place.run({"inspect", "--config", "-a", "arm64", image}).out);
    const outcome text = s.place.run({"inspect", file});
    INFO(text.err);
    CHECK(text.out == s.place.run({"inspect", image}).out);
    const auto found = boost::json::parse(s.place.run({"inspect", "--json", file}).out).as_object();
    const auto& only = found.at("images").as_array().at(0).as_object();
    CHECK(found.at("images").as_array().size() == 1);
    CHECK(only.at("digest") == told.at("digest"));
    CHECK(only.at("manifests") == told.at("manifests"));
    CHECK(only.at("names").as_array().at(0).as_string() == image);
  }
  command piped = s.place.gantry({"inspect", "--raw", "-"});
  piped.input = slurp(s.place / "multi.tar");
  CHECK(run(piped).out == raw);
  CHECK(s.place.run({"inspect", "absent.tar"}).status == 4);
  CHECK(s.place.run({"inspect", "multi.tar", "--platform", "linux/riscv64"}).status == 4);
  spill(s.place / "words.tar", "no archive");
  CHECK(s.place.run({"inspect", "words.tar"}).status == 5);
}

TEST_CASE("of several images in an archive one is chosen by name", "[integration]") {
  const served s;
  REQUIRE(s.place.run({"pull", s.image("classic:1.0"), s.image("multi:1.0"), "-o", "two.tar"}).ok());
  const auto all = boost::json::parse(s.place.run({"inspect", "--json", "two.tar"}).out).as_object();
  CHECK(all.at("images").as_array().size() == 2);
  const outcome both = s.place.run({"inspect", "--raw", "two.tar"});
  CHECK(both.status == 2);
  CHECK(both.err.find("name one of them") != std::string::npos);
  CHECK(s.place.run({"inspect", "--raw", "two.tar", s.image("classic:1.0")}).out ==
        s.place.run({"inspect", "--raw", s.image("classic:1.0")}).out);
  CHECK(s.place.run({"inspect", "two.tar", s.image("other:1.0")}).status == 4);
  CHECK(s.place.run({"inspect", s.image("classic:1.0"), s.image("multi:1.0")}).status == 2);
}

TEST_CASE("what the store holds is inspected without the registry", "[integration]") {
  const workplace place;
  std::string image;
  std::string raw;
  {
    const served s;
    image = s.image("multi:1.0");
    REQUIRE(place.run({"inspect", "--offline", image}).status == 4);
    CHECK_FALSE(fs::exists(place.store()));
    REQUIRE(place.run({"pull", "--store-only", image}).ok());
    raw = s.place.run({"inspect", "--raw", image}).out;
  }
  const outcome stored = place.run({"inspect", "--offline", image});
  INFO(stored.err);
  CHECK(stored.status == 0);
  CHECK(stored.out.find("linux/amd64") != std::string::npos);
  CHECK(stored.out.find("linux/arm64") == std::string::npos);
  CHECK(place.run({"inspect", "--offline", "--raw", image}).out == raw);
  CHECK_FALSE(place.run({"inspect", "--offline", "--config", image}).out.empty());
  CHECK(place.run({"inspect", "--offline", "-a", "arm64", image}).status == 4);
  CHECK(place.run({"inspect", image, "--retries", "0"}).status == 1);  // the registry is gone
}

TEST_CASE("a name that is not found under a registry is looked for below library/, and said", "[integration]") {
  const temp_dir storage;
  const temp_dir log;
  docker_registry registry(log / "registry", {storage.path()});
  const workplace place;
  write_layout(log / "layout", "1.0", build_image({}));
  REQUIRE(place.run({"push", (log / "layout").string(), registry.host() + "/library/app:1.0"}).ok());
  const std::vector<std::vector<std::string>> commands{
      {"inspect", "app:1.0"}, {"digest", "app:1.0"}, {"tags", "app"}, {"pull", "app:1.0", "--store-only"}};
  for (std::vector<std::string> words : commands) {
    words.insert(words.end(), {"-r", registry.host(), "-v"});
    const outcome found = place.run(words);
    INFO(words.front() << ": " << found.err);
    CHECK(found.status == 0);
    CHECK(found.err.find("trying " + registry.host() + "/library/app") != std::string::npos);
  }
  // What was not named is not deleted.
  CHECK(place.run({"delete", "-r", registry.host(), "app:1.0"}).status != 0);
  CHECK(place.run({"digest", registry.host() + "/library/app:1.0"}).ok());
  const outcome absent = place.run({"digest", "-r", registry.host(), "other:1.0"});
  CHECK(absent.status == 4);
}

TEST_CASE("a scheme that was written is kept", "[integration]") {
  const served s;
  CHECK(s.place.run({"digest", "-r", s.registry.host(), "team/classic:1.0"}).ok());
  CHECK(s.place.run({"digest", "-r", "http://" + s.registry.host(), "team/classic:1.0"}).ok());
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"digest", "-r", "https://" + s.registry.host(), "team/classic:1.0"},
        std::vector<std::string>{"repos", "https://" + s.registry.host()}}) {
    const outcome refused = s.place.run(words);
    INFO(refused.err);
    CHECK(refused.status == 1);
    CHECK(refused.err.find("answers without TLS") != std::string::npos);
    CHECK(refused.err.find("--plain-http=" + s.registry.host()) != std::string::npos);
  }
  CHECK(s.place.run({"repos", "https://" + s.registry.host(), "--plain-http"}).status == 2);
}

TEST_CASE("with -v a question says how its host answers, and without it nothing", "[integration]") {
  served s;
  const outcome told = s.place.run({"tags", "-v", s.image("multi")});
  INFO(told.err);
  REQUIRE(told.ok());
  CHECK(told.err.find("GET http://" + s.registry.host() + "/v2/team/multi/tags/list -> 200 OK") != std::string::npos);
  CHECK(s.place.run({"tags", s.image("multi")}).err == "");
}

TEST_CASE("with -v a pull says where its blobs come from", "[integration]") {
  served s;
  const outcome told = s.place.run({"pull", "-v", "--store-only", s.image("multi:1.0")});
  INFO(told.err);
  REQUIRE(told.ok());
  const std::string line = "blobs come from " + s.registry.host() + "\n";
  const std::size_t at = told.err.find(line);
  REQUIRE(at != std::string::npos);
  CHECK(told.err.find(line, at + 1) == std::string::npos);
}

TEST_CASE("a time limit that ends before anything has arrived promises nothing to go on with", "[integration]") {
  const workplace place;
  const socket_handle silent = listen_on_loopback();
  const std::string image = "127.0.0.1:" + std::to_string(port_of(silent)) + "/team/app:1";
  const outcome stopped = place.run({"pull", image, "--plain-http", "--timeout", "1s"});
  INFO(stopped.err);
  CHECK(stopped.status == 1);
  CHECK(stopped.err.find("the time that --timeout allows") != std::string::npos);
  CHECK(stopped.err.find("goes on with what has arrived") == std::string::npos);
}
