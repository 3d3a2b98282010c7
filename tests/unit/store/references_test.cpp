#include "unit/store/fixture.hpp"

#include <boost/json.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

using namespace gantry;
using namespace gantry::test;
using store::reference_record;

namespace {

struct references_fixture : store_fixture {
  static reference name_of(std::string_view text) {
    error_code ec;
    const reference name = reference::parse(text, ec);
    REQUIRE_FALSE(ec);
    return name;
  }
  descriptor stored(const std::string& content, const std::string& architecture = {}) const {
    descriptor blob = descriptor_of(content);
    if (!architecture.empty()) blob.platform = platform{"linux", architecture, "", "", {}};
    must(store->put(blob, content));
    return blob;
  }
  void publish(const reference_record& record) const {
    const auto lock = must(store->try_lock_index());
    REQUIRE(lock);
    must(store->put_reference(record, *lock));
    must(store->rebuild_index(*lock));
  }
  boost::json::array index() const { return boost::json::parse(slurp(directory / "store/index.json")).at("manifests").as_array(); }
};

}  // namespace

TEST_CASE_METHOD(references_fixture, "a reference is found under exactly its name") {
  const descriptor image = stored("image", "amd64");
  const reference_record record{name_of("nginx:1.25"), image, {image}};
  CHECK_FALSE(must(store->find_reference(record.name)));
  publish(record);
  CHECK(must(store->find_reference(record.name)) == record);
  CHECK(std::filesystem::exists(directory / "store/refs/docker.io/library/nginx/_/1.25"));
  CHECK_FALSE(must(store->find_reference(name_of("nginx:1.26"))));
  CHECK_FALSE(must(store->find_reference(name_of("nginx@" + image.digest.string()))));
  CHECK_FALSE(must(store->find_reference(name_of("quay.io/library/nginx:1.25"))));
}

TEST_CASE_METHOD(references_fixture, "what has a digest is found under the names of its repository") {
  const descriptor top = stored("index");
  const descriptor amd = stored("amd", "amd64");
  const descriptor arm = stored("arm", "arm64");
  const auto found = [this](const descriptor& wanted, const std::string& repository = "x") {
    return must(store->find_by_content(name_of(repository + "@" + wanted.digest.string())));
  };
  CHECK_FALSE(found(top));
  publish({name_of("x:1"), top, {amd}});
  publish({name_of("x:2"), top, {arm}});
  REQUIRE(found(top));
  CHECK(found(top)->name == name_of("x:1"));
  CHECK(found(top)->manifests.size() == 2);  // of both names
  REQUIRE(found(arm));
  CHECK(found(arm)->name == name_of("x:2"));
  CHECK(found(arm)->top.digest == arm.digest);
  CHECK(found(arm)->manifests == std::vector<descriptor>{arm});
  CHECK_FALSE(found(arm, "x/below"));
  CHECK_FALSE(must(store->find_by_content(name_of("x:1"))));
  // A record that is damaged names nothing, and hides nothing of the others.
  spill(directory / "store/refs/docker.io/library/x/_/1", "{");
  CHECK_FALSE(found(amd));
  CHECK(found(arm));
}

TEST_CASE_METHOD(references_fixture, "platforms of one top are collected, and a moved tag replaces the record") {
  const descriptor top = stored("index");
  const descriptor amd = stored("amd", "amd64");
  const descriptor arm = stored("arm", "arm64");
  publish({name_of("x:1"), top, {amd}});
  CHECK(index().at(0).at("digest").as_string() == amd.digest.string());
  publish({name_of("x:1"), top, {arm}});
  CHECK(must(store->find_reference(name_of("x:1")))->manifests.size() == 2);
  CHECK(index().at(0).at("digest").as_string() == top.digest.string());
  const descriptor moved = stored("moved", "amd64");
  publish({name_of("x:1"), moved, {moved}});
  CHECK(must(store->find_reference(name_of("x:1")))->top == moved);
  REQUIRE(index().size() == 1);
  CHECK(index().at(0).at("digest").as_string() == moved.digest.string());
}

TEST_CASE_METHOD(references_fixture, "all references are listed by name and stand in index.json") {
  const descriptor image = stored("image", "amd64");
  const std::string by_digest = "quay.io/a@" + image.digest.string();
  for (const std::string& name : {std::string("z:2"), by_digest, std::string("localhost:5000/a/b/c:1"), std::string("z:1")}) {
    publish({name_of(name), image, {image}});
  }
  std::vector<std::string> names;
  for (const reference_record& record : must(store->list_references())) names.push_back(record.name.string());
  CHECK(names == std::vector<std::string>{"docker.io/library/z:1", "docker.io/library/z:2", "localhost:5000/a/b/c:1", by_digest});
  REQUIRE(index().size() == 4);
  CHECK(index().at(2).at("annotations").at("org.opencontainers.image.ref.name").as_string() == "localhost:5000/a/b/c:1");
}

TEST_CASE_METHOD(references_fixture, "an unreadable, misplaced or half-written record is absent") {
  const descriptor image = stored("image", "amd64");
  publish({name_of("x:1"), image, {image}});
  publish({name_of("x:2"), image, {image}});
  const std::filesystem::path refs = directory / "store/refs/docker.io/library/x/_";
  spill(refs / "3", slurp(refs / "1"));
  spill(refs / ".4.0123", slurp(refs / "1"));
  spill(refs / "stray/5", "x");
  spill(refs / "2", "{\"reference\":");
  CHECK(must(store->list_references()).size() == 1);
  CHECK_FALSE(must(store->find_reference(name_of("x:2"))));
  CHECK_FALSE(must(store->find_reference(name_of("x:3"))));
  publish({name_of("x:2"), image, {image}});
  CHECK(index().size() == 2);
}

TEST_CASE_METHOD(references_fixture, "a damaged record is told apart, by the name of its file, until it is written anew") {
  const descriptor image = stored("image", "amd64");
  publish({name_of("x:1"), image, {image}});
  publish({name_of("localhost:5000/a:2"), image, {image}});
  const std::filesystem::path refs = directory / "store/refs/docker.io/library/x/_";
  spill(refs / "3", slurp(refs / "1"));
  spill(refs / "4", "");
  spill(refs / ".5.0123", "x");
  spill(refs / "no tag", "x");
  spill(directory / "store/refs/localhost+5000/a/_/2", "{\"reference\":");
  const store::held_records held = must(store->held_references());
  CHECK(held.sound.size() == 1);
  REQUIRE(held.damaged.size() == 3);
  CHECK(held.damaged[0].name == name_of("x:3"));
  CHECK(held.damaged[0].why == "holds the record of docker.io/library/x:1");
  CHECK(held.damaged[1].why == "is empty");
  CHECK(held.damaged[2].name == name_of("localhost:5000/a:2"));
  CHECK_THAT(advice_of(held.damaged[2]), Catch::Contains("the record of localhost:5000/a:2 is cut off or damaged") &&
                                             Catch::Contains("refs/localhost+5000/a/_/2") && Catch::Contains("pull it again"));
  publish({name_of("localhost:5000/a:2"), image, {image}});
  CHECK(must(store->held_references()).damaged.size() == 2);
}

TEST_CASE_METHOD(references_fixture, "a record that the disk does not give back is an error, not an absent one") {
  const descriptor image = stored("image", "amd64");
  publish({name_of("x:1"), image, {image}});
  publish({name_of("x:2"), image, {image}});
  const std::filesystem::path record = directory / "store/refs/docker.io/library/x/_/1";
  std::filesystem::remove(record);
  std::filesystem::create_symlink("1", record);  // open() fails, for root too
  must_fail(store->list_references(), errc::storage_error);
  must_fail(store->find_reference(name_of("x:1")), errc::storage_error);
}

TEST_CASE_METHOD(references_fixture, "index.json leaves out what is not held and is not touched without need") {
  const descriptor image = stored("image", "amd64");
  publish({name_of("x:1"), image, {image}});
  const auto written = std::filesystem::last_write_time(directory / "store/index.json");
  const auto recorded = std::filesystem::last_write_time(directory / "store/refs/docker.io/library/x/_/1");
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  publish({name_of("x:1"), image, {image}});
  CHECK(std::filesystem::last_write_time(directory / "store/index.json") == written);
  // Only its time tells that it was pulled again.
  CHECK(std::filesystem::last_write_time(directory / "store/refs/docker.io/library/x/_/1") > recorded);
  CHECK(must(store->held_references()).sound.at(0).used > std::chrono::system_clock::now() - std::chrono::minutes(10));
  std::filesystem::remove(blob_of(image));
  must(store->rebuild_index(*must(store->try_lock_index())));
  CHECK(index().empty());
}

TEST_CASE_METHOD(references_fixture, "one at a time writes references") {
  auto lock = must(store->try_lock_index());
  REQUIRE(lock);
  CHECK(lock->held());
  CHECK_FALSE(must(reopen()->try_lock_index()));
  lock.reset();
  CHECK(must(reopen()->try_lock_index()));
}

TEST_CASE_METHOD(references_fixture, "skopeo reads the store as an OCI layout") {
  if (::access("/usr/bin/skopeo", X_OK) != 0) {
    WARN("skipped: skopeo is not installed");
    return;
  }
  const std::string config_text = R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]},"config":{}})";
  const descriptor config = stored(config_text);
  const std::string manifest_text =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":")" +
      config.digest.string() + R"(","size":)" + std::to_string(config.size) + R"(},"layers":[]})";
  descriptor manifest = stored(manifest_text, "amd64");
  manifest.media_type = "application/vnd.oci.image.manifest.v1+json";
  publish({name_of("nginx:1.25"), manifest, {manifest}});
  publish({name_of("localhost:5000/a/b:1"), manifest, {manifest}});
  for (const std::string name : {"docker.io/library/nginx:1.25", "localhost:5000/a/b:1"}) {
    const std::string source = "oci:" + (directory / "store").string() + ":" + name;
    const pid_t child = ::fork();
    if (child == 0) {
      ::execl("/usr/bin/skopeo", "skopeo", "inspect", "--format", "{{.Digest}}", source.c_str(), nullptr);
      ::_exit(127);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
  }
}
