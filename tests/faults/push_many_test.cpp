// Pushes of several images at once, and what of them goes side by side.
#include "faults/alone.hpp"
#include "faults/synced.hpp"

#include "support/catch.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
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
  error_code push(const std::string& registry, const std::string& below = "many") {
    return run_alone(settings, pushed, [&](engine& one, auto done) {
      one.async_push(push_source(layout()), push_prefix{registry, below}, push_options(), text, std::move(done));
    });
  }
  std::string layout() const { return (directory / "layout").string(); }
  /// Where the layer of an image lies in the layout.
  std::filesystem::path layer_of(unsigned number) const {
    return std::filesystem::path(layout()) / "blobs" / "sha256" / small_image(number).layers.front().digest.substr(7);
  }
  /// The layers of \p count images are at nobody's but a registry's.
  void leave_out_layers(unsigned count) {
    std::filesystem::remove_all(std::filesystem::path(settings.cache_dir) / "blobs");
    for (unsigned i = 0; i < count; ++i) REQUIRE(std::filesystem::remove(layer_of(i)));
  }
  /// Of a push to \p below the first image of \p count is refused, and no other.
  void check_that_one_fails(const std::string& below, unsigned count) {
    CHECK(pushed.images.size() == count - 1);
    REQUIRE(pushed.failed.size() == 1);
    CHECK(pushed.failed.front().target.repository() == below + "/team/app0");
    CHECK(pushed.failed.front().code == make_error_code(errc::forbidden));
    for (unsigned i = 0; i < count; ++i) CHECK(target.has_tag(below + "/team/app" + std::to_string(i), "1") == (i != 0));
  }

  diagnostics text;
  push_result pushed;
};

}  // namespace

TEST_CASE("blobs that a source leaves out are looked for side by side before anything is sent", "[faults]") {
  bundle b;
  b.write_images(4);
  b.leave_out_layers(4);
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

TEST_CASE("what a repository that is refused was to bring into the registry comes by another", "[faults]") {
  bundle b;
  constexpr unsigned many = 4;
  std::string all;
  for (unsigned i = 0; i < many; ++i) {
    const std::string name = "team/app" + std::to_string(i);
    b.source.hold(name, "1", small_image(7));
    all += (i == 0 ? R"([{"source": "SOURCE/)" : R"(,{"source": "SOURCE/)") + name + R"(:1"})";
  }
  b.write(all + "]");
  b.settings.jobs = GENERATE(1U, 8U);
  const bool reads = GENERATE(false, true);
  std::set<std::string> refused = {"POST session", "POST mount", "PUT blob", "PUT manifest"};
  if (!reads) refused.insert({"HEAD manifest", "HEAD blob"});
  for (const std::string& request : refused) b.target.fail(request + " many/team/app0", {kind::answer, 403, {}, 0}, 1, 0);
  const error_code ec = b.push();
  INFO(b.text.message());
  REQUIRE_FALSE(ec);
  b.check_that_one_fails("many", many);
  CHECK(b.target.count("PUT blob") == 2);
  CHECK(b.target.count("PUT manifest many/team/app0") == 0);
}

TEST_CASE("a repository that may not be read, for what the source leaves out, stops no other image", "[faults]") {
  bundle b;
  constexpr unsigned many = 3;
  b.write_images(many);
  REQUIRE_FALSE(b.push());
  b.leave_out_layers(many);
  b.target.fail("HEAD blob other/team/app0", {kind::answer, 403, {}, 0}, 1, 0);
  const error_code ec = b.push(b.target.host(), "other");
  INFO(b.text.message());
  REQUIRE_FALSE(ec);
  b.check_that_one_fails("other", many);
}

TEST_CASE("a file that cannot be read fails its image, and a source of which none can the push", "[faults]") {
  bundle b;
  constexpr unsigned many = 3;
  b.write_images(many);
  const unsigned unreadable = GENERATE(1U, 3U);
  b.leave_out_layers(unreadable);
  // A link that leads to itself cannot be opened, whoever tries.
  for (unsigned i = 0; i < unreadable; ++i) std::filesystem::create_symlink(b.layer_of(i).filename(), b.layer_of(i));
  const error_code ec = b.push();
  INFO(b.text.message());
  if (unreadable == many) {
    CHECK(ec == condition::storage);
    CHECK(b.pushed.failed.empty());
    CHECK(b.target.count("PUT manifest") == 0);
    return;
  }
  REQUIRE_FALSE(ec);
  CHECK(b.pushed.images.size() == many - 1);
  REQUIRE(b.pushed.failed.size() == 1);
  CHECK(b.pushed.failed.front().code == make_error_code(errc::storage_error));
  CHECK(b.target.has_tag("many/team/app1", "1"));
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
