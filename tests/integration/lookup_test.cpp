#include "integration/shelf.hpp"
#include "integration/workplace.hpp"

#include "support/catch.hpp"
#include "support/servers.hpp"

#include <boost/json/parse.hpp>

#include <filesystem>
#include <set>
#include <sstream>

using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

struct served {
  explicit served(registry_options options = {shelf()}) : registry(directory / "registry", std::move(options)) {}

  temp_dir directory;
  docker_registry registry;
  workplace place;

  std::string name(const std::string& repository) const { return registry.host() + "/team/" + repository; }
};

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
      run_or_throw({{"skopeo", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false", "docker://" + from.name("classic:1.0"),
                     "docker://" + to.host() + "/team/app:" + tag}});
    }
    return storage.path();
  }
  inline static temp_dir storage;
};

}  // namespace

TEST_CASE("digests are those that skopeo finds", "[integration]") {
  const served s;
  const skopeo_facts facts = ask_skopeo("docker://" + s.name("multi:1.0"), {"--tls-verify=false"}, "arm64");
  const outcome top = s.place.run({"digest", s.name("multi:1.0")});
  INFO(top.err);
  CHECK(top.status == 0);
  CHECK(top.out == facts.digest + "\n");
  CHECK(s.place.run({"digest", "-a", "arm64", s.name("multi:1.0")}).out == facts.manifest_digest + "\n");
  const outcome missing = s.place.run({"digest", s.name("multi:2.0")});
  CHECK(missing.status == 4);
  CHECK(missing.out.empty());
  CHECK(missing.err.find("multi:2.0 was not found") != std::string::npos);
}

TEST_CASE("documents are printed as they are served", "[integration]") {
  const served s;
  const std::string image = "docker://" + s.name("multi:1.0");
  CHECK(s.place.run({"inspect", "--raw", s.name("multi:1.0")}).out ==
        run_or_throw({{"skopeo", "inspect", "--raw", "--tls-verify=false", image}}));
  CHECK(s.place.run({"inspect", "--config", "-a", "arm64", s.name("multi:1.0")}).out ==
        run_or_throw({{"skopeo", "inspect", "--raw", "--config", "--tls-verify=false", "--override-arch", "arm64", image}}));
}

TEST_CASE("inspect shows every platform with its size", "[integration]") {
  const served s;
  const outcome text = s.place.run({"inspect", s.name("multi:1.0")});
  INFO(text.out << text.err);
  CHECK(text.status == 0);
  for (const std::string word : {"linux/amd64", "linux/arm64", "linux/arm/v7", "attestation", "media type"})
    CHECK(text.out.find(word) != std::string::npos);
  const auto found = boost::json::parse(s.place.run({"inspect", "--json", s.name("multi:1.0")}).out).as_object();
  CHECK(found.at("manifests").as_array().size() == 4);
  const auto single = boost::json::parse(s.place.run({"inspect", "--json", s.name("classic:1.0")}).out).as_object();
  const auto& only = single.at("manifests").as_array().at(0).as_object();
  CHECK(only.at("digest") == single.at("digest"));
  CHECK(only.at("layers").as_array().size() == 3);
  CHECK(s.place.run({"inspect", "--platform", "linux/riscv64", s.name("multi:1.0")}).status == 4);
}

TEST_CASE("tags are listed, filtered and ordered", "[integration]") {
  writable s;
  CHECK(lines(s.place.run({"tags", s.name("app")}).out) == std::set<std::string>{"1.9.0", "1.10.0", "2.0.0"});
  CHECK(s.place.run({"tags", "--semver", "1.x", s.name("app")}).out == "1.10.0\n1.9.0\n");
  CHECK(s.place.run({"tags", "--latest", "1", s.name("app")}).out == "2.0.0\n");
  CHECK(s.place.run({"tags", "--filter", "2.*", s.name("app")}).out == "2.0.0\n");
  CHECK(s.place.run({"tags", "--filter", "(", s.name("app")}).status == 2);
  CHECK(s.place.run({"tags", s.name("absent")}).status == 4);
}

TEST_CASE("repositories are listed", "[integration]") {
  const served s;
  const outcome listed = s.place.run({"repos", s.registry.host()});
  INFO(listed.err);
  CHECK(listed.status == 0);
  CHECK(lines(listed.out).contains("team/multi"));
}

TEST_CASE("a manifest is deleted by digest, and with it its tags", "[integration]") {
  writable s;
  const outcome by_tag = s.place.run({"delete", s.name("app:2.0.0")});
  INFO(by_tag.err);
  CHECK(by_tag.status == 1);
  CHECK(by_tag.out.empty());
  CHECK(by_tag.err.find("does not delete by tag") != std::string::npos);

  std::string digest = s.place.run({"digest", s.name("app:2.0.0")}).out;
  digest.pop_back();
  const outcome gone = s.place.run({"delete", s.name("app") + "@" + digest});
  INFO(gone.err);
  CHECK(gone.status == 0);
  CHECK(gone.out == "deleted " + s.name("app") + "@" + digest + "\n");
  CHECK(s.place.run({"digest", s.name("app:2.0.0")}).status == 4);
  CHECK(s.place.run({"delete", s.name("app") + "@" + digest}).status == 4);
}
