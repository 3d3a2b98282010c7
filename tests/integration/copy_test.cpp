#include "integration/shelf.hpp"
#include "integration/workplace.hpp"

#include "support/catch.hpp"
#include "support/fake_registry.hpp"
#include "support/image_builder.hpp"
#include "support/servers.hpp"
#include "support/sha256.hpp"

#include <boost/json/parse.hpp>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

/// A registry to take from, and an empty one to copy to.
struct copied {
  explicit copied(registry_options target = {}, registry_options source = {})
      : from(directory / "from", read(std::move(source))), to(directory / "to", write(std::move(target))) {}

  static registry_options read(registry_options options) {
    options.storage = shelf();
    return options;
  }
  registry_options write(registry_options options) const {
    options.storage = directory / "copied";
    return options;
  }
  std::string source(const std::string& name) const { return from.host() + "/team/" + name + ":1.0"; }
  std::string target(const std::string& name) const { return to.host() + "/" + name; }

  outcome copy(std::vector<std::string> words) const {
    words.insert(words.begin(), "copy");
    words.emplace_back("--json");
    return place.run(std::move(words));
  }
  static std::string raw(const std::string& image, std::vector<std::string> options = {"--tls-verify=false"}) {
    std::vector<std::string> words{"skopeo", "inspect", "--raw"};
    words.insert(words.end(), options.begin(), options.end());
    words.push_back("docker://" + image);
    return run_or_throw({std::move(words)});
  }

  temp_dir directory;
  docker_registry from;
  docker_registry to;
  workplace place;
};

std::int64_t count(const outcome& result, const char* key) {
  INFO(result.err);
  REQUIRE(result.status == 0);
  return boost::json::parse(result.out).as_object().at(key).to_number<std::int64_t>();
}

bool unchanged(const outcome& result) {
  return boost::json::parse(result.out).as_object().at("images").as_array().at(0).as_object().at("unchanged").as_bool();
}

}  // namespace

TEST_CASE("an image goes from registry to registry byte for byte, and once", "[integration]") {
  const copied c;
  for (const std::string name : {"multi", "classic-list", "artifact"}) {
    INFO(name);
    CHECK(count(c.copy({c.source(name), c.target("mirror/" + name + ":2")}), "blobs_uploaded") > 0);
    CHECK(c.raw(c.target("mirror/" + name + ":2")) == c.raw(c.source(name)));
    const outcome again = c.copy({c.source(name), c.target("mirror/" + name + ":2")});
    CHECK(count(again, "blobs") == 0);
    CHECK(unchanged(again));
  }
  // skopeo reads everything that was written.
  CHECK(run({{"skopeo", "copy", "-q", "--all", "--src-tls-verify=false", "docker://" + c.target("mirror/multi:2"),
              "oci:" + (c.directory / "copy").string()}})
            .ok());
  // Nothing of it passed through the disk.
  CHECK_FALSE(fs::exists(c.place / "home" / ".cache" / "gantry" / "blobs"));
}

TEST_CASE("a copy through the store leaves the image there", "[integration]") {
  const copied c;
  CHECK(count(c.copy({"--cache", c.source("multi"), c.target("mirror/multi:2"), c.target("second/multi:2")}), "blobs_uploaded") > 0);
  CHECK(c.raw(c.target("mirror/multi:2")) == c.raw(c.source("multi")));
  CHECK(c.raw(c.target("second/multi:2")) == c.raw(c.source("multi")));
  const outcome held = c.place.run({"pull", "--offline", "--store-only", "--all-platforms", c.source("multi")});
  INFO(held.err);
  CHECK(held.status == 0);
}

TEST_CASE("within one registry blobs are mounted and nothing is sent", "[integration]") {
  const copied c;
  CHECK(c.copy({c.source("classic"), c.target("one/app:1")}).status == 0);
  const outcome second = c.copy({c.target("one/app:1"), c.target("two/app:1")});
  CHECK(count(second, "blobs_mounted") == count(second, "blobs"));
  CHECK(count(second, "bytes_uploaded") == 0);
  CHECK(c.raw(c.target("two/app:1")) == c.raw(c.source("classic")));
}

TEST_CASE("several targets of one registry get the blobs once", "[integration]") {
  const copied c;
  const outcome both = c.copy({c.source("classic"), c.target("one/app:1"), c.target("two/app:1")});
  CHECK(count(both, "blobs_uploaded") == count(both, "blobs_mounted"));
  CHECK(c.raw(c.target("one/app:1")) == c.raw(c.source("classic")));
  CHECK(c.raw(c.target("two/app:1")) == c.raw(c.source("classic")));
}

TEST_CASE("a choice of platforms becomes an index of the same kind", "[integration]") {
  const copied c;
  CHECK(c.copy({c.source("multi"), c.target("app:two"), "-a", "amd64,arm64"}).status == 0);
  const auto before = boost::json::parse(c.raw(c.source("multi"))).as_object();
  const auto made = boost::json::parse(c.raw(c.target("app:two"))).as_object();
  CHECK(made.at("mediaType") == before.at("mediaType"));
  const auto& all = before.at("manifests").as_array();
  for (const auto& entry : made.at("manifests").as_array()) {
    CHECK(std::find(all.begin(), all.end(), entry) != all.end());
  }
  CHECK(c.copy({c.source("multi"), c.target("app:arm"), "-a", "arm64"}).status == 0);
  CHECK(c.place.run({"digest", c.target("app:arm")}).out == c.place.run({"digest", "-a", "arm64", c.source("multi")}).out);
  const outcome absent = c.copy({c.source("multi"), c.target("app:none"), "-a", "s390x"});
  CHECK(absent.status == 4);
  CHECK(c.place.run({"digest", c.target("app:none")}).status == 4);
}

TEST_CASE("all tags of a repository are copied", "[integration]") {
  const copied c;
  for (const std::string tag : {"1", "2", "latest"}) CHECK(c.copy({c.source("classic"), c.target("first:" + tag)}).status == 0);
  const outcome all = c.copy({c.target("first"), c.target("second"), "--all-tags"});
  INFO(all.err);
  CHECK(all.status == 0);
  CHECK(boost::json::parse(all.out).as_object().at("images").as_array().size() == 3);
  CHECK(c.raw(c.target("second:2")) == c.raw(c.source("classic")));
}

TEST_CASE("a dry run of a copy writes nothing", "[integration]") {
  const copied c;
  CHECK(count(c.copy({c.source("classic"), c.target("app:1"), "--dry-run"}), "blobs_uploaded") > 0);
  const outcome lines = c.place.run({"copy", c.source("classic"), c.target("app:1"), "--dry-run"});
  INFO(lines.out);
  CHECK(lines.out.starts_with(c.target("app:1") + " sha256:"));
  CHECK(lines.out.ends_with(" planned\n"));
  CHECK(c.place.run({"digest", c.target("app:1")}).status == 4);
}

TEST_CASE("each end has its own credentials and certificates", "[integration]") {
  registry_options locked;
  locked.username = "alice";
  locked.password = "first-secret";
  registry_options safe;
  safe.username = "bob";
  safe.password = "second-secret";
  safe.tls = true;
  const copied c(std::move(safe), std::move(locked));
  const std::string authority = c.to.certificates().authority.string();
  const std::vector<std::string> words{c.source("classic"), c.target("app:1"), "--ca-cert", authority, "--src-creds", "alice:first-secret"};
  const outcome refused = c.copy(words);
  CHECK(refused.status == 3);
  CHECK(refused.err.find("give --dest-creds USER:PASSWORD") != std::string::npos);
  CHECK(refused.err.find("-u USER") == std::string::npos);
  const outcome unread = c.copy({c.source("classic"), c.target("app:1"), "--ca-cert", authority, "--dest-creds", "bob:second-secret"});
  CHECK(unread.status == 3);
  CHECK(unread.err.find("give --src-creds USER:PASSWORD") != std::string::npos);
  // In a list the name of the target stands beside that of the source.
  const outcome both =
      c.copy({c.source("classic"), c.target("app:1"), c.target("app:2"), "--ca-cert", authority, "--src-creds", "alice:first-secret"});
  // Nothing of the list was copied: the status is that of the first failure.
  CHECK(both.status == 3);
  CHECK(both.err.find(c.source("classic") + " was not copied to " + c.target("app:2") + ": ") != std::string::npos);
  CHECK(both.err.find("give --dest-creds USER:PASSWORD") != std::string::npos);
  std::vector<std::string> complete = words;
  complete.insert(complete.end(), {"--dest-creds", "bob:second-secret"});
  const outcome moved = c.copy(complete);
  INFO(moved.err);
  CHECK(moved.status == 0);
  CHECK(c.raw(c.target("app:1"), {"--tls-verify=false", "--creds", "bob:second-secret"}) ==
        c.raw(c.source("classic"), {"--tls-verify=false", "--creds", "alice:first-secret"}));
}

TEST_CASE("a credential file may be a pipe, and serves both ends", "[integration]") {
  registry_options locked;
  locked.username = "alice";
  locked.password = "first-secret";
  const copied c(locked, locked);
  // alice:first-secret
  const std::string auth = "{\"auths\":{\"" + c.from.host() + "\":{\"auth\":\"YWxpY2U6Zmlyc3Qtc2VjcmV0\"},\"" + c.to.host() +
                           "\":{\"auth\":\"YWxpY2U6Zmlyc3Qtc2VjcmV0\"}}}";
  std::ofstream(c.place / "list.json") << R"([{"source": ")" + c.source("classic") + R"(", "target": "listed"}])";
  const std::vector<std::string> sides{"--authfile <(echo \"$AUTH\")",
                                       "--src-authfile <(echo \"$AUTH\") --dest-authfile <(echo \"$AUTH\")"};
  for (const std::string& side : sides) {
    for (const std::string& words :
         {"copy " + c.source("classic") + " " + c.target("app:1") + " " + c.target("other:1"), "sync list.json --to " + c.to.host()}) {
      INFO(words << " " << side);
      command shell = c.place.gantry({}, {{"AUTH", auth}});
      shell.argv = {"bash", "-c", gantry_binary().string() + " " + words + " " + side};
      const outcome done = run(shell);
      INFO(done.err);
      CHECK(done.status == 0);
    }
  }
}

TEST_CASE("a copy that is stopped inside a layer goes on there", "[integration]") {
  registry_options own;
  temp_dir directory;
  own.storage = directory / "source";
  const docker_registry from(directory / "from", std::move(own));
  registry_options empty;
  empty.storage = directory / "target";
  const docker_registry to(directory / "to", std::move(empty));
  const workplace place;
  image_recipe recipe;
  recipe.layers = {40'000'000};
  const test_image image = build_image(recipe);
  push(from.port(), "app", "1.0", image);
  const std::uint64_t whole = image.layers.front().bytes.size();
  const std::vector<std::string> words{"copy", from.host() + "/app:1.0", to.host() + "/app:1.0", "--limit-rate", "20M"};
  /// Bytes that the registry has of a layer that is under way.
  const auto arrived = [&] {
    std::uint64_t most = 0;
    std::error_code none;
    const fs::path uploads = directory / "target" / "docker" / "registry" / "v2" / "repositories" / "app" / "_uploads";
    for (fs::directory_iterator i(uploads, none), end; i != end; i.increment(none)) {
      const std::uintmax_t size = fs::file_size(i->path() / "data", none);
      if (!none) most = std::max<std::uint64_t>(most, size);
    }
    return most;
  };
  {
    child running(place.gantry(words), directory / "log");
    while (running.running() && arrived() < whole * 6 / 10) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    running.signal(SIGTERM);
    const auto ended = running.wait(std::chrono::minutes(1));
    REQUIRE(ended);
    REQUIRE(ended->status == 143);
  }
  const std::uint64_t before = arrived();
  REQUIRE(before >= whole * 6 / 10);
  REQUIRE(before < whole);
  const auto opened = [&] {
    std::size_t count = 0;
    const std::string log = to.log();
    for (std::size_t at = log.find("http.request.method=POST"); at != std::string::npos;
         at = log.find("http.request.method=POST", at + 1)) {
      ++count;
    }
    return count;
  };
  const std::size_t sessions = opened();
  const outcome rest = place.run(words);
  INFO(rest.err);
  REQUIRE(rest.status == 0);
  CHECK(opened() <= sessions + 1);  // the configuration's
  CHECK(copied::raw(to.host() + "/app:1.0") == image.manifest.bytes);
  CHECK(run({{"skopeo", "copy", "-q", "--src-tls-verify=false", "docker://" + to.host() + "/app:1.0",
              "oci:" + (directory / "copy").string()}})
            .ok());
}

TEST_CASE("one account is not sent to the registries of several targets", "[integration]") {
  const workplace place;
  const fake_registry source;
  const fake_registry one;
  const fake_registry other;
  const outcome refused =
      place.run({"copy", source.host() + "/app:1", one.host() + "/app:1", other.host() + "/app:1", "--dest-creds", "bob:second-secret"});
  CHECK(refused.status == 2);
  CHECK(refused.err.find("--dest-creds is for one registry, and 2 are named as targets") != std::string::npos);
  CHECK(source.count() + one.count() + other.count() == 0);
}

TEST_CASE("the password of the source never reaches the target", "[integration]") {
  registry_options locked;
  locked.username = "alice";
  locked.password = "first-secret";
  temp_dir directory;
  locked.storage = shelf();
  const docker_registry from(directory / "from", std::move(locked));
  const workplace place;
  fake_registry_options options;
  options.auth = fake_auth::basic;
  options.username = "bob";
  options.password = "second-secret";
  const fake_registry to(std::move(options));
  const std::string source = from.host() + "/team/classic:1.0";
  for (const bool with_own : {false, true}) {
    std::vector<std::string> words{"copy", source, to.host() + "/app:1", "--src-creds", "alice:first-secret", "-v", "--debug"};
    if (with_own) words.insert(words.end(), {"--dest-creds", "bob:second-secret"});
    const outcome refused = place.run(words);
    CHECK(refused.status != 0);  // it takes no uploads
    CHECK(refused.err.find("first-secret") == std::string::npos);
  }
  REQUIRE(to.count() > 0);
  bool let_in = false;
  for (const recorded_request& request : to.requests()) {
    for (const auto& [name, value] : request.headers) {
      CHECK(value.find("YWxpY2U6Zmlyc3Qtc2VjcmV0") == std::string::npos);  // alice:first-secret
      let_in = let_in || value.find("Ym9iOnNlY29uZC1zZWNyZXQ=") != std::string::npos;
    }
  }
  CHECK(let_in);
}

namespace {

/// A registry API by hand, for what this program does not write.
std::string put(const std::string& url, const std::string& type, const std::string& body) {
  return run_or_throw({{"curl", "-sS", "--fail-with-body", "-X", "PUT", "-H", "Content-Type: " + type, "--data-binary", body, url}});
}

/// A manifest of empty content that refers to \p subject, put into \p repository by its digest. \returns the digest
std::string refer(const std::string& host, const std::string& repository, const std::string& subject, std::size_t size,
                  const std::string& note) {
  const std::string empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
  const std::string base = "http://" + host + "/v2/" + repository;
  const std::string session =
      run_or_throw({{"curl", "-sS", "-X", "POST", "-o", "/dev/null", "-w", "%header{location}", base + "/blobs/uploads/"}});
  put(session + (session.find('?') == std::string::npos ? "?" : "&") + "digest=" + empty, "application/octet-stream", "{}");
  const std::string blob = R"({"mediaType":"application/vnd.oci.empty.v1+json","digest":")" + empty + R"(","size":2})";
  const std::string manifest =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/vnd.test.note","config":)" +
      blob + R"(,"layers":[)" + blob + R"(],"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" + subject +
      R"(","size":)" + std::to_string(size) + R"(},"annotations":{"note":")" + note + R"("}})";
  const std::string digest = sha256_of(manifest);
  put(base + "/manifests/" + digest, "application/vnd.oci.image.manifest.v1+json", manifest);
  return digest;
}

std::string fallback_tag(const std::string& digest) { return "sha256-" + digest.substr(7); }

/// Lists \p referrer under the fallback tag of \p subject, as other tools do.
void list(const std::string& host, const std::string& repository, const std::string& subject, const std::string& referrer,
          std::size_t size) {
  put("http://" + host + "/v2/" + repository + "/manifests/" + fallback_tag(subject), "application/vnd.oci.image.index.v1+json",
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":)"
      R"("application/vnd.oci.image.manifest.v1+json","digest":")" +
          referrer + R"(","size":)" + std::to_string(size) + R"(}]})");
}

std::size_t size_of(const std::string& image) { return copied::raw(image).size(); }

}  // namespace

TEST_CASE("what refers to an image and to its manifests goes with it, nested too, and lists of others stay", "[integration]") {
  const copied c;
  REQUIRE(c.copy({c.source("multi"), c.target("first:1")}).status == 0);
  const std::string index = sha256_of(c.raw(c.target("first:1")));
  const auto entries = boost::json::parse(c.raw(c.target("first:1"))).as_object().at("manifests").as_array();
  const std::string child(entries.at(0).as_object().at("digest").as_string().c_str());
  const std::string of_index = refer(c.to.host(), "first", index, 5, "of the index");
  const std::string of_child = refer(c.to.host(), "first", child, 5, "of a child");
  const std::string nested = refer(c.to.host(), "first", of_child, 5, "of the note");
  list(c.to.host(), "first", index, of_index, size_of(c.target("first@" + of_index)));
  list(c.to.host(), "first", child, of_child, size_of(c.target("first@" + of_child)));
  list(c.to.host(), "first", of_child, nested, size_of(c.target("first@" + nested)));
  REQUIRE(c.copy({c.source("classic"), c.target("first:" + fallback_tag(index) + ".sig")}).status == 0);

  // Somebody else has referred to the same index there.
  REQUIRE(c.copy({c.target("first:1"), c.target("second:1")}).status == 0);
  const std::string foreign = refer(c.to.host(), "second", index, 5, "of another");
  list(c.to.host(), "second", index, foreign, size_of(c.target("second@" + foreign)));

  const outcome moved = c.copy({c.target("first:1"), c.target("second:1"), "--referrers"});
  INFO(moved.err);
  REQUIRE(moved.status == 0);
  const auto image = boost::json::parse(moved.out).as_object().at("images").as_array().at(0).as_object();
  CHECK(image.at("unchanged").as_bool());
  CHECK(image.at("referrers").to_number<int>() == 4);
  for (const std::string& one : {of_index, of_child, nested}) CHECK(c.raw(c.target("second@" + one)) == c.raw(c.target("first@" + one)));
  CHECK(c.raw(c.target("second:" + fallback_tag(index) + ".sig")) == c.raw(c.source("classic")));
  const std::string listed = c.raw(c.target("second:" + fallback_tag(index)));
  CHECK(listed.find(foreign) != std::string::npos);
  CHECK(listed.find(of_index) != std::string::npos);
  CHECK(listed.find("application/vnd.test.note") != std::string::npos);
  CHECK(listed.find("of the index") != std::string::npos);
  CHECK(c.raw(c.target("second:" + fallback_tag(of_child))).find(nested) != std::string::npos);

  // Again: nothing new, no entry twice.
  REQUIRE(c.copy({c.target("first:1"), c.target("second:1"), "--referrers"}).status == 0);
  CHECK(c.raw(c.target("second:" + fallback_tag(index))) == listed);

  // A copy of every tag has the lists among them: they are added to as well.
  REQUIRE(c.copy({c.target("first:1"), c.target("fourth:1")}).status == 0);
  REQUIRE(refer(c.to.host(), "fourth", index, 5, "of another") == foreign);
  list(c.to.host(), "fourth", index, foreign, size_of(c.target("fourth@" + foreign)));
  const outcome all = c.copy({c.target("first"), c.target("fourth"), "--all-tags"});
  INFO(all.err);
  REQUIRE(all.status == 0);
  const std::string merged = c.raw(c.target("fourth:" + fallback_tag(index)));
  CHECK(merged.find(foreign) != std::string::npos);
  CHECK(merged.find(of_index) != std::string::npos);
  CHECK(all.out.find(sha256_of(merged)) != std::string::npos);
  for (const std::string& one : {child, of_child}) {
    CHECK(c.raw(c.target("fourth:" + fallback_tag(one))) == c.raw(c.target("first:" + fallback_tag(one))));
  }

  // One that is still listed and was deleted by its digest takes nobody else with it.
  run_or_throw({{"curl", "-sS", "--fail-with-body", "-X", "DELETE", "http://" + c.to.host() + "/v2/first/manifests/" + of_index}});
  const outcome rest = c.copy({c.target("first:1"), c.target("third:1"), "--referrers"});
  INFO(rest.err);
  CHECK(rest.status == 0);
  CHECK(rest.err.find("lists " + of_index + " among what refers to " + index + ", and does not have it") != std::string::npos);
  CHECK(c.raw(c.target("third@" + of_child)) == c.raw(c.target("first@" + of_child)));
}

TEST_CASE("a manifest that is deleted is taken off the list of what refers to its subject", "[integration]") {
  const copied c;
  REQUIRE(c.copy({c.source("classic"), c.target("app:1")}).status == 0);
  const std::string subject = sha256_of(c.raw(c.target("app:1")));
  const std::string first = refer(c.to.host(), "app", subject, 5, "first");
  const std::string second = refer(c.to.host(), "app", subject, 5, "second");
  const auto entry = [](const std::string& digest) {
    return R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" + digest + R"(","size":5,"x-other":[1]})";
  };
  const std::string front = R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","x-list":true,"manifests":[)";
  put("http://" + c.to.host() + "/v2/app/manifests/" + fallback_tag(subject), "application/vnd.oci.image.index.v1+json",
      front + entry(first) + "," + entry(second) + "]}");
  const outcome gone = c.place.run({"delete", c.target("app@" + first)});
  INFO(gone.err);
  REQUIRE(gone.status == 0);
  CHECK(gone.err.find("may still name it") == std::string::npos);
  CHECK(c.raw(c.target("app:" + fallback_tag(subject))) == front + entry(second) + "]}");
  // A list without entries is one.
  REQUIRE(c.place.run({"delete", c.target("app@" + second)}).status == 0);
  CHECK(c.raw(c.target("app:" + fallback_tag(subject))) == front + "]}");
  CHECK(c.place.run({"digest", c.target("app:1")}).status == 0);
}
