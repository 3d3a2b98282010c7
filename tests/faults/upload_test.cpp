// Uploads: what a registry does wrong while it takes blobs.
#include "faults/puller.hpp"

#include "support/catch.hpp"
#include "support/upload_registry.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <utility>

using namespace gantry;
using namespace gantry::test;
using kind = gantry::test::upload_fault::kind;

namespace {

struct uploaded {
  uploaded() {
    source.hold("team/app", "1.0", image);
    settings = puller(source).settings;
    settings.plain_http.insert(target.host());
    settings.jobs = 1;  // one blob at a time, the largest first, so that the first PUT is known
    settings.cache_dir = directory / "store";
  }

  error_code copy() { return copy(source.host() + "/team/app:1.0", target.host() + "/copied/app:1.0"); }
  error_code copy(const std::string& from_name, const std::string& to_name) {
    boost::asio::io_context context;
    error_code ec;
    const reference from = reference::parse(from_name, ec);
    const reference to = reference::parse(to_name, ec);
    REQUIRE_FALSE(ec);
    bool completed = false;
    {
      engine one(context.get_executor(), settings);
      one.async_copy(from, to, copy_options(), text, [&](error_code failed, copy_result made) {
        ec = failed;
        result = std::move(made);
        completed = true;
        one.async_shutdown([](error_code) {});
      });
      context.run_for(std::chrono::minutes(5));
    }
    REQUIRE(completed);
    return ec;
  }
  bool complete() const {
    bool there = target.has_tag("copied/app", "1.0") && target.blob(image.config.digest) == image.config.bytes;
    for (const test_blob& layer : image.layers) there = there && target.blob(layer.digest) == layer.bytes;
    return there;
  }

  fake_registry source;
  upload_registry target;
  test_image image = app_image();
  temp_dir directory;
  engine_options settings;
  diagnostics text;
  copy_result result;
};

}  // namespace

TEST_CASE("an upload that is cut goes on where it stopped", "[faults]") {
  uploaded u;
  u.target.fail("PUT blob", {kind::reset, 0, {}, 1'000'000});
  CHECK_FALSE(u.copy());
  INFO(u.text.message());
  CHECK(u.complete());
  CHECK(u.target.count("GET session") == 1);
  CHECK(u.target.count("PATCH blob") == 1);
  std::uint64_t all = u.image.config.bytes.size();
  for (const test_blob& layer : u.image.layers) all += layer.bytes.size();
  CHECK(u.target.taken() == all);  // no byte was taken twice
}

TEST_CASE("answers that say not now are tried again", "[faults]") {
  const unsigned status = GENERATE(500U, 503U, 429U);
  uploaded u;
  u.target.fail("PUT blob", {kind::answer, status, {}, 0}, 1, 2);
  CHECK_FALSE(u.copy());
  INFO(u.text.message());
  CHECK(u.complete());
}

TEST_CASE("a session that is lost begins anew", "[faults]") {
  uploaded u;
  u.target.fail("PUT blob", {kind::reset, 0, {}, 1'000'000});
  u.target.fail("GET session", {kind::forget, 404, {}, 0});
  CHECK_FALSE(u.copy());
  INFO(u.text.message());
  CHECK(u.complete());
  CHECK(u.target.count("POST session") == 4);
}

TEST_CASE("a registry that has another number of bytes than we think is asked", "[faults]") {
  uploaded u;
  u.target.fail("PUT blob", {kind::reset, 0, {}, 1'000'000});
  u.target.fail("PATCH blob", {kind::answer, 416, {}, 0});
  CHECK_FALSE(u.copy());
  INFO(u.text.message());
  CHECK(u.complete());
}

TEST_CASE("a registry without chunks gets the whole again when an upload was cut", "[faults]") {
  uploaded u;
  u.target.fail("PUT blob", {kind::reset, 0, {}, 1'000'000});
  u.target.fail("PATCH blob", {kind::answer, 405, {}, 0}, 1, 0);
  CHECK_FALSE(u.copy());
  INFO(u.text.message());
  CHECK(u.complete());
}

TEST_CASE("a registry that takes nothing in one piece gets chunks", "[faults]") {
  uploaded u;
  u.target.fail("PUT blob", {kind::answer, 413, {}, 0});
  CHECK_FALSE(u.copy());
  INFO(u.text.message());
  CHECK(u.complete());
  CHECK(u.target.count("PATCH blob") >= 1);
}

TEST_CASE("a session without a place, or in a place that may not be asked, ends the upload", "[faults]") {
  const std::string location = GENERATE("", "Location: http://192.168.7.7:5000/upload\r\n", "Location: ftp://127.0.0.1/upload\r\n");
  uploaded u;
  u.target.fail("POST session", {kind::location, 202, location, 0}, 1, 0);
  const error_code ec = u.copy();
  CHECK(ec);
  CHECK_FALSE(u.target.has_tag("copied/app", "1.0"));
  CHECK(u.target.taken() == 0);
}

TEST_CASE("a registry that refuses mounts gets the bytes", "[faults]") {
  uploaded u;
  u.target.hold("first/app", "1.0", u.image);
  u.target.fail("POST mount", {kind::answer, 405, {}, 0}, 1, 0);
  CHECK_FALSE(u.copy(u.target.host() + "/first/app:1.0", u.target.host() + "/copied/app:1.0"));
  INFO(u.text.message());
  CHECK(u.complete());
  CHECK(u.result.blobs_mounted == 0);
  CHECK(u.result.blobs_uploaded == 3);
  CHECK(u.target.count("POST mount") == 3);
}

TEST_CASE("a manifest that is refused for a moment is written again", "[faults]") {
  uploaded u;
  u.target.fail("PUT manifest", {kind::answer, 503, {}, 0});
  CHECK_FALSE(u.copy());
  CHECK(u.complete());
}

namespace {

/// An image in the store, and pushes of it.
struct pushed : uploaded {
  pushed() {
    settings.attempts = 2;
    const pull_report pulled = puller_with_store();
    REQUIRE_FALSE(pulled.ec);
  }
  pull_report puller_with_store() {
    puller pulls(source);
    pulls.settings.cache_dir = settings.cache_dir;
    return pulls.pull();
  }
  error_code push() {
    boost::asio::io_context context;
    error_code ec;
    const reference from = reference::parse(source.host() + "/team/app:1.0", ec);
    const reference to = reference::parse(target.host() + "/copied/app:1.0", ec);
    bool completed = false;
    {
      engine one(context.get_executor(), settings);
      one.async_push(from, to, push_options(), text, [&](error_code failed, push_result) {
        ec = failed;
        completed = true;
        one.async_shutdown([](error_code) {});
      });
      context.run_for(std::chrono::minutes(5));
    }
    REQUIRE(completed);
    return ec;
  }
  std::vector<std::filesystem::path> kept() const {
    std::vector<std::filesystem::path> files;
    std::error_code none;
    for (std::filesystem::directory_iterator i(settings.cache_dir / "state" / "uploads", none), end; i != end; ++i) files.push_back(*i);
    return files;
  }
  std::uint64_t all_bytes() const {
    std::uint64_t all = image.config.bytes.size();
    for (const test_blob& layer : image.layers) all += layer.bytes.size();
    return all;
  }
  /// A push that ends while the large layer is under way.
  void break_off() {
    target.fail("PUT blob", {kind::reset, 0, {}, 1'000'000});
    target.fail("GET session", {kind::answer, 503, {}, 0}, 1, 0);
    REQUIRE(push());
    REQUIRE(kept().size() == 1);
    target.heal();
  }
};

}  // namespace

TEST_CASE("a later run goes on with an upload", "[faults]") {
  pushed p;
  p.break_off();
  namespace fs = std::filesystem;
  CHECK((fs::status(p.kept().front()).permissions() & fs::perms(0777)) == fs::perms(0600));
  CHECK(p.text.message().find("/uploads/") == std::string::npos);
  CHECK_FALSE(p.push());
  INFO(p.text.message());
  CHECK(p.complete());
  CHECK(p.target.count("PATCH blob") == 1);
  CHECK(p.target.taken() == p.all_bytes());  // no byte was taken twice
  CHECK(p.kept().empty());
}

TEST_CASE("a session that has expired between two runs begins anew", "[faults]") {
  pushed p;
  p.break_off();
  p.target.forget_sessions();
  CHECK_FALSE(p.push());
  INFO(p.text.message());
  CHECK(p.complete());
  CHECK(p.kept().empty());
}

TEST_CASE("a session on another host is not kept", "[faults]") {
  pushed p;
  const upload_registry other;
  const std::string location = "Location: http://" + other.host() + "/v2/x/blobs/uploads/1\r\n";
  p.target.fail("POST session", {kind::location, 202, location, 0}, 1, 0);
  CHECK(p.push());
  CHECK(p.kept().empty());
}

TEST_CASE("a push keeps to a limited rate", "[faults]") {
  pushed p;
  p.settings.limit_rate = 8'000'000;
  std::uint64_t bytes = p.image.config.bytes.size();
  for (const test_blob& layer : p.image.layers) bytes += layer.bytes.size();
  const auto start = std::chrono::steady_clock::now();
  CHECK_FALSE(p.push());
  INFO(p.text.message());
  // A twentieth of a second is free at the start, and the last grant of that size is used as soon as it is given.
  CHECK(std::chrono::steady_clock::now() - start >= std::chrono::milliseconds(bytes / 8'000 - 100));
  CHECK(p.complete());
}
