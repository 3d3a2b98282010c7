#include "integration/served.hpp"

#include "support/catch.hpp"
#include "support/sha256.hpp"
#include "support/store_check.hpp"

#include <boost/json/parse.hpp>

using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

std::string tar_member(const fs::path& archive, const std::string& name) { return run_or_throw({{"tar", "-xOf", archive.string(), name}}); }

void check_digests(const outcome& result, const skopeo_facts& facts) {
  INFO(result.err);
  REQUIRE(result.status == 0);
  const boost::json::object pulled = only_image(result);
  CHECK(pulled.at("digest").as_string() == facts.digest);
  CHECK(pulled.at("manifest_digest").as_string() == facts.manifest_digest);
  CHECK(pulled.at("image_id").as_string() == facts.config_digest);
}

}  // namespace

TEST_CASE("of an index the platform that was asked for is pulled", "[integration]") {
  served s;
  for (const std::string architecture : {"amd64", "arm64"}) {
    const outcome result = s.place.run({"pull", "--platform", "linux/" + architecture, "--json", s.image("multi:1.0")});
    check_digests(result, ask_skopeo("docker://" + s.image("multi:1.0"), {"--tls-verify=false"}, architecture));
    const fs::path archive(std::string(only_image(result).at("path").as_string()));
    CHECK(archive.filename().string().find(architecture) != std::string::npos);
    CHECK(run({{"skopeo", "inspect", "docker-archive:" + (s.place.path() / archive).string()}}).ok());
  }
  CHECK(s.place.files().size() == 2);
  CHECK(store_problems(s.place.store()) == "");
}

TEST_CASE("arm/v7 is found and named", "[integration]") {
  served s;
  const outcome result = s.place.run({"pull", "-a", "arm/v7", s.image("multi:1.0")});
  INFO(result.err);
  REQUIRE(result.status == 0);
  REQUIRE(s.place.files().size() == 1);
  CHECK(s.place.files().begin()->ends_with("team_multi_1.0_armv7.tar"));
}

TEST_CASE("archives for each platform leave one name in the store, and without it nothing", "[integration]") {
  served s;
  const outcome result = s.place.run({"pull", "--all-platforms", s.image("multi:1.0")});
  INFO(result.err);
  REQUIRE(result.status == 0);
  CHECK(s.place.files().size() > 1);
  const std::string listed = s.place.run({"list"}).out;
  CHECK(listed.find(s.image("multi:1.0")) != std::string::npos);
  CHECK(listed.find("@sha256:") == std::string::npos);
  CHECK(result.err.find("@sha256:") == std::string::npos);
  REQUIRE(s.place.run({"clean", s.image("multi:1.0")}).ok());
  CHECK(stored_bytes(s.place.store()) == 0);
  // A name with a digest that somebody has written is one.
  const std::string pinned = s.image("multi") + "@" + ask_skopeo("docker://" + s.image("multi:1.0"), {"--tls-verify=false"}).digest;
  REQUIRE(s.place.run({"pull", "--all-platforms", pinned}).ok());
  CHECK(s.place.run({"list"}).out.find(pinned) != std::string::npos);
}

TEST_CASE("all platforms of an index go into one archive with the index and its attestation", "[integration]") {
  served s;
  const outcome result = s.place.run({"pull", "--all-platforms", "-f", "oci", "-o", "all.tar", s.image("multi:1.0")});
  INFO(result.err);
  REQUIRE(result.status == 0);
  const std::string digest = ask_skopeo("docker://" + s.image("multi:1.0"), {"--tls-verify=false"}).digest;
  const boost::json::value index = boost::json::parse(tar_member(s.place / "all.tar", "index.json"));
  CHECK(index.at("manifests").at(0).at("digest").as_string() == digest);
  CHECK(sha256_of(tar_member(s.place / "all.tar", "blobs/sha256/" + digest.substr(7))) == digest);
  run_or_throw({{"skopeo", "copy", "-q", "--all", "oci-archive:" + (s.place / "all.tar").string(),
                 "oci:" + (s.directory / "copy").string() + ":1.0"}});
  CHECK(sha256_of(run_or_throw({{"skopeo", "inspect", "--raw", "oci:" + (s.directory / "copy").string() + ":1.0"}})) == digest);
}

TEST_CASE("with --attestations one platform keeps what describes it, from archive to store to registry", "[integration]") {
  served s;
  const workplace there;
  const docker_registry other(s.directory / "other", {s.directory / "other-storage"});
  const std::string name = s.image("multi:1.0");
  const std::string manifest = ask_skopeo("docker://" + name, {"--tls-verify=false"}).manifest_digest;
  const auto done = [](const workplace& where, std::vector<std::string> words) {
    const outcome result = where.run(std::move(words));
    INFO(result.err);
    REQUIRE(result.ok());
  };
  const auto listed = [](const fs::path& archive) {
    return std::string(boost::json::parse(tar_member(archive, "index.json")).at("manifests").at(0).at("digest").as_string());
  };
  const auto with_attestation = [&](const std::string& text) {
    const boost::json::value index = boost::json::parse(text);
    const boost::json::array& members = index.at("manifests").as_array();
    REQUIRE(members.size() == 2);
    CHECK(members[0].at("digest").as_string() == manifest);
    CHECK(members[1].at("annotations").at("vnd.docker.reference.digest").as_string() == manifest);
  };
  done(s.place, {"pull", "-a", "amd64", "-o", "without.tar", name});
  CHECK(listed(s.place / "without.tar") == manifest);

  for (const std::string format : {"docker", "oci"}) {
    CAPTURE(format);
    const std::string made = format + ".tar";
    done(s.place, {"pull", "-a", "amd64", "--attestations", "-f", format, "-o", made, name});
    const fs::path archive = s.place / made;
    const std::string top = listed(archive);
    with_attestation(tar_member(archive, "blobs/sha256/" + top.substr(7)));
    done(s.place, {"save", "-a", "amd64", "--attestations", "-f", format, "-o", "saved.tar", name});
    CHECK(slurp(s.place / "saved.tar") == slurp(archive));
    done(s.place, {"convert", "saved.tar", "--attestations", "-a", "amd64", "-f", format, "-o", "converted.tar"});
    CHECK(slurp(s.place / "converted.tar") == slurp(archive));

    fs::remove_all(there.store());
    done(there, {"extract", archive.string()});
    CHECK(store_problems(there.store()) == "");
    done(there, {"save", "--attestations", "-f", format, "-o", "again.tar", name});
    CHECK(slurp(there / "again.tar") == slurp(archive));
    done(there, {"push", name, other.host() + "/team/" + format + ":1"});
    done(there, {"push", archive.string(), other.host() + "/team/" + format + ":2"});
    for (const std::string tag : {":1", ":2"}) {
      const std::string raw =
          run_or_throw({{"skopeo", "inspect", "--raw", "--tls-verify=false", "docker://" + other.host() + "/team/" + format + tag}});
      CHECK(sha256_of(raw) == top);
      with_attestation(raw);
    }
  }
  CHECK(tar_member(s.place / "docker.tar", "manifest.json") == tar_member(s.place / "without.tar", "manifest.json"));
  done(s.place, {"convert", "oci.tar", "--attestations", "-f", "oci-dir", "-o", "layout"});
  done(s.place, {"convert", "layout", "-f", "oci", "-o", "back.tar"});
  CHECK(slurp(s.place / "back.tar") == slurp(s.place / "oci.tar"));

  // Of an image without attestations there is nothing to say.
  done(s.place, {"pull", "-o", "plain.tar", s.image("classic:1.0")});
  const outcome same = s.place.run({"pull", "--attestations", "-q", "-o", "same.tar", s.image("classic:1.0")});
  REQUIRE(same.ok());
  CHECK(same.err == "");
  CHECK(slurp(s.place / "same.tar") == slurp(s.place / "plain.tar"));

  const outcome refused = s.place.run({"pull", "--attestations", "-f", "synology", "-o", "old.tar", name});
  CHECK(refused.status == 2);
  CHECK_THAT(refused.err, Catch::Contains("--attestations has no meaning for the format synology"));
}

TEST_CASE("an image with Docker media types keeps its digests", "[integration]") {
  served s;
  const skopeo_facts facts = ask_skopeo("docker://" + s.image("classic:1.0"), {"--tls-verify=false"});
  check_digests(s.place.run({"pull", "-o", "classic.tar", "--json", s.image("classic:1.0")}), facts);
  run_or_throw(
      {{"skopeo", "copy", "-q", "docker-archive:" + (s.place / "classic.tar").string(), "dir:" + (s.directory / "copy").string()}});
  CHECK(ask_skopeo("dir:" + (s.directory / "copy").string(), {}).config_digest == facts.config_digest);
  CHECK(sha256_of(tar_member(s.place / "classic.tar", "blobs/sha256/" + facts.manifest_digest.substr(7))) == facts.manifest_digest);
  check_digests(s.place.run({"pull", "-o", "list.tar", "--platform", "linux/arm64", "--json", s.image("classic-list:1.0")}),
                ask_skopeo("docker://" + s.image("classic-list:1.0"), {"--tls-verify=false"}, "arm64"));
}

TEST_CASE("the store can be read as an OCI layout by skopeo", "[integration]") {
  served s;
  // skopeo 1.9 finds OCI media types only in such a layout.
  REQUIRE(s.place.run({"pull", "--platform", "linux/arm64", "--store-only", s.image("multi:1.0")}).ok());
  CHECK(s.place.files().empty());
  const skopeo_facts facts = ask_skopeo("docker://" + s.image("multi:1.0"), {"--tls-verify=false"}, "arm64");
  CHECK(ask_skopeo("oci:" + s.place.store().string() + ":" + s.image("multi:1.0"), {}).digest == facts.manifest_digest);
}

TEST_CASE("a gzip archive is the plain archive compressed", "[integration]") {
  served s;
  REQUIRE(s.place.run({"pull", "-o", "a.tar", s.image("classic:1.0")}).ok());
  REQUIRE(s.place.run({"pull", "-o", "a.tar.gz", s.image("classic:1.0")}).ok());
  run_or_throw({{"gzip", "-dk", (s.place / "a.tar.gz").string(), "-c"}});
  CHECK(sha256_of(run_or_throw({{"gzip", "-dc", (s.place / "a.tar.gz").string()}})) == sha256_of_file(s.place / "a.tar"));
}

TEST_CASE("an archive goes to standard output", "[integration]") {
  served s;
  REQUIRE(s.place.run({"pull", "-o", "a.tar", s.image("classic:1.0")}).ok());
  const outcome streamed = s.place.run({"pull", "-o", "-", s.image("classic:1.0")});
  INFO(streamed.err);
  REQUIRE(streamed.ok());
  CHECK(sha256_of(streamed.out) == sha256_of_file(s.place / "a.tar"));
}

TEST_CASE("a registry with htpasswd is read with user and password", "[integration]") {
  served s({shelf(), "jane", "correct horse"});
  command pull = s.place.gantry({"pull", "-u", "jane", "--password-stdin", "-o", "a.tar", s.image("classic:1.0")});
  pull.input = "correct horse\n";
  const outcome by_stdin = run(pull);
  INFO(by_stdin.err);
  CHECK(by_stdin.ok());

  // `docker login` keeps them like this: base64 of jane:correct horse.
  spill(s.place / "home/.docker/config.json", R"({"auths":{")" + s.registry.host() + R"(":{"auth":"amFuZTpjb3JyZWN0IGhvcnNl"}}})");
  const outcome by_file = s.place.run({"pull", "-o", "b.tar", s.image("classic:1.0")});
  INFO(by_file.err);
  CHECK(by_file.ok());
}

TEST_CASE("a registry with TLS is trusted with its authority or with --insecure only", "[integration]") {
  served s({shelf(), "", "", true});
  const std::string authority = s.registry.certificates().authority.string();
  const outcome trusted = s.place.run({"pull", "-j", "8", "--ca-cert", authority, "-o", "a.tar", "--json", s.image("classic:1.0")});
  check_digests(trusted, ask_skopeo("docker://" + s.image("classic:1.0"), {"--tls-verify=false"}));

  const outcome unknown = s.place.run({"pull", "-o", "b.tar", s.image("multi:1.0")});
  INFO(unknown.err);
  CHECK(unknown.status == 1);
  CHECK(unknown.err.find("certificate") != std::string::npos);
  CHECK(unknown.err.find("--ca-cert") != std::string::npos);

  const outcome loud = s.place.run({"pull", "--insecure", "-o", "c.tar", s.image("multi:1.0")});
  INFO(loud.err);
  CHECK(loud.ok());
  CHECK(s.place.files() == std::set<std::string>{"a.tar", "c.tar"});
}

TEST_CASE("in environment mode the image becomes a gzip archive and its facts go to GITHUB_OUTPUT", "[integration]") {
  served s;
  const outcome result = s.place.run({}, {{"IMAGE_REF", s.image("multi:1.0")}, {"GITHUB_OUTPUT", (s.directory / "facts").string()}});
  INFO(result.err);
  REQUIRE(result.ok());
  REQUIRE(s.place.files().size() == 1);
  const fs::path archive = s.place / *s.place.files().begin();
  CHECK(archive.string().ends_with("_amd64.tar.gz"));
  CHECK(run({{"gzip", "-t", archive.string()}}).ok());
  const std::string written = slurp(s.directory / "facts");
  const skopeo_facts facts = ask_skopeo("docker://" + s.image("multi:1.0"), {"--tls-verify=false"});
  CHECK(written.find("archive_path=" + archive.string() + "\n") != std::string::npos);
  CHECK(written.find("archive_size=" + std::to_string(fs::file_size(archive)) + "\n") != std::string::npos);
  CHECK(written.find("digest=" + facts.digest + "\n") != std::string::npos);
  CHECK(written.find("manifest_digest=" + facts.manifest_digest + "\n") != std::string::npos);
  CHECK(written.find("image_id=" + facts.config_digest + "\n") != std::string::npos);
}

TEST_CASE("a second pull fetches no blob", "[integration]") {
  served s;
  REQUIRE(s.place.run({"pull", "-o", "a.tar", s.image("classic:1.0")}).ok());
  const outcome again = s.place.run({"pull", "-o", "b.tar", "--progress", "json", s.image("classic:1.0")});
  INFO(again.err);
  REQUIRE(again.ok());
  CHECK(again.err.find("\"blob_started\"") == std::string::npos);
  CHECK(sha256_of_file(s.place / "a.tar") == sha256_of_file(s.place / "b.tar"));
}
