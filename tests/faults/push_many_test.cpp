// Pushes of several images at once, and what of them goes side by side.
#include "faults/synced.hpp"

#include "support/catch.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

using namespace gantry;
using namespace gantry::test;
using kind = gantry::test::upload_fault::kind;

namespace {

/// A layout of images, and pushes of all of them.
struct bundle : synced {
  bundle() {
    // A request that is held back until others come must not be given up.
    settings.timeouts.header = std::chrono::seconds(30);
    settings.timeouts.idle = std::chrono::seconds(30);
  }
  void write(const std::string& list) {
    options.to = layout();
    const sync_report written = run(this->list(list));
    INFO(written.text.message());
    REQUIRE_FALSE(written.ec);
    REQUIRE(written.count(sync_state::failed) == 0);
  }
  void write_images(unsigned count) {
    std::string all;
    for (unsigned i = 0; i < count; ++i) {
      const std::string name = "team/app" + std::to_string(i);
      source.hold(name, "1", small_image(i));
      all += (i == 0 ? R"([{"source": "SOURCE/)" : R"(,{"source": "SOURCE/)") + name + R"(:1"})";
    }
    write(all + "]");
  }
  error_code push() { return push(target.host()); }
  error_code push(const std::string& registry) {
    boost::asio::io_context context;
    error_code ec;
    bool completed = false;
    {
      engine one(context.get_executor(), settings);
      one.async_push(push_source(layout()), push_prefix{registry, "many"}, push_options(), text, [&](error_code failed, push_result made) {
        ec = failed;
        pushed = std::move(made);
        completed = true;
        one.async_shutdown([](error_code) {});
      });
      context.run_for(std::chrono::minutes(5));
    }
    REQUIRE(completed);
    return ec;
  }
  std::string layout() const { return (directory / "layout").string(); }

  diagnostics text;
  push_result pushed;
};

}  // namespace

TEST_CASE("blobs that a source leaves out are looked for side by side before anything is sent", "[faults]") {
  bundle b;
  b.write_images(4);
  // Nobody has the layers.
  std::filesystem::remove_all(b.settings.cache_dir);
  for (unsigned i = 0; i < 4; ++i) {
    const std::string layer = small_image(i).layers.front().digest.substr(7);
    REQUIRE(std::filesystem::remove(std::filesystem::path(b.layout()) / "blobs" / "sha256" / layer));
  }
  b.target.gather("HEAD blob", 4);
  CHECK(b.push() == errc::not_found);
  CHECK(b.text.message().find("lacks 4 blobs") != std::string::npos);
  CHECK(b.target.most_at_once("HEAD blob") == 4);
  CHECK(writes(b.target) == 0);
}

TEST_CASE("targets of several images are asked, and written, side by side", "[faults]") {
  bundle b;
  constexpr unsigned many = 8;
  b.write_images(many);
  b.target.gather("HEAD manifest", 4);
  b.target.gather("PUT manifest", 4);
  const error_code ec = b.push();
  INFO(b.text.message());
  REQUIRE_FALSE(ec);
  CHECK(b.target.most_at_once("HEAD manifest") == 4);
  CHECK(b.target.most_at_once("PUT manifest") == 4);
  CHECK(b.target.count("HEAD manifest") == many);
  CHECK(b.target.count("PUT manifest") == many);
  // What is told has the order of the source.
  REQUIRE(b.pushed.images.size() == many);
  for (unsigned i = 0; i < many; ++i) {
    CHECK(b.target.has_tag("many/team/app" + std::to_string(i), "1"));
    CHECK(b.pushed.images[i].target.repository() == "many/team/app" + std::to_string(i));
  }
  REQUIRE_FALSE(b.push());
  CHECK(b.target.count("PUT manifest") == many);
  for (const pushed_image& one : b.pushed.images) CHECK(one.unchanged);
}

TEST_CASE("what an index is made of is written side by side, and the index after all of it", "[faults]") {
  bundle b;
  std::vector<test_image> children;
  for (const char* const one : {"amd64", "arm64", "s390x", "riscv64"}) children.push_back(small_image(1, one));
  b.source.hold("team/app", "1", build_index(media_family::oci, children));
  b.write(R"([{"source": "SOURCE/team/app:1"}])");
  const bool refused = GENERATE(false, true);
  if (refused) b.target.fail("PUT manifest", {kind::answer, 403, {}, 0}, 3);
  b.target.gather("PUT manifest", 4);
  const error_code ec = b.push();
  INFO(b.text.message());
  CHECK(b.target.most_at_once("PUT manifest") == 4);
  CHECK(static_cast<bool>(ec) == refused);
  if (!refused) CHECK(b.target.count("PUT manifest") == 5);
  CHECK(b.target.has_tag("many/team/app", "1") == !refused);
}

TEST_CASE("a blob that the registry has is mounted into several repositories side by side", "[faults]") {
  bundle b;
  const test_image image = small_image(7);
  std::string text;
  constexpr std::size_t many = 8;
  for (std::size_t i = 0; i < many; ++i) {
    const std::string name = "team/app" + std::to_string(i);
    b.source.hold(name, "1", image);
    text += (i == 0 ? R"([{"source": "SOURCE/)" : R"(,{"source": "SOURCE/)") + name + R"(:1"})";
  }
  b.settings.jobs = 12;  // whoever waits for others takes no place from them
  b.target.gather("POST mount", 3);
  const sync_report report = b.run(b.list(text + "]"));
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  CHECK(report.count(sync_state::copied) == many);
  CHECK(b.target.most_at_once("POST mount") >= 3);
  CHECK(b.target.count("PUT blob") == 2);
  CHECK(report.result.blobs_mounted == 2 * (many - 1));
}

TEST_CASE("an image that is refused keeps no other from being named", "[faults]") {
  bundle b;
  constexpr unsigned many = 5;
  b.write_images(many);
  b.settings.jobs = 1;
  const bool blob = GENERATE(false, true);
  b.target.fail(blob ? "POST session" : "PUT manifest", {kind::answer, 403, {}, 0}, 3);
  const error_code ec = b.push();
  INFO(b.text.message());
  REQUIRE_FALSE(ec);
  CHECK(b.pushed.images.size() == many - 1);
  REQUIRE(b.pushed.failed.size() == 1);
  const push_failure& failed = b.pushed.failed.front();
  CHECK(failed.code == make_error_code(errc::forbidden));
  CHECK_FALSE(failed.message.empty());
  CHECK_FALSE(b.target.has_tag(failed.target.repository(), "1"));
  for (const pushed_image& one : b.pushed.images) CHECK(b.target.has_tag(one.target.repository(), "1"));
  // Only what is lacking is sent the next time.
  const unsigned before = b.target.count("PUT manifest");
  REQUIRE_FALSE(b.push());
  CHECK(b.pushed.failed.empty());
  CHECK(b.target.count("PUT manifest") == before + 1);
}

TEST_CASE("where all images are refused each says why", "[faults]") {
  bundle b;
  constexpr unsigned many = 4;
  b.write_images(many);
  b.target.fail("PUT manifest", {kind::answer, 403, {}, 0}, 1, 0);
  REQUIRE_FALSE(b.push());
  CHECK(b.pushed.images.empty());
  REQUIRE(b.pushed.failed.size() == many);
  for (unsigned i = 0; i < many; ++i) CHECK(b.pushed.failed[i].target.repository() == "many/team/app" + std::to_string(i));
}

TEST_CASE("a registry that nobody answers for fails the push as a whole", "[faults]") {
  bundle b;
  b.write_images(40);
  CHECK(b.push("127.0.0.1:1") == make_error_code(errc::connection_refused));
  CHECK(b.pushed.failed.empty());
}
