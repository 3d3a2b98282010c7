// Lists of images between real registries.
#include "integration/listed.hpp"
#include "integration/terminal.hpp"

#include "support/catch.hpp"
#include "support/image_builder.hpp"
#include "support/servers.hpp"

#include <boost/json/parse.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace gantry::test;
namespace fs = std::filesystem;

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
  l.write("[{\"source\": \"SOURCE/team/classic:1.0\"},\n {\"source\": \"SOURCE/team/multi:1.0\", \"target\": \"team/classic\"}]");
  const outcome twice = l.sync();
  CHECK(twice.status == 2);
  CHECK(twice.err.find("images.json: entry 1 (" + l.from.host() + "/team/classic:1.0, line 1) and entry 2 (" + l.from.host() +
                       "/team/multi:1.0, line 2) both write ") != std::string::npos);
  CHECK(l.place.run({"sync", "absent.json", "--to", l.to.host()}).status == 4);
}

TEST_CASE("prune deletes by digest what nobody needs and says what it keeps", "[integration]") {
  const listed l;
  l.write(R"([{"source": "SOURCE/team/classic:1.0", "target": "app", "tags": ["1", "same", "old"]},
    {"source": "SOURCE/team/multi:1.0", "target": "app", "tags": ["index"]},
    {"source": "SOURCE/team/multi:1.0", "target": "app", "tags": ["child"], "architectures": ["arm64"]},
    {"source": "SOURCE/team/classic-list:1.0", "target": "app", "tags": ["gone", "gone-too"]}])");
  const outcome brought = l.sync();
  INFO(brought.err);
  REQUIRE(brought.status == 0);
  l.write(R"([{"source": "SOURCE/team/classic:1.0", "target": "app", "tags": ["1"]},
    {"source": "SOURCE/team/multi:1.0", "target": "app", "tags": ["index"]}])");
  // Without a terminal nobody can be asked.
  CHECK(l.place.run(l.words({"--prune"})).status == 2);
  const outcome dry = l.sync({"--prune", "--dry-run", "--json"});
  CHECK(json_of(dry).at("deleted").as_array().size() == 2);
  CHECK(l.tags("app").find("gone") != std::string::npos);
  // Each is named, before anything is deleted.
  const std::string would = l.sync({"--prune", "--dry-run"}).err;
  CHECK(would.find("2 tags that the list does not name would be deleted:\n") != std::string::npos);
  for (const char* const tag : {"/mirror/app:gone\n", "/mirror/app:gone-too\n"}) CHECK(would.find(tag) != std::string::npos);
  // Only a yes deletes.
  for (const std::string typed : {"n\n", "\n", "perhaps\n"}) {
    const outcome asked = run_on_terminal(l.place, l.words({"--prune", "--progress", "none"}), typed);
    INFO(asked.out);
    CHECK(asked.status == 0);
    CHECK(asked.out.find("tags are not in the list") != std::string::npos);
    CHECK(asked.out.find("Delete them? [y/N]") != std::string::npos);
    CHECK(asked.out.find("/mirror/app:gone-too") < asked.out.find("Delete them?"));
    CHECK(l.tags("app").find("gone") != std::string::npos);
  }
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

  l.write(R"([{"source": "SOURCE/team/classic-list:1.0", "target": "app", "tags": ["late"]}, {"source": "SOURCE/team/classic:1.0",
    "target": "app", "tags": ["1"]}, {"source": "SOURCE/team/multi:1.0", "target": "app", "tags": ["index"]}])");
  REQUIRE(l.sync().status == 0);
  l.write(R"([{"source": "SOURCE/team/classic:1.0", "target": "app", "tags": ["1"]},
    {"source": "SOURCE/team/multi:1.0", "target": "app", "tags": ["index"]}])");
  const outcome agreed = run_on_terminal(l.place, l.words({"--prune", "--progress", "none"}), "y\n");
  INFO(agreed.out);
  CHECK(agreed.out.find("1 tag that the list does not name is deleted:") != std::string::npos);
  CHECK(agreed.out.rfind("/mirror/app:late") > agreed.out.find("is deleted:"));
  CHECK(l.tags("app").find("late") == std::string::npos);
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
  CHECK(back.out.find(R"("source":"oci:shelf:absent")") != std::string::npos);
  CHECK(back.err.find("oci:shelf holds no image absent") != std::string::npos);
  CHECK(l.raw_target("back:stable") == l.raw_source("team/classic:1.0"));
  CHECK(state_of(json_of(l.sync({"--json"})), "back:stable") == "unchanged");
  l.write(R"([{"source": "oci:shelf:stable", "target": "back", "tags": ["stable"]}])");
  const outcome apart = l.sync();
  CHECK(apart.status == 4);
  CHECK(apart.err.find(
            R"(there is no shelf:stable; in a list a tag of a directory stands apart: "source": "oci:shelf", "tags": ["stable"])") !=
        std::string::npos);

  // What the list does not name is not dropped unasked.
  l.write(R"([{"source": "SOURCE/team/classic:1.0", "tags": ["1.0", "none"]}, {"source": "SOURCE/team/classic:9", "tags": ["stable"]}])");
  CHECK(l.place.run(words).status == 2);
  CHECK(fs::exists(l.place / "shelf" / "index.json"));
  std::vector<std::string> pruning = words;
  pruning.emplace_back("--prune");
  // A directory is written without a question, so somebody has to have said so.
  const outcome unasked = l.place.run(pruning);
  CHECK(unasked.status == 2);
  CHECK(unasked.err.find("--prune does not ask before it writes a directory") != std::string::npos);
  const std::string gone = l.from.host() + "/team/multi:1.0";
  pruning.emplace_back("--dry-run");
  const outcome would = l.place.run(pruning);
  REQUIRE(json_of(would).at("deleted").as_array().size() == 1);
  CHECK(json_of(would).at("deleted").at(0).as_string() == gone);
  CHECK(would.err.find("1 tag that the list does not name would be deleted:\n  " + gone) != std::string::npos);
  pruning.back() = "--yes";
  const outcome pruned = l.place.run(pruning);
  INFO(pruned.err);
  CHECK(pruned.status == 6);
  REQUIRE(json_of(pruned).at("deleted").as_array().size() == 1);
  CHECK(json_of(pruned).at("deleted").at(0).as_string() == gone);
  const std::string index = slurp(l.place / "shelf" / "index.json");
  CHECK(index.find("multi") == std::string::npos);
  CHECK(index.find("classic:stable") != std::string::npos);  // it failed, and stays as it was
}

TEST_CASE("signatures and SBOMs in tags go with a list, out of a repository of more than 500 tags", "[integration]") {
  const listed l;
  registry_options plain;
  plain.storage = l.directory / "many";
  const docker_registry source(l.directory / "source", std::move(plain));
  image_recipe recipe;
  recipe.layers = {2'000};
  const test_image image = build_image(recipe);
  push(source.port(), "app", "1.0", image);
  const std::string manifests = "http://" + source.host() + "/v2/app/manifests/";
  const auto name = [&](const std::string& tags, const test_blob& what) {
    run_or_throw({{"curl", "-sSf", "-o", "/dev/null", "-X", "PUT", "-H", "Content-Type: " + what.media_type, "--data-binary", what.bytes,
                   manifests + tags}});
  };
  name("[1-500]", image.manifest);
  // What hangs on the image, each a manifest of its own, and a signature of the SBOM.
  const auto hanging = [&](const std::string& note) {
    return test_blob::of("application/vnd.oci.image.manifest.v1+json",
                         R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{)" +
                             image.config.descriptor_members() + R"(},"layers":[{)" + image.layers.front().descriptor_members() +
                             R"(}],"annotations":{"note":")" + note + "\"}}");
  };
  const std::string tag = "sha256-" + image.manifest.digest.substr(7);
  const test_blob bill = hanging("bill");
  const std::string of_bill = "sha256-" + bill.digest.substr(7) + ".sig";
  name(tag + ".sig", hanging("signature"));
  name(tag + ".att", hanging("attestation"));
  name(tag + ".sbom", bill);
  name(of_bill, hanging("signature of the bill"));

  std::ofstream(l.place / "images.json") << R"([{"source": ")" + source.host() + R"(/app", "filter": {"regex": "1[.]0|[1-9]|sha256-.*"}}])";
  std::vector<std::string> words{
      "sync", "images.json", "--to", l.to.host() + "/mirror", "--ca-cert", l.to.certificates().authority.string(), "--json"};
  const outcome bare = l.place.run(words);
  INFO(bare.err);
  REQUIRE(bare.status == 0);
  // They are no versions of the image.
  CHECK(json_of(bare).at("images").as_array().size() == 10);
  CHECK(l.tags("app").find(".sig") == std::string::npos);
  words.emplace_back("--referrers");
  const outcome whole = l.place.run(words);
  INFO(whole.err);
  REQUIRE(whole.status == 0);
  const std::string there = l.tags("app");
  for (const std::string& one : {tag + ".sig", tag + ".att", tag + ".sbom", of_bill}) CHECK(there.find(one + "\n") != std::string::npos);
  CHECK(l.raw_target("app:" + tag + ".sbom") == bill.bytes);
  // Nor are they unwanted when the list does not name them.
  words.insert(words.end(), {"--prune", "--yes"});
  const outcome pruned = l.place.run(words);
  CHECK(pruned.status == 0);
  CHECK(json_of(pruned).at("deleted").as_array().empty());
  CHECK(l.tags("app") == there);
  // A copy of one image takes them along, too.
  const outcome one = l.place.run({"copy", "--referrers", source.host() + "/app:1.0", l.to.host() + "/single:1.0", "--ca-cert",
                                   l.to.certificates().authority.string(), "--json"});
  INFO(one.err);
  REQUIRE(one.status == 0);
  CHECK(json_of(one).at("images").as_array().at(0).as_object().at("referrers").to_number<int>() == 4);
}
