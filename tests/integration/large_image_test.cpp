#include "integration/shelf.hpp"
#include "integration/workplace.hpp"

#include "support/catch.hpp"
#include "support/servers.hpp"
#include "support/sha256.hpp"

using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

struct served {
  temp_dir directory;
  docker_registry registry{directory / "registry", {shelf()}};
  std::string image = registry.host() + "/team/large:1.0";
  skopeo_facts facts = ask_skopeo("docker://" + image, {"--tls-verify=false"});
  workplace place;

  /// Pulls into \p file; checks result and store.
  void pull(const std::string& file, const std::string& jobs, const std::string& format) {
    const outcome result = place.run({"pull", "-j", jobs, "-f", format, "-o", file, "--json", image});
    INFO(result.err);
    REQUIRE(result.status == 0);
    const boost::json::object pulled = only_image(result);
    CHECK(pulled.at("digest").as_string() == facts.digest);
    CHECK(pulled.at("manifest_digest").as_string() == facts.manifest_digest);
    CHECK(pulled.at("image_id").as_string() == facts.config_digest);
    CHECK(fs::file_size(place / file) == pulled.at("archive_size").to_number<std::uint64_t>());
    CHECK(fs::file_size(place / file) > large_bytes);
    CHECK(place.files().count(file) == 1);
    CHECK(place.files().size() == 1);
    CHECK(store_problems(place.store()) == "");
  }

  /// Loads an archive with podman into a storage of its own; returns the image IDs it has then.
  std::string load(const std::string& file) {
    const std::vector<std::string> podman{"podman",    "--storage-driver",          "vfs", "--root", (directory / "graph").string(),
                                          "--runroot", (directory / "run").string()};
    std::vector<std::string> words = podman;
    words.insert(words.end(), {"load", "-q", "-i", (place / file).string()});
    INFO(run_or_throw(command{words}));
    words = podman;
    words.insert(words.end(), {"images", "--no-trunc", "--format", "{{.ID}} {{.Repository}}:{{.Tag}}"});
    return run_or_throw(command{words});
  }

  /// Copies an archive with skopeo; returns the digest of the config that arrived.
  std::string copy(const std::string& source, const std::string& target) {
    run_or_throw({{"skopeo", "copy", "-q", source, target}});
    return ask_skopeo(target, {}).config_digest;
  }
};

}  // namespace

TEST_CASE("a large image pulled with one connection loads in podman and skopeo", "[integration][slow]") {
  served s;
  s.pull("large.tar", "1", "docker");
  CHECK(s.load("large.tar") == s.facts.config_digest + " " + s.image + "\n");
  fs::remove_all(s.directory / "graph");
  CHECK(s.copy("docker-archive:" + (s.place / "large.tar").string(), "dir:" + (s.directory / "copy1").string()) == s.facts.config_digest);
  CHECK(s.copy("oci-archive:" + (s.place / "large.tar").string(), "oci:" + (s.directory / "copy2").string() + ":1.0") ==
        s.facts.config_digest);
}

TEST_CASE("a large image pulled with eight connections into an OCI archive loads in podman and skopeo", "[integration][slow]") {
  served s;
  s.pull("large.tar", "8", "oci");
  CHECK(s.load("large.tar") == s.facts.config_digest + " " + s.image + "\n");
  fs::remove_all(s.directory / "graph");
  CHECK(s.copy("oci-archive:" + (s.place / "large.tar").string(), "oci:" + (s.directory / "copy").string() + ":1.0") ==
        s.facts.config_digest);
  const skopeo_facts inside = ask_skopeo("oci-archive:" + (s.place / "large.tar").string(), {});
  CHECK(inside.digest == s.facts.digest);
}

TEST_CASE("the archive of a large image does not depend on the connections or the store", "[integration][slow]") {
  served s;
  s.pull("large.tar", "8", "docker");
  const std::string cold = sha256_of_file(s.place / "large.tar");
  s.pull("large.tar", "1", "docker");
  CHECK(sha256_of_file(s.place / "large.tar") == cold);
  fs::remove_all(s.place.store());
  s.pull("large.tar", "1", "docker");
  CHECK(sha256_of_file(s.place / "large.tar") == cold);
}
