#include "results.hpp"

#include "support/catch.hpp"

#include <string>
#include <vector>

using namespace gantry;
using namespace gantry::app;

namespace {

digest of(char digit) {
  error_code ec;
  return digest::parse("sha256:" + std::string(64, digit), ec);
}

image_output output(const std::string& path, const std::string& wanted) {
  image_output made;
  error_code ec;
  made.path = path;
  made.image.reference = reference::parse("nginx:1.25", ec);
  made.image.top.digest = of('a');
  made.image.manifest.digest = of('b');
  made.image.config.digest = of('c');
  made.image.image_platform = platform::parse(wanted, ec);
  made.archive_size = 42;
  return made;
}

const std::string a64 = "sha256:" + std::string(64, 'a');

}  // namespace

TEST_CASE("a line holds path, name and digest; several platforms in one archive are one line") {
  CHECK(result_lines({output("x.tar", "linux/amd64"), output("x.tar", "linux/arm64")}) ==
        "x.tar docker.io/library/nginx:1.25 " + a64 + "\n");
  CHECK(result_lines({output("", "linux/amd64")}) == "- docker.io/library/nginx:1.25 " + a64 + "\n");
}

TEST_CASE("JSON names the three digests apart") {
  const auto text = result_json({output("x \"y\".tar", "linux/arm/v7")});
  CHECK(text == "{\"version\":1,\"images\":[{\"path\":\"x \\\"y\\\".tar\",\"name\":\"docker.io/library/nginx:1.25\",\"digest\":\"" + a64 +
                    "\",\"manifest_digest\":\"sha256:" + std::string(64, 'b') + "\",\"image_id\":\"sha256:" + std::string(64, 'c') +
                    "\",\"platform\":\"linux/arm/v7\",\"archive_size\":42}],\"failed\":[]}\n");
  CHECK(result_json({}, {{"app:2", "not found"}}) ==
        "{\"version\":1,\"images\":[],\"failed\":[{\"name\":\"app:2\",\"error\":\"not found\"}]}\n");
  CHECK(result_json({output("", "linux/amd64")}).find("\"path\":null") != std::string::npos);
}

TEST_CASE("an image of several platforms is one in a summary, and so is each without a name") {
  extract_result taken;
  taken.images = {output("", "linux/amd64").image, output("", "linux/arm64").image};
  taken.blobs = 3;
  taken.bytes = 30;
  taken.blobs_reused = 1;
  taken.layers = 2;
  taken.store_size = 50;
  const run_summary summary = summary_of(taken);
  CHECK(summary.images == 1);
  CHECK(summary.totals.blobs == 3);
  CHECK(summary.totals.bytes == 30);
  CHECK(summary.totals.blobs_reused == 1);
  CHECK(summary.totals.layers == 2);
  CHECK(summary.totals.store_size == 50);
  convert_result written;
  written.images = {output("", "linux/amd64").image, output("", "linux/amd64").image};
  for (pulled_image& one : written.images) one.reference = reference();
  written.images.back().top.digest = of('d');
  written.archive_size = 42;
  CHECK(summary_of(written).images == 2);
  CHECK(summary_of(written).totals.archive_size == 42);
}

TEST_CASE("the digest file has each reference once") {
  CHECK(digest_lines({output("a.tar", "linux/amd64"), output("b.tar", "linux/arm64")}) == a64 + "\n");
}

TEST_CASE("CI facts carry an absolute path") {
  const auto facts = facts_of(output("x.tar", "linux/amd64"));
  CHECK(facts.path.starts_with('/'));
  CHECK(facts.path.ends_with("/x.tar"));
  CHECK(facts.name == "x.tar");
  CHECK(facts.size == 42);
  CHECK(facts.image_id == "sha256:" + std::string(64, 'c'));
}

TEST_CASE("files that cannot be written are named in the problem") {
  const auto refused = write_file("/nonexistent-directory/digest", "x");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == exit_code::storage);
  CHECK(refused.error().message.find("/nonexistent-directory/digest cannot be written: ") == 0);
}
