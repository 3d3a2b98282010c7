#include "naming.hpp"

#include "support/catch.hpp"

#include <string>
#include <vector>

using namespace gantry;
using gantry::app::archive_name;

namespace {

std::string name(const std::string& text, const std::vector<std::string>& platforms, bool gzip = false) {
  error_code ec;
  const reference image = reference::parse(text, ec);
  REQUIRE_FALSE(ec);
  std::vector<platform> list;
  for (const auto& word : platforms) {
    list.push_back(platform::parse(word, ec));
    REQUIRE_FALSE(ec);
  }
  return archive_name(image, list, gzip);
}

}  // namespace

TEST_CASE("archives are named after registry, repository, tag and platform") {
  const std::string hex(64, 'a');
  CHECK(name("nginx", {"linux/amd64"}) == "nginx_latest_amd64.tar");
  CHECK(name("nginx:1.25", {"linux/amd64"}, true) == "nginx_1.25_amd64.tar.gz");
  CHECK(name("docker.io/library/nginx:1.25", {"linux/arm64"}) == "nginx_1.25_arm64.tar");
  CHECK(name("owner/app:v1", {"linux/arm/v7"}) == "owner_app_v1_armv7.tar");
  CHECK(name("ghcr.io/owner/app:v1", {"linux/amd64"}) == "ghcr.io_owner_app_v1_amd64.tar");
  CHECK(name("ghcr.io/library/app:v1", {"linux/amd64"}) == "ghcr.io_library_app_v1_amd64.tar");
  CHECK(name("localhost:5000/app:v1", {"linux/amd64"}) == "localhost_5000_app_v1_amd64.tar");
  CHECK(name("[::1]:5000/app:v1", {"linux/amd64"}) == "__1_5000_app_v1_amd64.tar");
  CHECK(name("nginx@sha256:" + hex, {"linux/amd64"}) == "nginx_aaaaaaaaaaaa_amd64.tar");
  CHECK(name("nginx:1.25@sha256:" + hex, {"linux/amd64"}) == "nginx_1.25_amd64.tar");
  CHECK(name("nginx:1.25", {"linux/amd64", "linux/arm/v7"}) == "nginx_1.25_amd64_armv7.tar");
}

TEST_CASE("what is no image has no platform in its name") {
  error_code ec;
  CHECK(archive_name(reference::parse("example.com/chart:1", ec), std::vector<platform>(1), false) == "example.com_chart_1.tar");
}

TEST_CASE("a reference that is longer than a file name gives one that can be written") {
  const std::string repository = "registry.example:5000/" + std::string(100, 'a') + "/" + std::string(100, 'b');
  const std::string tag(128, 't');
  const std::string one = name(repository + ":" + tag, {"linux/amd64"});
  CHECK(one.size() == 204);
  CHECK(one.starts_with("registry.example_5000_aaaa"));
  CHECK(one.ends_with("_" + tag + "_amd64.tar"));
  CHECK(one != name(repository + "b:" + tag, {"linux/amd64"}));
  CHECK(one == name(repository + ":" + tag, {"linux/amd64"}));
  const std::vector<std::string> many(40, "linux/amd64");
  CHECK(name("app:1", many, true).size() == 207);
  CHECK(name("app:1", many) != name("app:2", many));
}

TEST_CASE("suffixes tell archives from directories and gzip from plain") {
  using gantry::app::has_archive_suffix;
  using gantry::app::has_gzip_suffix;
  for (const char* text : {"a.tar", "a.tar.gz", "a.tgz", "a.gz"}) CHECK(has_archive_suffix(text));
  for (const char* text : {"a", "tar", "a.d", "a.tar.zst", ""}) CHECK_FALSE(has_archive_suffix(text));
  for (const char* text : {"a.tar.gz", "a.tgz", "a.gz"}) CHECK(has_gzip_suffix(text));
  CHECK_FALSE(has_gzip_suffix("a.tar"));
}
