// Lists of images: what one of them does wrong stops no other, and a repetition asks by HEADs alone.
#include "faults/puller.hpp"

#include "support/catch.hpp"
#include "support/scripted_server.hpp"
#include "support/upload_registry.hpp"

#include <gantry/sync.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

using namespace gantry;
using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

struct sync_report {
  error_code ec;
  diagnostics text;
  sync_result result;

  std::size_t count(sync_state state) const {
    return static_cast<std::size_t>(
        std::count_if(result.images.begin(), result.images.end(), [&](const synced_image& one) { return one.state == state; }));
  }
  const synced_image& at(const std::string& target) const {
    for (const synced_image& one : result.images) {
      if (one.target.repository() + ":" + one.target.tag() == target) return one;
    }
    FAIL("no result for " + target);
    return result.images.front();
  }
};

test_image small_image(std::uint32_t seed, const std::string& architecture = "amd64") {
  image_recipe recipe;
  recipe.architecture = architecture;
  recipe.layers = {300};
  recipe.seed = seed;
  return build_image(recipe);
}

/// A source that fails as it is told, and a target that counts.
struct synced {
  synced() {
    settings = puller(source).settings;
    settings.cache_dir = directory / "store";
    settings.plain_http.insert(target.host());
    settings.jobs = 4;
    options.to = push_prefix{target.host(), "mirror"};
    options.lock_file = directory / "images.lock.json";
  }

  /// The `SOURCE` of entries stands for the source's host.
  sync_list list(std::string text) const {
    const std::string word = "SOURCE";
    for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos;) text.replace(at, word.size(), source.host());
    error_code ec;
    diagnostics why;
    sync_list made = parse_sync_list(text, "images.json", ec, why);
    INFO(why.message());
    REQUIRE_FALSE(ec);
    return made;
  }

  /// \param stop_after cancels when that many manifests are at the target; 0: never
  sync_report run(sync_list what, unsigned stop_after = 0) {
    sync_report report;
    boost::asio::io_context context;
    boost::asio::cancellation_signal stop;
    sync_options given = options;
    given.on_event = [&](const event& told) {
      if (options.on_event) options.on_event(told);
      if (stop_after != 0 && target.count("PUT manifest") >= stop_after) stop.emit(boost::asio::cancellation_type::terminal);
    };
    bool completed = false;
    {
      engine one(context.get_executor(), settings);
      one.async_sync(std::move(what), given, report.text,
                     boost::asio::bind_cancellation_slot(stop.slot(), [&](error_code failed, sync_result result) {
                       report.ec = failed;
                       report.result = std::move(result);
                       completed = true;
                       one.async_shutdown([](error_code) {});
                     }));
      context.run_for(std::chrono::minutes(5));
    }
    REQUIRE(completed);
    return report;
  }

  fake_registry source;
  upload_registry target;
  temp_dir directory;
  engine_options settings;
  sync_options options;
};

unsigned writes(const upload_registry& target) {
  return target.count("PUT manifest") + target.count("PUT blob") + target.count("POST session") + target.count("POST mount") +
         target.count("PATCH blob");
}

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

TEST_CASE("the time of an entry ends its image and no other", "[faults]") {
  synced s;
  s.settings.timeouts.idle = std::chrono::minutes(2);
  s.settings.timeouts.header = std::chrono::minutes(2);
  for (const std::string name : {"a", "b"}) s.source.hold("team/" + name, "1", small_image(static_cast<std::uint32_t>(name[0])));
  s.source.inject("/blobs/" + small_image('a').layers.front().digest, stall_after(10), 1, 0);
  const sync_report report = s.run(s.list(R"([{"source": "SOURCE/team/a", "tags": ["1"], "timeout": "1s"},
    {"source": "SOURCE/team/b", "tags": ["1"]}])"));
  REQUIRE_FALSE(report.ec);
  const synced_image& late = report.at("mirror/team/a:1");
  CHECK(late.code == errc::timed_out);
  CHECK(late.message.find("1.0 s, the time that the list allows") != std::string::npos);
  CHECK(report.at("mirror/team/b:1").state == sync_state::copied);
}

TEST_CASE("a missing architecture keeps its tag unwritten unless a part will do", "[faults]") {
  synced s;
  s.source.hold("team/two", "1", build_index(media_family::docker, {small_image(1), small_image(2, "arm64")}));
  s.source.hold("team/one", "1", small_image(3));
  const auto text = R"([{"source": "SOURCE/team/two", "tags": ["1"], "architectures": ["amd64", "s390x"]},
    {"source": "SOURCE/team/one", "tags": ["1"], "architectures": ["amd64"]},
    {"source": "SOURCE/team/one:1", "tags": ["other"], "architectures": ["arm64"]}])";
  const sync_report strict = s.run(s.list(text));
  REQUIRE_FALSE(strict.ec);
  CHECK(strict.at("mirror/team/two:1").code == errc::platform_not_found);
  CHECK_FALSE(s.target.has_tag("mirror/team/two", "1"));
  CHECK(strict.at("mirror/team/one:1").state == sync_state::copied);
  CHECK(strict.at("mirror/team/one:other").code == errc::platform_not_found);

  s.options.allow_partial = true;
  const sync_report lenient = s.run(s.list(text));
  REQUIRE_FALSE(lenient.ec);
  const synced_image& part = lenient.at("mirror/team/two:1");
  CHECK(part.state == sync_state::partial);
  REQUIRE(part.missing.size() == 1);
  CHECK(part.missing.front().architecture == "s390x");
  CHECK(part.top.media_type == "application/vnd.docker.distribution.manifest.list.v2+json");
  CHECK(s.target.has_tag("mirror/team/two", "1"));
  // Nothing of what is asked for is no part of it.
  CHECK(lenient.at("mirror/team/one:other").code == errc::platform_not_found);
  CHECK_FALSE(s.target.has_tag("mirror/team/one", "other"));
}

TEST_CASE("each architecture has its time", "[faults]") {
  synced s;
  s.settings.timeouts.idle = std::chrono::minutes(2);
  const test_image slow = small_image(2, "arm64");
  s.source.hold("team/two", "1", build_index(media_family::oci, {small_image(1), slow}));
  s.source.inject("/blobs/" + slow.layers.front().digest, stall_after(10), 1, 0);
  const auto text = R"([{"source": "SOURCE/team/two", "tags": ["1"], "architectures": ["amd64", "arm64"],
    "architecture_timeouts": {"arm64": "1s"}}])";
  const sync_report strict = s.run(s.list(text));
  REQUIRE_FALSE(strict.ec);
  CHECK(strict.at("mirror/team/two:1").code == errc::timed_out);
  CHECK(strict.at("mirror/team/two:1").message.find("linux/arm64") != std::string::npos);
  CHECK_FALSE(s.target.has_tag("mirror/team/two", "1"));
  s.options.allow_partial = true;
  CHECK(s.run(s.list(text)).at("mirror/team/two:1").state == sync_state::partial);
  s.source.heal();
  CHECK(s.run(s.list(text)).at("mirror/team/two:1").state == sync_state::copied);
}

TEST_CASE("a choice of platforms that is unchanged is known from the lock by HEADs", "[faults]") {
  synced s;
  const auto hold = [&](std::uint32_t seed) {
    s.source.hold("team/two", "1", build_index(media_family::oci, {small_image(seed), small_image(2, "arm64"), small_image(3, "s390x")}));
  };
  hold(1);
  const auto text = R"([{"source": "SOURCE/team/two", "tags": ["1"], "architectures": ["amd64", "arm64"]}])";
  CHECK(s.run(s.list(text)).count(sync_state::copied) == 1);
  s.source.forget_requests();
  const unsigned heads = s.target.count("HEAD manifest");
  CHECK(s.run(s.list(text)).count(sync_state::unchanged) == 1);
  REQUIRE(s.source.requests().size() == 1);
  CHECK(s.source.requests().front().method == "HEAD");
  CHECK(s.target.count("HEAD manifest") == heads + 1);
  // The source has moved, the lock is gone, the lock is damaged: looked at again.
  hold(4);
  CHECK(s.run(s.list(text)).count(sync_state::copied) == 1);
  fs::remove(s.options.lock_file);
  CHECK(s.run(s.list(text)).count(sync_state::unchanged) == 1);
  std::ofstream(s.options.lock_file) << "{";
  CHECK(s.run(s.list(text)).count(sync_state::unchanged) == 1);
  s.source.forget_requests();
  CHECK(s.run(s.list(text)).count(sync_state::unchanged) == 1);
  CHECK(s.source.requests().size() == 1);
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

TEST_CASE("a list that contradicts itself is refused before anything is asked", "[faults]") {
  synced s;
  const sync_report report = s.run(s.list(R"([{"source": "SOURCE/team/a", "target": "x", "tags": ["1"]},
    {"source": "SOURCE/team/b", "target": "x", "tags": ["1"]}])"));
  CHECK(report.ec == errc::invalid_option);
  CHECK(report.text.message().find("both write") != std::string::npos);
  CHECK(s.source.count() == 0);
}

TEST_CASE("a layer that several entries share goes up once and is mounted", "[faults]") {
  synced s;
  const test_image image = small_image(7);
  for (const std::string name : {"a", "b", "c"}) s.source.hold("team/" + name, "1", image);
  const sync_report report = s.run(s.list(R"([{"source": "SOURCE/team/a:1"}, {"source": "SOURCE/team/b:1"},
    {"source": "SOURCE/team/c:1", "tags": ["1", "2"]}])"));
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  CHECK(report.count(sync_state::copied) == 4);
  CHECK(s.target.count("PUT blob") == 2);
  CHECK(s.target.count("POST mount") == 4);
  CHECK(report.result.blobs_uploaded == 2);
  CHECK(report.result.blobs_mounted == 4);
  CHECK(s.source.count("/blobs/" + image.layers.front().digest) == 1);
}

namespace {

constexpr const char* manifest_type = "application/vnd.oci.image.manifest.v1+json";

/// A manifest that refers to \p image.
test_blob signature_of(const test_image& image, const std::string& note) {
  return test_blob::of(manifest_type, std::string(R"({"schemaVersion":2,"mediaType":")") + manifest_type +
                                          R"(","artifactType":"application/vnd.test.signature","config":{)" +
                                          image.config.descriptor_members() + R"(},"layers":[],"subject":{)" +
                                          image.manifest.descriptor_members() + R"(},"annotations":{"note":")" + note + "\"}}");
}

}  // namespace

TEST_CASE("what refers to images goes with a list, to unchanged ones too", "[faults]") {
  synced s;
  s.options.referrers = true;
  const test_image image = small_image(9);
  s.source.hold("team/app", "1", image);
  const std::string fallback = "sha256-" + image.manifest.digest.substr(7);
  // A registry without the API: what refers to the image is listed by a tag.
  std::string listed;
  const auto refer = [&](const std::string& note) {
    const test_blob signature = signature_of(image, note);
    s.source.hold_manifest("team/app", signature.digest, signature);
    listed += (listed.empty() ? "{" : ",{") + signature.descriptor_members() + "}";
    s.source.hold_manifest(
        "team/app", fallback,
        test_blob::of("application/vnd.oci.image.index.v1+json",
                      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)" + listed + "]}"));
    return signature.digest;
  };
  const std::string first = refer("first");
  s.source.hold_manifest("team/app", fallback + ".sig", image.manifest);
  const sync_list list = s.list(R"([{"source": "SOURCE/team/app:1"}])");
  const sync_report copied = s.run(list);
  INFO(copied.text.message());
  REQUIRE_FALSE(copied.ec);
  CHECK(copied.at("mirror/team/app:1").referrers == 2);
  CHECK(s.target.has_tag("mirror/team/app", first));
  CHECK(s.target.has_tag("mirror/team/app", fallback));
  CHECK(s.target.has_tag("mirror/team/app", fallback + ".sig"));
  const std::string second = refer("second");
  const sync_report again = s.run(list);
  REQUIRE_FALSE(again.ec);
  CHECK(again.at("mirror/team/app:1").state == sync_state::unchanged);
  CHECK(s.target.has_tag("mirror/team/app", second));
}

TEST_CASE("a later run of a list goes on with an upload", "[faults]") {
  synced s;
  s.settings.attempts = 2;
  s.settings.jobs = 1;
  const test_image image = app_image();
  s.source.hold("team/app", "1.0", image);
  const sync_list list = s.list(R"([{"source": "SOURCE/team/app:1.0"}])");
  s.target.fail("PUT blob", {upload_fault::kind::reset, 0, {}, 1'000'000});
  s.target.fail("GET session", {upload_fault::kind::answer, 503, {}, 0}, 1, 0);
  REQUIRE(s.run(list).count(sync_state::failed) == 1);
  s.target.heal();
  const sync_report rest = s.run(list);
  INFO(rest.text.message());
  REQUIRE_FALSE(rest.ec);
  CHECK(rest.count(sync_state::copied) == 1);
  CHECK(s.target.count("PATCH blob") == 1);
  std::uint64_t all = image.config.bytes.size();
  for (const test_blob& layer : image.layers) all += layer.bytes.size();
  CHECK(s.target.taken() == all);  // no byte was taken twice
  // What the first run sent is not told as sent by this one.
  CHECK(rest.result.bytes_uploaded == all - 1'000'000);
}

TEST_CASE("a layer that another entry has brought meanwhile is mounted although an upload of it was kept", "[faults]") {
  synced s;
  s.settings.attempts = 2;
  s.settings.jobs = 1;
  const test_image image = app_image();
  for (const std::string name : {"a", "b"}) s.source.hold("team/" + name, "1", image);
  s.target.fail("PUT blob", {upload_fault::kind::reset, 0, {}, 1'000'000});
  s.target.fail("GET session", {upload_fault::kind::answer, 503, {}, 0}, 1, 0);
  REQUIRE(s.run(s.list(R"([{"source": "SOURCE/team/a:1"}])")).count(sync_state::failed) == 1);
  s.target.heal();
  const std::uint64_t before = s.target.taken();
  const unsigned asked = s.target.count("GET session");
  // The other way round: what was broken off comes second.
  const sync_report report = s.run(s.list(R"([{"source": "SOURCE/team/b:1"}, {"source": "SOURCE/team/a:1"}])"));
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  CHECK(report.count(sync_state::copied) == 2);
  std::uint64_t all = image.config.bytes.size();
  for (const test_blob& layer : image.layers) all += layer.bytes.size();
  CHECK(s.target.taken() - before == all);
  CHECK(report.result.blobs_mounted == 3);
  CHECK(s.target.count("GET session") == asked);
  CHECK(fs::is_empty(fs::path(s.settings.cache_dir) / "state" / "uploads"));
}

TEST_CASE("an entry whose target is dead is tried once, and the others of it fail like it", "[faults]") {
  synced s;
  s.settings.backoff = std::chrono::milliseconds(1);
  const std::string nobody = "127.0.0.1:1";
  s.settings.plain_http.insert(nobody);
  for (const std::string name : {"a", "b", "c"}) s.source.hold("team/" + name, "1", small_image(static_cast<std::uint32_t>(name[0])));
  std::size_t retries = 0;
  s.options.on_event = [&](const event& what) { retries += std::holds_alternative<retry_scheduled>(what) ? 1 : 0; };
  const sync_report report = s.run(s.list(R"([{"source": "SOURCE/team/a:1", "registry": "127.0.0.1:1"},
    {"source": "SOURCE/team/b:1", "registry": "127.0.0.1:1"}, {"source": "SOURCE/team/c:1", "registry": "127.0.0.1:1"},
    {"source": "SOURCE/team/a:1"}, {"source": "SOURCE/team/b:1"}])"));
  REQUIRE_FALSE(report.ec);
  CHECK(report.count(sync_state::copied) == 2);
  REQUIRE(report.count(sync_state::failed) == 3);
  CHECK(retries == 2);
  std::size_t told = 0;
  for (const synced_image& one : report.result.images) {
    if (one.state != sync_state::failed) continue;
    CHECK(one.code == errc::connection_refused);
    told += one.message == "given up: nobody listens at 127.0.0.1:1, as was found with 127.0.0.1:1/team/a:1" ? 1 : 0;
  }
  CHECK(told == 2);
}

TEST_CASE("a target that never answers holds up no other of a list and is given up", "[faults]") {
  synced s;
  const scripted_server dead({await_end});
  const std::string silent = "127.0.0.1:" + std::to_string(dead.port());
  s.settings.plain_http.insert(silent);
  s.settings.backoff = std::chrono::milliseconds(1);
  s.settings.budget = std::chrono::minutes(15);
  s.settings.timeouts.header = std::chrono::seconds(15);
  constexpr unsigned count = 8;
  std::string text = "[";
  for (unsigned i = 0; i < count; ++i) {
    const std::string name = "team/app" + std::to_string(i);
    s.source.hold(name, "1", small_image(i + 1));
    text += (i == 0 ? "" : ",") + std::string(R"({"source": "SOURCE/)") + name + R"(:1", "registry": ")" + silent +
            R"("}, {"source": "SOURCE/)" + name + R"(:1"})";
  }
  // What was there when the silent one had been waited for once.
  std::optional<unsigned> there;
  s.options.on_event = [&](const event& what) {
    if (std::holds_alternative<retry_scheduled>(what) && !there) there = s.target.count("PUT manifest");
  };
  const sync_report report = s.run(s.list(text + "]"));
  REQUIRE_FALSE(report.ec);
  CHECK(report.count(sync_state::copied) == count);
  CHECK(report.count(sync_state::failed) == count);
  CHECK(there == count);
  std::size_t told = 0;
  std::string messages;
  for (const synced_image& one : report.result.images) {
    told += one.message.find("given up: " + silent + " does not answer") != std::string::npos ? 1 : 0;
    messages += one.message + "\n";
  }
  INFO(messages);
  CHECK(told == count - 1);
}

TEST_CASE("the target of a tag is asked while its source is", "[faults]") {
  synced s;
  s.settings.timeouts.header = std::chrono::seconds(3);
  s.settings.attempts = 1;
  s.source.hold("team/app", "1", small_image(1));
  s.source.inject("/manifests/", no_answer(), 1, 0);
  const sync_report report = s.run(s.list(R"([{"source": "SOURCE/team/app:1"}])"));
  REQUIRE_FALSE(report.ec);
  CHECK(report.count(sync_state::failed) == 1);
  CHECK(s.target.count("HEAD manifest") == 1);
}

TEST_CASE("a source that lacks an image is believed although the target is silent", "[faults]") {
  synced s;
  const scripted_server dead({await_end});
  const std::string silent = "127.0.0.1:" + std::to_string(dead.port());
  s.settings.plain_http.insert(silent);
  s.settings.timeouts.header = std::chrono::hours(1);
  const sync_report report = s.run(s.list(R"([{"source": "SOURCE/team/app:1", "registry": ")" + silent + R"("}])"));
  REQUIRE_FALSE(report.ec);
  REQUIRE(report.result.images.size() == 1);
  CHECK(report.result.images.front().code == errc::not_found);
}

TEST_CASE("a dead source of which a mirror holds one image is given up for the others", "[faults]") {
  synced s;
  s.settings.backoff = std::chrono::milliseconds(1);
  s.settings.budget = std::chrono::minutes(15);
  s.settings.plain_http.insert("127.0.0.1:1");
  s.source.hold("team/a", "1", small_image(1));
  const std::string text = R"([{"source": "127.0.0.1:1/team/a:1", "mirrors": ["http://SOURCE"]},
    {"source": "127.0.0.1:1/team/b:1"}, {"source": "127.0.0.1:1/team/c:1"}, {"source": "127.0.0.1:1/team/d:1"}])";
  const sync_list list = s.list(text);
  s.settings.mirrors = list.mirrors();
  std::size_t retries = 0;
  s.options.on_event = [&](const event& what) { retries += std::holds_alternative<retry_scheduled>(what) ? 1 : 0; };
  const sync_report report = s.run(list);
  REQUIRE_FALSE(report.ec);
  CHECK(report.at("mirror/team/a:1").state == sync_state::copied);
  CHECK(report.count(sync_state::failed) == 3);
  CHECK(retries == 2);
  std::size_t told = 0;
  for (const synced_image& one : report.result.images) {
    INFO(one.message);
    CHECK((one.state == sync_state::copied || one.code == errc::connection_refused));
    told += one.message.find("given up: nobody listens at 127.0.0.1:1,") == 0 ? 1 : 0;
  }
  CHECK(told == 2);
}

TEST_CASE("what a mirror lacks of a dead source is not waited for although it gave another image", "[faults]") {
  synced s;
  s.settings.backoff = std::chrono::milliseconds(1);
  s.settings.budget = std::chrono::minutes(15);
  s.settings.plain_http.insert("127.0.0.1:1");
  s.source.hold("team/a", "1", small_image(1));
  const sync_list list = s.list(R"({"defaults": {"mirrors": ["127.0.0.1:1=http://SOURCE"]}, "images": [
    {"source": "127.0.0.1:1/team/a:1"}, {"source": "127.0.0.1:1/team/b:1"}]})");
  s.settings.mirrors = list.mirrors();
  s.settings.jobs = 1;
  const sync_report report = s.run(list);
  REQUIRE_FALSE(report.ec);
  CHECK(report.at("mirror/team/a:1").state == sync_state::copied);
  CHECK(report.at("mirror/team/b:1").code == errc::connection_refused);
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

namespace {

/// The digest that the directory's index.json has for \p name.
std::string named_in(const fs::path& directory, const std::string& name) {
  std::ifstream file(directory / "index.json");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const std::size_t at = text.find("\"" + name + "\"");
  if (at == std::string::npos) return {};
  const std::size_t digest = text.rfind("sha256:", at);
  return digest == std::string::npos ? std::string() : text.substr(digest, 7 + 64);
}

}  // namespace

TEST_CASE("the digest that is told of an image in a directory is the one that the directory names", "[faults]") {
  synced s;
  const fs::path out = s.directory / "out";
  s.options.to = out.string();
  const test_image arm = small_image(2, "arm64");
  s.source.hold("team/two", "1", build_index(media_family::oci, {small_image(1), arm, small_image(3, "s390x")}));
  const sync_list list = s.list(R"([{"source": "SOURCE/team/two:1", "target": "one", "architectures": ["arm64"]},
    {"source": "SOURCE/team/two:1", "target": "pair", "architectures": ["s390x", "amd64"]}, {"source": "SOURCE/team/two:1", "target": "all"}])");
  s.options.dry_run = true;
  const sync_report plan = s.run(list);
  INFO(plan.text.message());
  REQUIRE_FALSE(plan.ec);
  s.options.dry_run = false;
  std::ofstream(s.options.lock_file) << "the lock of a registry";
  const sync_report first = s.run(list);
  INFO(first.text.message());
  REQUIRE_FALSE(first.ec);
  s.options.dry_run = true;
  const sync_report again = s.run(list);
  REQUIRE_FALSE(again.ec);
  for (const std::string name : {"one", "pair", "all"}) {
    INFO(name);
    const std::string there = named_in(out, s.source.host() + "/" + name + ":1");
    CHECK_FALSE(there.empty());
    CHECK(first.at(name + ":1").top.digest.string() == there);
    CHECK(plan.at(name + ":1").top.digest.string() == there);
    CHECK(again.at(name + ":1").top.digest.string() == there);
    CHECK(plan.at(name + ":1").state == sync_state::copied);
    CHECK(again.at(name + ":1").state == sync_state::unchanged);
  }
  CHECK(first.at("one:1").top.digest.string() == arm.manifest.digest);
  // A directory has no need of the lock that lies beside the list.
  std::ifstream lock(s.options.lock_file);
  const std::string kept((std::istreambuf_iterator<char>(lock)), std::istreambuf_iterator<char>());
  CHECK(kept == "the lock of a registry");
}

TEST_CASE("what a prune lets go of a directory is named, and nothing goes that a filter may mean", "[faults]") {
  synced s;
  const fs::path out = s.directory / "out";
  s.options.to = out.string();
  for (const std::string name : {"a", "b", "c"}) s.source.hold("team/" + name, "1", small_image(static_cast<std::uint32_t>(name[0])));
  REQUIRE_FALSE(s.run(s.list(R"([{"source": "SOURCE/team/a:1"}, {"source": "SOURCE/team/b:1"}, {"source": "SOURCE/team/c:1"}])")).ec);
  // The tags of c cannot be listed.
  s.source.inject("/tags/list", answer_with(404), 1, 0);
  s.options.find_unwanted = true;
  s.options.dry_run = true;
  const sync_list list = s.list(R"([{"source": "SOURCE/team/a:1"}, {"source": "SOURCE/team/c", "filter": {"newest": 1}}])");
  const std::string gone = s.source.host() + "/team/b:1";
  for (const bool dry : {true, false}) {
    s.options.dry_run = dry;
    const sync_report report = s.run(list);
    INFO(report.text.message());
    REQUIRE_FALSE(report.ec);
    REQUIRE(report.result.dropped.size() == 1);
    CHECK(report.result.dropped.front().string() == gone);
    CHECK(named_in(out, gone).empty() == !dry);
    CHECK_FALSE(named_in(out, s.source.host() + "/team/c:1").empty());
  }
}
