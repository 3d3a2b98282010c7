// Lists of images: what one of them does wrong stops no other, and a repetition asks by HEADs alone.
#include "faults/synced.hpp"

#include "support/catch.hpp"

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <variant>

using namespace gantry;
using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

constexpr unsigned many = 1000;

/// A thousand images: ten tags in each of a hundred repositories.
std::string hold_many(fake_registry& source) {
  std::string text = "[";
  for (unsigned repository = 0; repository < many / 10; ++repository) {
    const std::string name = "team/app" + std::to_string(repository);
    text += (repository == 0 ? "" : ",") + std::string("{\"source\": \"SOURCE/") + name + "\", \"tags\": [";
    for (unsigned tag = 0; tag < 10; ++tag) {
      source.hold(name, std::to_string(tag), small_image(repository * 10 + tag));
      text += (tag == 0 ? "\"" : ",\"") + std::to_string(tag) + "\"";
    }
    text += "]}";
  }
  return text + "]";
}

}  // namespace

TEST_CASE("a thousand images are synced once and told unchanged by one HEAD on each side", "[faults]") {
  synced s;
  const sync_list list = s.list(hold_many(s.source));
  const sync_report first = s.run(list);
  INFO(first.text.message());
  REQUIRE_FALSE(first.ec);
  CHECK(first.count(sync_state::copied) == many);
  CHECK(s.target.count("PUT manifest") == many);
  CHECK(s.target.has_tag("mirror/team/app99", "9"));
  const unsigned heads = s.target.count("HEAD manifest");
  const unsigned written = writes(s.target);
  s.source.forget_requests();
  const sync_report second = s.run(list);
  REQUIRE_FALSE(second.ec);
  CHECK(second.count(sync_state::unchanged) == many);
  CHECK(writes(s.target) == written);
  CHECK(s.target.count("HEAD manifest") == heads + many);
  CHECK(s.target.count("GET manifest") == 0);
  unsigned source_heads = 0;
  for (const recorded_request& request : s.source.requests()) source_heads += request.method == "HEAD" ? 1 : 0;
  CHECK(source_heads == many);
  CHECK(s.source.requests("/manifests/").size() == many);
  CHECK(s.source.requests("/blobs/").empty());
}

TEST_CASE("a list that was stopped goes on where it was", "[faults]") {
  synced s;
  const sync_list list = s.list(hold_many(s.source));
  const sync_report stopped = s.run(list, 100);
  CHECK(stopped.ec == errc::cancelled);
  const unsigned before = s.target.count("PUT manifest");
  REQUIRE(before >= 100);
  REQUIRE(before < many);
  const sync_report rest = s.run(list);
  INFO(rest.text.message());
  REQUIRE_FALSE(rest.ec);
  CHECK(rest.count(sync_state::copied) + rest.count(sync_state::unchanged) == many);
  // Manifests that were under way when it stopped may be written again.
  CHECK(s.target.count("PUT manifest") <= many + s.settings.jobs);
  CHECK(rest.count(sync_state::unchanged) + s.settings.jobs >= before);
}

TEST_CASE("parts of a list do together what the whole does", "[faults]") {
  synced s;
  s.options.lock_file.clear();
  const sync_list list = s.list(hold_many(s.source));
  std::size_t copied = 0;
  for (unsigned part = 1; part <= 3; ++part) {
    s.options.shard = {part, 3};
    const sync_report report = s.run(list);
    REQUIRE_FALSE(report.ec);
    CHECK(report.count(sync_state::copied) == report.result.images.size());
    CHECK(report.result.images.size() > 100);
    copied += report.result.images.size();
  }
  CHECK(copied == many);
  CHECK(s.target.count("PUT manifest") == many);
}

TEST_CASE("parts of a list that are given one lock keep what is of the others", "[faults]") {
  synced s;
  const std::set<std::string> names{"a", "b", "c", "d"};
  std::string text;
  for (const std::string& name : names) {
    s.source.hold("team/" + name, "1", small_image(static_cast<std::uint32_t>(name[0])));
    text += (text.empty() ? "[" : ",") + std::string(R"({"source": "SOURCE/team/)") + name + ":1\"}";
  }
  const auto locked = [&] {
    std::set<std::string> found;
    const std::string lock = slurp(s.options.lock_file);
    for (const std::string& name : names) {
      if (lock.find("/mirror/team/" + name + ":1") != std::string::npos) found.insert(name);
    }
    return found;
  };
  const sync_list list = s.list(text + "]");
  for (const unsigned part : {1, 2, 1}) {
    s.options.shard = {part, 2};
    const sync_report report = s.run(list);
    REQUIRE_FALSE(report.ec);
    REQUIRE(!report.result.images.empty());
    REQUIRE(report.result.images.size() < names.size());
  }
  CHECK(locked() == names);
  // What the list does not name any more goes with its part.
  s.options.shard = {1, 1};
  s.run(s.list(R"([{"source": "SOURCE/team/a:1"}])"));
  CHECK(locked() == std::set<std::string>{"a"});
}

TEST_CASE("a part of a list that looks at what the others bring follows no pages in circles", "[faults]") {
  synced s;
  s.target.list_tags_in_circles();
  for (const std::string name : {"a", "b", "c", "d"}) s.source.hold("team/" + name, "1", small_image(static_cast<std::uint32_t>(name[0])));
  std::size_t copied = 0;
  for (unsigned part = 1; part <= 2; ++part) {
    s.options.shard = {part, 2};
    const sync_report report = s.run(s.list(R"([{"source": "SOURCE/team/a:1"}, {"source": "SOURCE/team/b:1"},
      {"source": "SOURCE/team/c:1"}, {"source": "SOURCE/team/d:1"}])"));
    INFO(report.text.message());
    REQUIRE_FALSE(report.ec);
    copied += report.count(sync_state::copied);
  }
  CHECK(copied == 4);
  // One look each, two pages of each repository at most.
  CHECK(s.target.count("GET tags") > 0);
  CHECK(s.target.count("GET tags") <= 2 * 2 * 4);
}

TEST_CASE("an image that fails stops no other", "[faults]") {
  synced s;
  for (const std::string name : {"a", "b", "c", "d"}) s.source.hold("team/" + name, "1", small_image(static_cast<std::uint32_t>(name[0])));
  s.source.drop_blob(small_image('b').layers.front().digest);
  s.source.inject("/v2/team/d/manifests/", answer_with(500), 1, 0);
  const sync_report report = s.run(s.list(R"([
    {"source": "SOURCE/team/a", "tags": ["1", "2"]}, {"source": "SOURCE/team/b", "tags": ["1"]},
    {"source": "SOURCE/team/d", "tags": ["1"], "retries": 0}, {"source": "SOURCE/team/c:1", "tags": ["1", "stable"]}])"));
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  REQUIRE(report.result.images.size() == 6);
  CHECK(report.at("mirror/team/a:1").state == sync_state::copied);
  CHECK(report.at("mirror/team/a:2").code == errc::not_found);
  CHECK(report.at("mirror/team/b:1").code == errc::not_found);
  CHECK(report.at("mirror/team/d:1").code == errc::server_error);
  CHECK(report.at("mirror/team/c:stable").state == sync_state::copied);
  CHECK_FALSE(s.target.has_tag("mirror/team/b", "1"));
  CHECK(s.source.count("/v2/team/d/manifests/") == 1);
  CHECK(s.source.requests("/v2/team/c/manifests/1").size() == 1);  // one HEAD, however many names it gets
}

TEST_CASE("a dry run of a list writes nothing and counts what is shared once", "[faults]") {
  synced s;
  for (const std::string name : {"a", "b"}) s.source.hold("team/" + name, "1", small_image(1));
  s.options.dry_run = true;
  const auto text = R"([{"source": "SOURCE/team/a", "tags": ["1"]}, {"source": "SOURCE/team/b", "tags": ["1"]}])";
  const sync_report plan = s.run(s.list(text));
  CHECK(plan.count(sync_state::copied) == 2);
  CHECK(plan.result.blobs_uploaded == 2);
  CHECK(plan.result.blobs_mounted == 2);
  CHECK(writes(s.target) == 0);
  CHECK_FALSE(fs::exists(s.options.lock_file));
  s.options.dry_run = false;
  const sync_report done = s.run(s.list(text));
  CHECK(done.result.bytes_uploaded == plan.result.bytes_uploaded);
  CHECK(s.target.taken() == plan.result.bytes_uploaded);
}

TEST_CASE("referrers do not go into a directory, which is said before anything is asked", "[faults]") {
  synced s;
  s.options.referrers = true;
  s.options.to = (s.directory / "out").string();
  const sync_report report = s.run(s.list(R"([{"source": "SOURCE/team/a", "target": "x", "tags": ["1"]}])"));
  CHECK(report.ec == errc::invalid_option);
  CHECK(report.text.message().find("leave out --referrers") != std::string::npos);
  CHECK(s.source.count() == 0);
}

TEST_CASE("a repository in which an image could not be written is not pruned", "[faults]") {
  synced s;
  s.source.hold("team/app", "old", small_image(1));
  s.source.hold("team/other", "old", small_image(2));
  s.source.hold("team/other", "new", small_image(3));
  REQUIRE_FALSE(s.run(s.list(R"([{"source": "SOURCE/team/app:old"}, {"source": "SOURCE/team/other:old"}])")).ec);
  s.options.find_unwanted = true;
  const sync_report report = s.run(s.list(R"([{"source": "SOURCE/team/app:new"}, {"source": "SOURCE/team/other:new"}])"));
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  CHECK(report.count(sync_state::failed) == 1);
  REQUIRE(report.result.unwanted.size() == 1);
  CHECK(report.result.unwanted.front().string() == s.target.host() + "/mirror/team/other:old");
}

TEST_CASE("a list that contradicts itself is refused before anything is asked", "[faults]") {
  synced s;
  const sync_report report = s.run(s.list(R"([{"source": "SOURCE/team/a", "target": "x", "tags": ["1"]},
    {"source": "SOURCE/team/b", "target": "x", "tags": ["1"]}])"));
  CHECK(report.ec == errc::invalid_option);
  CHECK(report.text.message().find("both write") != std::string::npos);
  CHECK(s.source.count() == 0);
}

TEST_CASE("a filter that meets a tag of another entry fails alone", "[faults]") {
  synced s;
  upload_registry source;
  s.settings.plain_http.insert(source.host());
  for (const std::string tag : {"1", "2"}) source.hold("team/app", tag, small_image(1));
  source.hold("team/own", "2", small_image(2));
  s.source.hold("team/other", "1", small_image(3));
  const std::string host = source.host();
  const sync_report report = s.run(s.list(R"([{"source": ")" + host +
                                          R"(/team/app", "target": "x", "tags": ["1"], "filter": {"regex": "."}},
    {"source": ")" + host + R"(/team/own", "target": "x", "tags": ["2"]}, {"source": "SOURCE/team/other:1"}])"));
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  CHECK(report.count(sync_state::copied) == 3);
  CHECK(report.at("mirror/x:1").state == sync_state::copied);
  CHECK(report.at("mirror/team/other:1").state == sync_state::copied);
  CHECK(s.target.manifest("mirror/x", "2") == small_image(2).manifest.bytes);
  REQUIRE(report.count(sync_state::failed) == 1);
  CHECK(report.at("mirror/x:").entry == 1);
  CHECK(report.at("mirror/x:").message.find("both write") != std::string::npos);
}

TEST_CASE("the list of a repository is asked once for all entries that filter it", "[faults]") {
  synced s;
  upload_registry source;
  s.settings.plain_http.insert(source.host());
  for (const std::string tag : {"1.0", "1.1", "2.0"}) source.hold("team/app", tag, small_image(1));
  const std::string name = source.host() + "/team/app";
  const sync_report report = s.run(s.list(R"([{"source": ")" + name + R"(", "target": "one", "filter": {"semver": "^1"}},
    {"source": ")" + name + R"(", "target": "two", "filter": {"semver": "^2"}},
    {"source": ")" + name + R"(", "target": "all", "filter": {"regex": ".*"}}])"));
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  CHECK(report.count(sync_state::copied) == 6);
  CHECK(source.count("GET tags") == 1);
}

TEST_CASE("manifests are written under their last names alone: there are no temporary tags", "[faults]") {
  synced s;
  const test_image arm = small_image(2, "arm64");
  s.source.hold("team/two", "1", build_index(media_family::oci, {small_image(1), arm}));
  s.source.hold("team/one", "1", small_image(3));
  s.options.allow_partial = true;
  const sync_report report = s.run(s.list(R"([{"source": "SOURCE/team/two", "tags": ["1"]},
    {"source": "SOURCE/team/two:1", "tags": ["part"], "architectures": ["arm64", "s390x"], "architecture_timeouts": {"arm64": "5m"}},
    {"source": "SOURCE/team/one:1", "tags": ["1", "latest"]}])"));
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  CHECK(report.count(sync_state::failed) == 0);
  std::set<std::string> tags;
  for (const std::string& name : s.target.written()) {
    if (name.find("@") == std::string::npos && name.find("sha256:") == std::string::npos) tags.insert(name);
  }
  CHECK(tags == std::set<std::string>{"mirror/team/two:1", "mirror/team/two:part", "mirror/team/one:1", "mirror/team/one:latest"});
}

TEST_CASE("tags of a list are told by their targets", "[faults]") {
  synced s;
  s.source.hold("team/app", "1", small_image(1));
  std::set<std::string> told;
  s.options.on_event = [&](const event& what) {
    if (const auto* const resolved = std::get_if<image_resolved>(&what)) told.insert(resolved->reference.string());
  };
  for (const sync_state state : {sync_state::copied, sync_state::unchanged}) {
    told.clear();
    CHECK(s.run(s.list(R"([{"source": "SOURCE/team/app:1", "tags": ["a", "b"]}])")).count(state) == 2);
    CHECK(told == std::set<std::string>{s.target.host() + "/mirror/team/app:a", s.target.host() + "/mirror/team/app:b"});
  }
}
