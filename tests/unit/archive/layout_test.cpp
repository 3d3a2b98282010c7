#include "archive/layout.hpp"

#include "archive/documents.hpp"
#include "archive/tar.hpp"
#include "archive_fixture.hpp"
#include "model/digester.hpp"
#include "model/json_writer.hpp"
#include "support/catch.hpp"

#include <boost/json.hpp>

#include <algorithm>

using namespace gantry;
using namespace gantry::archive;
using fixture::build_image;
using fixture::memory_blobs;
using fixture::multi;
using fixture::name_of;
using fixture::single;

namespace {

namespace json = boost::json;

layout docker(const std::vector<archived_image>& images) {
  const result<layout> plan = plan_docker(images, fixture::platform_of("linux/amd64"));
  REQUIRE(plan.has_value());
  return *plan;
}

layout oci(const std::vector<archived_image>& images) {
  const result<layout> plan = plan_oci(images);
  REQUIRE(plan.has_value());
  return *plan;
}

std::vector<std::string> names(const layout& plan) {
  std::vector<std::string> all;
  for (const entry& member : plan.entries) all.push_back(member.name);
  return all;
}

bool holds(const layout& plan, const std::string& name) {
  const std::vector<std::string> all = names(plan);
  return std::find(all.begin(), all.end(), name) != all.end();
}

/// The document of that name, which the layout carries as bytes.
json::value document(const layout& plan, const std::string& name) {
  for (const entry& member : plan.entries) {
    if (member.name != name) continue;
    const auto& text = std::get<std::string>(member.content);
    REQUIRE(text.size() == member.size);
    return json::parse(text);
  }
  FAIL("no " << name);
  return {};
}

json::array listed(const layout& plan) { return document(plan, "index.json").at("manifests").as_array(); }

std::string digest_at(const json::array& list, std::size_t i) { return std::string(list.at(i).at("digest").as_string()); }

std::string annotation(const json::value& entry, const char* name) {
  const json::object* all = entry.as_object().contains("annotations") ? &entry.at("annotations").as_object() : nullptr;
  return all != nullptr && all->contains(name) ? std::string(all->at(name).as_string()) : std::string();
}

std::string full_name(const json::value& entry) { return annotation(entry, "io.containerd.image.name"); }
std::string ref_name(const json::value& entry) { return annotation(entry, "org.opencontainers.image.ref.name"); }

/// What manifest.json says, compact: "config-digits [tags] layer-count; ...".
std::string docker_entries(const layout& plan) { return json::serialize(document(plan, "manifest.json")); }

}  // namespace

TEST_CASE("an archive of one image has its members in the fixed order") {
  memory_blobs blobs;
  const archived_manifest image = build_image(blobs, "amd64", {"one", "two"});
  const layout plan = docker({single(image, "nginx:1.25")});
  const std::vector<std::string> expected{"oci-layout",
                                          "blobs/",
                                          "blobs/sha256/",
                                          blob_path(image.config->digest),
                                          blob_path(image.layers[0].digest),
                                          blob_path(image.layers[1].digest),
                                          blob_path(image.manifest.digest),
                                          "index.json",
                                          "manifest.json",
                                          "repositories"};
  CHECK(names(plan) == expected);
  CHECK(document(plan, "oci-layout").at("imageLayoutVersion").as_string() == "1.0.0");
  CHECK(plan.notes.empty());
}

TEST_CASE("offsets are those of a tar: headers and contents at blocks, two blocks at the end") {
  memory_blobs blobs;
  const layout plan = docker({single(build_image(blobs, "amd64", {"one", "two"}), "nginx:1.25")});
  std::uint64_t at = 0;
  for (const entry& member : plan.entries) {
    CHECK(member.header_offset == at);
    CHECK(member.data_offset == at + tar_block);
    at = member.data_offset + member.size + tar_padding(member.size);
  }
  CHECK(plan.size == at + tar_end_size);
}

TEST_CASE("the documents of a tagged image name it as docker and containerd do") {
  memory_blobs blobs;
  const archived_manifest image = build_image(blobs, "amd64", {"one", "two"});
  const layout plan = docker({single(image, "nginx:1.25")});
  const json::array list = listed(plan);
  REQUIRE(list.size() == 1);
  CHECK(digest_at(list, 0) == image.manifest.digest.string());
  CHECK(list[0].at("mediaType").as_string() == image.manifest.media_type);
  CHECK(list[0].at("size").to_number<std::uint64_t>() == image.manifest.size);
  CHECK(json::serialize(list[0].at("platform")) == R"({"architecture":"amd64","os":"linux"})");
  CHECK(full_name(list[0]) == "docker.io/library/nginx:1.25");
  CHECK(ref_name(list[0]) == "1.25");
  CHECK(docker_entries(plan) == R"([{"Config":")" + blob_path(image.config->digest) + R"(","RepoTags":["nginx:1.25"],"Layers":[")" +
                                    blob_path(image.layers[0].digest) + R"(",")" + blob_path(image.layers[1].digest) + R"("]}])");
  CHECK(json::serialize(document(plan, "repositories")) ==
        R"({"nginx":{"1.25":")" + std::string(image.layers[1].digest.encoded()) + R"("}})");
}

TEST_CASE("other registries keep their name in RepoTags") {
  memory_blobs blobs;
  const layout plan = docker({single(build_image(blobs, "amd64", {"x"}), "localhost:5000/a/b:v1")});
  CHECK(docker_entries(plan).find(R"("RepoTags":["localhost:5000/a/b:v1"])") != std::string::npos);
  CHECK(document(plan, "repositories").as_object().contains("localhost:5000/a/b"));
}

TEST_CASE("an image pulled by digest has no tags, and a digest that fits names it in index.json") {
  memory_blobs blobs;
  const archived_manifest image = build_image(blobs, "amd64", {"x"});
  for (const std::string& name : {std::string(), "nginx@" + image.manifest.digest.string()}) {
    CAPTURE(name);
    const layout plan = docker({single(image, name)});
    CHECK(docker_entries(plan).find(R"("RepoTags":null)") != std::string::npos);
    CHECK_FALSE(holds(plan, "repositories"));
    const json::array list = listed(plan);
    REQUIRE(list.size() == 1);
    CHECK(full_name(list[0]) == (name.empty() ? "" : "docker.io/library/nginx@" + image.manifest.digest.string()));
    CHECK(ref_name(list[0]).empty());
  }
}

TEST_CASE("tags without a repository stand in index.json while there is no name") {
  memory_blobs blobs;
  archived_image image = single(build_image(blobs, "amd64", {"x"}), "");
  image.bare_tags = {"v7", "latest"};
  const layout plan = docker({image});
  CHECK(docker_entries(plan).find(R"("RepoTags":null)") != std::string::npos);
  const json::array list = listed(plan);
  REQUIRE(list.size() == 2);
  CHECK(ref_name(list[0]) == "v7");
  CHECK(ref_name(list[1]) == "latest");
  CHECK(full_name(list[0]).empty());
  image.names = single(image.manifests.front(), "nginx:1.25").names;
  const json::array named = listed(docker({image}));
  REQUIRE(named.size() == 1);
  CHECK(ref_name(named[0]) == "1.25");
}

TEST_CASE("the digest of an index does not name one manifest of it") {
  memory_blobs blobs;
  archived_image image = multi(blobs, {build_image(blobs, "amd64", {"x"})}, "", false);
  image.names = {name_of("nginx@" + image.top.digest.string())};
  const json::array list = listed(docker({image}));
  REQUIRE(list.size() == 1);
  CHECK(digest_at(list, 0) == image.manifests[0].manifest.digest.string());
  CHECK(full_name(list[0]).empty());
}

TEST_CASE("of a name with tag and digest the tag remains") {
  memory_blobs blobs;
  const archived_manifest image = build_image(blobs, "amd64", {"x"});
  const layout plan = docker({single(image, "nginx:1.25@" + image.manifest.digest.string())});
  CHECK(docker_entries(plan).find(R"("RepoTags":["nginx:1.25"])") != std::string::npos);
  CHECK(full_name(listed(plan)[0]) == "docker.io/library/nginx:1.25");
}

TEST_CASE("one platform of an index stands in index.json by its manifest, and the index is left out") {
  memory_blobs blobs;
  const archived_image image = multi(blobs, {build_image(blobs, "arm64", {"x"})}, "nginx:1.25", false);
  const layout plan = docker({image});
  const json::array list = listed(plan);
  REQUIRE(list.size() == 1);
  CHECK(digest_at(list, 0) == image.manifests[0].manifest.digest.string());
  CHECK(list[0].at("platform").at("architecture").as_string() == "arm64");
  CHECK_FALSE(holds(plan, blob_path(image.top.digest)));
}

TEST_CASE("a whole index stands in index.json as it was served") {
  memory_blobs blobs;
  const archived_image image = multi(blobs, {build_image(blobs, "amd64", {"x"}), build_image(blobs, "arm64", {"y"})}, "nginx:1.25", true);
  const layout plan = docker({image});
  const json::array list = listed(plan);
  REQUIRE(list.size() == 1);
  CHECK(digest_at(list, 0) == image.top.digest.string());
  CHECK(holds(plan, blob_path(image.top.digest)));
}

TEST_CASE("some platforms of an index get an index of their own, in the same media types") {
  for (const bool docker_types : {false, true}) {
    CAPTURE(docker_types);
    memory_blobs blobs;
    const std::vector<archived_manifest> held{build_image(blobs, "amd64", {"x"}, docker_types),
                                              build_image(blobs, "arm64", {"y"}, docker_types)};
    const archived_image image = multi(blobs, held, "nginx:1.25", false, docker_types);
    const layout plan = docker({image});
    const json::array list = listed(plan);
    REQUIRE(list.size() == 1);
    CHECK(list[0].at("mediaType").as_string() == image.top.media_type);
    error_code ec;
    const digest made = digest::parse(digest_at(list, 0), ec);
    const json::value index = document(plan, blob_path(made));
    CHECK(index.at("mediaType").as_string() == image.top.media_type);
    REQUIRE(index.at("manifests").as_array().size() == 2);
    for (std::size_t i = 0; i < held.size(); ++i) {
      CHECK(digest_at(index.at("manifests").as_array(), i) == held[i].manifest.digest.string());
      CHECK(index.at("manifests").at(i).at("platform").at("architecture").as_string() == held[i].platform.architecture);
    }
  }
}

TEST_CASE("the tag in manifest.json goes to this machine's platform, else to the first that was asked for") {
  memory_blobs blobs;
  const archived_manifest arm = build_image(blobs, "arm64", {"x"});
  const archived_manifest amd = build_image(blobs, "amd64", {"y"});
  const archived_manifest riscv = build_image(blobs, "riscv64", {"z"});
  const layout here = docker({multi(blobs, {arm, amd}, "nginx:1.25", false)});
  CHECK(document(here, "manifest.json").as_array().size() == 1);
  CHECK(docker_entries(here).find(blob_path(amd.config->digest)) != std::string::npos);
  REQUIRE(here.notes.size() == 1);
  CHECK(here.notes[0].find("linux/arm64, linux/amd64") != std::string::npos);
  CHECK(here.notes[0].find("will see linux/amd64 only") != std::string::npos);

  const layout elsewhere = docker({multi(blobs, {riscv, arm}, "nginx:1.25", false)});
  CHECK(docker_entries(elsewhere).find(blob_path(riscv.config->digest)) != std::string::npos);
}

TEST_CASE("attestations travel and never enter manifest.json") {
  memory_blobs blobs;
  archived_manifest attestation = build_image(blobs, "amd64", {"statement"});
  attestation.attestation = true;
  attestation.platform = {"unknown", "unknown", "", "", {}};
  attestation.manifest.annotations["vnd.docker.reference.type"] = "attestation-manifest";
  const archived_manifest amd = build_image(blobs, "amd64", {"x"});
  const archived_manifest arm = build_image(blobs, "arm64", {"y"});

  const layout one = docker({multi(blobs, {amd, attestation}, "nginx:1", false)});
  CHECK(document(one, "manifest.json").as_array().size() == 1);
  CHECK(listed(one).size() == 1);
  CHECK(digest_at(listed(one), 0) == amd.manifest.digest.string());
  CHECK(holds(one, blob_path(attestation.manifest.digest)));
  CHECK(one.notes.empty());

  const layout two = docker({multi(blobs, {attestation, arm, amd}, "nginx:1", false)});
  CHECK(document(two, "manifest.json").as_array().size() == 1);
  error_code ec;
  const json::value index = document(two, blob_path(digest::parse(digest_at(listed(two), 0), ec)));
  REQUIRE(index.at("manifests").as_array().size() == 3);
  CHECK(annotation(index.at("manifests").at(0), "vnd.docker.reference.type") == "attestation-manifest");
  CHECK(two.notes[0].find("unknown") == std::string::npos);
}

TEST_CASE("what is listed of an image: its manifest, its index, or an index made of what is held") {
  memory_blobs blobs;
  const archived_manifest amd = build_image(blobs, "amd64", {"x"});
  const archived_manifest arm = build_image(blobs, "arm64", {"y"});
  const auto attestation_of = [&blobs](const archived_manifest& subject, const std::string& statement) {
    archived_manifest attestation = build_image(blobs, "amd64", {statement});
    attestation.attestation = true;
    attestation.platform = {"unknown", "unknown", "", "", {}};
    attestation.manifest.annotations["vnd.docker.reference.type"] = "attestation-manifest";
    attestation.manifest.annotations["vnd.docker.reference.digest"] = subject.manifest.digest.string();
    return attestation;
  };
  const archived_manifest of_amd = attestation_of(amd, "about amd64");
  const archived_manifest of_arm = attestation_of(arm, "about arm64");
  const auto members = [](const archived_image& image) {
    std::string made;
    const descriptor top = listed_top(image, &made);
    std::vector<std::string> digests;
    if (made.empty()) return digests;
    CHECK(top.digest == model::digest_of(made));
    CHECK(top.size == made.size());
    CHECK(top.media_type == image.top.media_type);
    const json::value index = json::parse(made);
    for (const json::value& one : index.at("manifests").as_array()) digests.emplace_back(one.at("digest").as_string());
    return digests;
  };
  const auto digests = [](const std::vector<archived_manifest>& of) {
    std::vector<std::string> all;
    for (const archived_manifest& one : of) all.push_back(one.manifest.digest.string());
    return all;
  };

  archived_image one = multi(blobs, {of_amd, amd}, "nginx:1", false);
  CHECK(members(one).empty());
  CHECK(listed_top(one).digest == amd.manifest.digest);
  CHECK(listed_top(one).platform->architecture == "amd64");
  const descriptor without = listed_top(one);
  one.lists_attestations = true;
  CHECK(members(one) == digests({amd, of_amd}));
  // The same with docker's media types.
  archived_image classic = multi(blobs, {amd, of_amd}, "nginx:1", false, true);
  classic.lists_attestations = true;
  CHECK(members(classic) == digests({amd, of_amd}));
  // What describes another manifest is no part of it, and where nothing describes it the manifest is listed as ever.
  one.manifests = {amd, of_arm};
  CHECK(members(one).empty());
  CHECK(listed_top(one) == without);
  one.manifests = {amd};
  CHECK(listed_top(one) == without);

  for (const bool wanted : {false, true}) {
    archived_image several = multi(blobs, {amd, arm, of_amd, of_arm}, "nginx:1", false);
    several.lists_attestations = wanted;
    CHECK(members(several) == digests({amd, arm, of_amd, of_arm}));
    several.indexes = {several.top};
    CHECK(members(several).empty());
    CHECK(listed_top(several) == several.top);
    archived_image plain = single(amd, "nginx:1");
    plain.lists_attestations = wanted;
    CHECK(listed_top(plain).digest == amd.manifest.digest);
  }
}

TEST_CASE("with its attestations an image of one platform stands in index.json by an index, and in manifest.json as ever") {
  memory_blobs blobs;
  const archived_manifest amd = build_image(blobs, "amd64", {"x"});
  archived_manifest attestation = build_image(blobs, "amd64", {"statement"});
  attestation.attestation = true;
  attestation.platform = {"unknown", "unknown", "", "", {}};
  attestation.manifest.annotations["vnd.docker.reference.digest"] = amd.manifest.digest.string();
  archived_image image = multi(blobs, {amd, attestation}, "nginx:1", false);
  const layout without = docker({image});
  image.lists_attestations = true;
  const layout plan = docker({image});
  CHECK(docker_entries(plan) == docker_entries(without));
  CHECK(plan.notes.empty());
  REQUIRE(listed(plan).size() == 1);
  const std::string made = digest_at(listed(plan), 0);
  CHECK(made == listed_top(image).digest.string());
  CHECK(ref_name(listed(plan)[0]) == "1");
  CHECK(holds(plan, "blobs/sha256/" + made.substr(7)));
  CHECK(digest_at(listed(oci({image})), 0) == made);
}

TEST_CASE("several names of one image share its entry, and each stands in index.json") {
  memory_blobs blobs;
  archived_image image = single(build_image(blobs, "amd64", {"x"}), "nginx:1.25");
  image.names.push_back(name_of("nginx:latest"));
  image.names.push_back(name_of("nginx:1.25"));
  const layout plan = docker({image});
  CHECK(docker_entries(plan).find(R"("RepoTags":["nginx:1.25","nginx:latest"])") != std::string::npos);
  const json::array list = listed(plan);
  REQUIRE(list.size() == 2);
  CHECK(ref_name(list[0]) == "1.25");
  CHECK(ref_name(list[1]) == "latest");
}

TEST_CASE("equal tags of different repositories are told apart by the full name") {
  memory_blobs blobs;
  archived_image image = single(build_image(blobs, "amd64", {"x"}), "nginx:1");
  image.names.push_back(name_of("quay.io/nginx:1"));
  const json::array list = listed(docker({image}));
  REQUIRE(list.size() == 2);
  CHECK(ref_name(list[0]) == "docker.io/library/nginx:1");
  CHECK(ref_name(list[1]) == "quay.io/nginx:1");
  archived_image alone = single(build_image(blobs, "amd64", {"y"}), "nginx:1");
  CHECK(ref_name(listed(docker({alone}))[0]) == "1");
  alone.full_names = true;
  CHECK(ref_name(listed(docker({alone}))[0]) == "docker.io/library/nginx:1");
}

TEST_CASE("an image that was asked for twice is one image") {
  memory_blobs blobs;
  const archived_manifest image = build_image(blobs, "amd64", {"x"});
  const layout plan = docker({single(image, "nginx:1.25"), single(image, "nginx:latest"), single(image, "nginx:1.25")});
  CHECK(docker_entries(plan).find(R"("RepoTags":["nginx:1.25","nginx:latest"])") != std::string::npos);
  const json::array list = listed(plan);
  REQUIRE(list.size() == 2);
  CHECK(ref_name(list[0]) == "1.25");
  CHECK(ref_name(list[1]) == "latest");
}

TEST_CASE("images of one config share one entry with all tags") {
  memory_blobs blobs;
  const archived_manifest image = build_image(blobs, "amd64", {"x"});
  archived_manifest other = image;
  other.manifest = blobs.put("another manifest of the same config", other.manifest.media_type);
  const layout plan = docker({single(image, "nginx:1"), single(other, "quay.io/nginx:2")});
  CHECK(document(plan, "manifest.json").as_array().size() == 1);
  CHECK(docker_entries(plan).find(R"("RepoTags":["nginx:1","quay.io/nginx:2"])") != std::string::npos);
  CHECK(listed(plan).size() == 2);
}

TEST_CASE("an archive of several images shares blobs and uses full names") {
  memory_blobs blobs;
  const archived_manifest one = build_image(blobs, "amd64", {"shared", "one"});
  const archived_manifest two = build_image(blobs, "amd64", {"shared", "two"});
  REQUIRE(one.layers[0] == two.layers[0]);
  const layout plan = docker({single(one, "nginx:1"), single(two, "redis:7")});
  const std::vector<std::string> all = names(plan);
  CHECK(std::count(all.begin(), all.end(), blob_path(one.layers[0].digest)) == 1);
  CHECK(document(plan, "manifest.json").as_array().size() == 2);
  const json::array list = listed(plan);
  REQUIRE(list.size() == 2);
  CHECK(ref_name(list[0]) == "docker.io/library/nginx:1");
  CHECK(ref_name(list[1]) == "docker.io/library/redis:7");
  // Contents of all images first, then their manifests.
  CHECK(std::find(all.begin(), all.end(), blob_path(two.layers[1].digest)) <
        std::find(all.begin(), all.end(), blob_path(one.manifest.digest)));
}

TEST_CASE("a name that stands for two contents goes to the first, with a note") {
  memory_blobs blobs;
  const archived_manifest one = build_image(blobs, "amd64", {"one"});
  const archived_manifest two = build_image(blobs, "amd64", {"two"});
  const layout plan = docker({single(one, "nginx:1"), single(two, "nginx:1")});
  const json::array entries = document(plan, "manifest.json").as_array();
  REQUIRE(entries.size() == 2);
  CHECK(entries[1].at("RepoTags").is_null());
  REQUIRE(plan.notes.size() == 1);
  CHECK(plan.notes[0].find("docker.io/library/nginx:1 is asked for twice") == 0);
  CHECK(full_name(listed(plan)[1]).empty());
}

TEST_CASE("duplicate layers stand once in the tar and twice in manifest.json") {
  memory_blobs blobs;
  const archived_manifest image = build_image(blobs, "amd64", {"same", "same"});
  archived_manifest doubled = image;
  doubled.layers[1] = doubled.layers[0];
  const layout plan = docker({single(doubled, "nginx:1")});
  CHECK(document(plan, "manifest.json").at(0).at("Layers").as_array().size() == 2);
  const std::vector<std::string> all = names(plan);
  CHECK(std::count(all.begin(), all.end(), blob_path(doubled.layers[0].digest)) == 1);
}

TEST_CASE("zstd layers are noted in docker's format alone") {
  memory_blobs blobs;
  archived_manifest image = build_image(blobs, "amd64", {"x"});
  image.layers[0].media_type = "application/vnd.oci.image.layer.v1.tar+zstd";
  const layout plan = docker({single(image, "nginx:1")});
  REQUIRE(plan.notes.size() == 1);
  CHECK(plan.notes[0].find("docker before version 23") != std::string::npos);
  CHECK(oci({single(image, "nginx:1")}).notes.empty());
}

TEST_CASE("an artifact is refused in docker's format with advice, and fits into an OCI archive") {
  memory_blobs blobs;
  archived_manifest chart = build_image(blobs, "amd64", {"x"});
  chart.config->media_type = "application/vnd.cncf.helm.config.v1+json";
  chart.platform = {};
  const std::vector<archived_image> images{single(chart, "ghcr.io/charts/app:1")};
  const result<layout> refused = plan_docker(images, fixture::platform_of("linux/amd64"));
  REQUIRE(refused.has_error());
  CHECK(refused.error().code == errc::not_an_image);
  CHECK(refused.error().text.message() ==
        "ghcr.io/charts/app:1 is not a container image but an artifact of type application/vnd.cncf.helm.config.v1+json; docker's format "
        "holds images only, use -f oci");
  const json::array list = listed(oci(images));
  REQUIRE(list.size() == 1);
  CHECK_FALSE(list[0].as_object().contains("platform"));
  // What the manifest says it is counts more than its config.
  archived_manifest typed = chart;
  typed.config->media_type = "application/vnd.oci.empty.v1+json";
  typed.artifact_type = "application/vnd.example.note";
  CHECK_THAT(plan_docker(std::vector{single(typed, "ghcr.io/charts/app:1")}, fixture::platform_of("linux/amd64")).error().text.message(),
             Catch::Contains("an artifact of type application/vnd.example.note;"));
}

TEST_CASE("an OCI archive has no documents of docker") {
  memory_blobs blobs;
  const layout plan = oci({single(build_image(blobs, "amd64", {"x"}), "nginx:1")});
  CHECK_FALSE(holds(plan, "manifest.json"));
  CHECK_FALSE(holds(plan, "repositories"));
  CHECK(plan.entries.back().name == "index.json");
}

TEST_CASE("an image without layers is no repository entry and still an image") {
  memory_blobs blobs;
  const layout plan = docker({single(build_image(blobs, "amd64", {}), "scratchy:1")});
  CHECK(docker_entries(plan).find(R"("RepoTags":["scratchy:1"],"Layers":[])") != std::string::npos);
  CHECK_FALSE(holds(plan, "repositories"));
}

TEST_CASE("a sha512 blob lies in a directory of its own") {
  memory_blobs blobs;
  archived_manifest image = build_image(blobs, "amd64", {"x"});
  error_code ec;
  image.layers[0].digest = digest::parse("sha512:" + std::string(128, 'a'), ec);
  const layout plan = docker({single(image, "nginx:1")});
  CHECK(holds(plan, "blobs/sha512/"));
  CHECK(holds(plan, "blobs/sha512/" + std::string(128, 'a')));
}
