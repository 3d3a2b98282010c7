#include "store_results.hpp"

#include "support/catch.hpp"

#include <sstream>
#include <string>

#include <boost/json/parse.hpp>

using namespace gantry;
using namespace gantry::app;
using namespace std::chrono_literals;

namespace {

const std::chrono::system_clock::time_point now{std::chrono::seconds(1'764'000'000)};

digest some_digest(char digit) {
  error_code ec;
  return digest::parse("sha256:" + std::string(64, digit), ec);
}

reference name_of(const std::string& text) {
  error_code ec;
  return reference::parse(text, ec);
}

list_result two_names() {
  list_result all;
  all.usage = {"/store", true, 12, 240'100'000, 0, 0};
  stored_reference one;
  one.reference = name_of("nginx:1.25");
  one.top.digest = some_digest('a');
  one.top.media_type = "application/vnd.oci.image.index.v1+json";
  one.size = 71'200'000;
  one.pulled = now - 3h;
  one.complete = true;
  stored_manifest image;
  image.manifest.digest = some_digest('b');
  image.path = "/store/blobs/sha256/b";
  image.image_platform = {"linux", "arm", "v7", "", {}};
  image.config.digest = some_digest('c');
  stored_blob layer;
  layer.blob.digest = some_digest('d');
  layer.blob.size = 7;
  layer.blob.media_type = "application/vnd.oci.image.layer.v1.tar+gzip";
  layer.compressed = true;
  image.blobs.push_back(layer);
  one.manifests.push_back(image);
  image.image_platform = {"unknown", "unknown", "", "", {}};
  one.manifests.push_back(image);
  all.references.push_back(one);
  one.reference = name_of("quay.io/a/artifact:1");
  one.manifests.clear();
  one.size = 5;
  one.pulled = now - 50h;
  one.complete = false;
  all.references.push_back(one);
  return all;
}

}  // namespace

TEST_CASE("the table has a line for each name and leaves attestations out") {
  CHECK(list_table({}, now).empty());
  CHECK(list_table(two_names(), now) ==
        "NAME                          PLATFORMS        SIZE  PULLED\n"
        "docker.io/library/nginx:1.25  linux/arm/v7  71.2 MB  3 h ago\n"
        "quay.io/a/artifact:1          -                 5 B  2 days ago  in part: 'gantry pull' completes it\n");
  list_result damaged = two_names();
  damaged.references.front().complete = false;
  CHECK_THAT(list_table(damaged, now), Catch::Contains("3 h ago  incomplete: 'gantry verify --repair' mends it\n"));
}

TEST_CASE("on a terminal too narrow for the table what stands behind a name goes below it") {
  CHECK(list_table(two_names(), now, 200) == list_table(two_names(), now));
  const std::string narrow = list_table(two_names(), now, 40);
  CHECK_THAT(narrow,
             Catch::StartsWith("NAME\n  SIZE, PULLED, PLATFORMS\ndocker.io/library/nginx:1.25\n  71.2 MB, 3 h ago, linux/arm/v7\n"));
  std::istringstream lines(narrow);
  for (std::string line; std::getline(lines, line);) {
    INFO(line);
    CHECK(line.size() < 40);
  }
}

TEST_CASE("the store's size is told in a sentence") {
  list_result all = two_names();
  CHECK(usage_text(all) == "2 names, 12 blobs, 240.1 MB in /store");
  all.usage.partial_bytes = 1000;
  all.usage.quarantined_bytes = 5;
  CHECK(usage_text(all) == "2 names, 12 blobs, 240.1 MB in /store; 1.0 kB of unfinished blobs; 5 B in quarantine");
  all.usage.exists = false;
  CHECK(usage_text(all) == "there is no store at /store yet");
}

TEST_CASE("list's JSON has names, manifests and blobs") {
  const auto document = boost::json::parse(list_json(two_names()));
  CHECK(document.at("version").as_int64() == 1);
  CHECK(document.at("store").at("path").as_string() == "/store");
  const auto& nginx = document.at("references").at(0);
  CHECK(nginx.at("name").as_string() == "docker.io/library/nginx:1.25");
  CHECK(nginx.at("registry").as_string() == "docker.io");
  CHECK(nginx.at("reference").as_string() == "1.25");
  CHECK(nginx.at("pulled").as_string() == "2025-11-24T13:00:00Z");
  CHECK(nginx.at("manifests").as_array().size() == 2);
  CHECK(nginx.at("manifests").at(0).at("platform").as_string() == "linux/arm/v7");
  CHECK(nginx.at("manifests").at(0).at("config_digest").as_string() == some_digest('c').string());
  const auto& layer = nginx.at("manifests").at(0).at("blobs").at(0);
  CHECK(layer.at("size").to_number<int>() == 7);
  CHECK(layer.at("compressed").as_bool());
  CHECK_FALSE(layer.at("config").as_bool());
}

TEST_CASE("what was cleaned up is told, and what would be") {
  clean_result done;
  done.directory = "/store";
  done.references = {name_of("nginx:1.25")};
  done.blobs.resize(2);
  done.blobs[0].digest = some_digest('a');
  done.blobs[0].size = 9;
  done.freed = 131'000'000;
  done.remaining = 5;
  CHECK(clean_lines(done) == "docker.io/library/nginx:1.25\n");
  CHECK(clean_text(done, false) == "1 name and 2 blobs removed, 131.0 MB freed; 5 B remain in /store");
  done.partial = 1;
  CHECK(clean_text(done, true) ==
        "1 name and 2 blobs and 1 unfinished blob would be removed, 131.0 MB would be freed; 5 B remain in /store");
  const auto document = boost::json::parse(clean_json(done, true));
  CHECK(document.at("dry_run").as_bool());
  CHECK(document.at("references").at(0).as_string() == "docker.io/library/nginx:1.25");
  CHECK(document.at("blobs").at(0).at("digest").as_string() == some_digest('a').string());
  CHECK(document.at("freed").to_number<std::uint64_t>() == 131'000'000);
}

TEST_CASE("damage is told with the names that need it, and only what is settled counts as good") {
  verify_result found;
  found.blobs = 3;
  found.bytes = 1000;
  CHECK(verify_text(found, 2s) == "3 blobs, 1.0 kB, checked in 2.0 s: all are sound");
  verify_result nothing;
  nothing.directory = "/store";
  CHECK(verify_text(nothing, 2s) == "the store at /store is empty");
  found.damaged.resize(4);
  for (std::size_t i = 0; i < 4; ++i) found.damaged[i].blob.digest = some_digest(static_cast<char>('a' + i));
  found.damaged[0].references = {name_of("a:1"), name_of("b:1")};
  found.damaged[1].missing = true;
  found.damaged[1].references = {name_of("a:1")};
  found.damaged[2].repaired = true;
  found.damaged[3].quarantined = "/store/quarantine/d";
  CHECK(verify_lines(found) == "damaged " + some_digest('a').string() + " docker.io/library/a:1 docker.io/library/b:1\n" + "missing " +
                                   some_digest('b').string() + " docker.io/library/a:1\n" + "repaired " + some_digest('c').string() + "\n" +
                                   "damaged " + some_digest('d').string() + "\n");
  CHECK(verify_text(found, 2s) == "3 blobs, 1.0 kB, checked in 2.0 s: 2 damaged, 1 missing, 1 repaired");
  // The time is that of both, and what was fetched may be much more than what there was to check.
  found.damaged[2].blob.size = 2000;
  CHECK(verify_text(found, 2s) == "3 blobs, 1.0 kB, checked and repaired in 2.0 s: 2 damaged, 1 missing, 1 repaired (2.0 kB fetched)");
  // One that was not there when files were counted is there now.
  found.damaged[2].missing = true;
  CHECK(verify_text(found, 2s) == "4 blobs, 3.0 kB, checked and repaired in 2.0 s: 2 damaged, 1 missing, 1 repaired (2.0 kB fetched)");
  CHECK(unrepaired(found, false) == 3);
  CHECK(unrepaired(found, true) == 2);
  CHECK_FALSE(any_in_place({found.damaged[1], found.damaged[2], found.damaged[3]}));
  // What nothing needs counts as long as it is in the way.
  found.damaged[3].quarantined.clear();
  CHECK(unrepaired(found, true) == 3);
  CHECK(any_in_place({found.damaged[3]}));
  CHECK(boost::json::parse(verify_json(found)).at("damaged").as_array().size() == 4);
}

TEST_CASE("a record that cannot be read is told by its name and counts as damage") {
  verify_result found;
  found.damaged.resize(1);
  found.damaged[0].references = {name_of("a:1")};
  CHECK(verify_lines(found) == "damaged record docker.io/library/a:1\n");
  CHECK_THAT(verify_text(found, 2s), Catch::EndsWith("checked in 2.0 s: 1 damaged record"));
  CHECK(damaged_records(found.damaged) == 1);
  CHECK(unrepaired(found, false) == 1);
  CHECK(unrepaired(found, true) == 1);
  CHECK_FALSE(any_in_place(found.damaged));
  found.damaged[0].repaired = true;
  CHECK(verify_lines(found) == "repaired record docker.io/library/a:1\n");
  CHECK_THAT(verify_text(found, 2s), Catch::EndsWith("checked in 2.0 s: 1 repaired"));
  CHECK(damaged_records(found.damaged) == 0);
  CHECK(unrepaired(found, true) == 0);
}
