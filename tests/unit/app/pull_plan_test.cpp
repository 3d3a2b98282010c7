#include "pull_plan.hpp"

#include "values.hpp"

#include "support/catch.hpp"

#include <map>
#include <string>

using namespace gantry::app;

namespace {

struct disk {
  std::map<std::string, path_kind> entries;
  path_kind operator()(const std::filesystem::path& path) const {
    const auto found = entries.find(path.string());
    return found == entries.end() ? path_kind::absent : found->second;
  }
};

outcome<pull_plan> plan(std::vector<std::string> words, const disk& files = {}) {
  auto parsed = parse_pull(std::move(words));
  REQUIRE(parsed.has_value());
  const auto& arguments = std::get<pull_arguments>(*parsed);
  std::vector<image_request> images;
  for (const auto& word : arguments.images) images.push_back(parse_image(word).value());
  return plan_pull(arguments, images, files);
}

}  // namespace

TEST_CASE("without an output each image and platform gets its archive in the current directory") {
  auto made = plan({"nginx:1.25", "alpine:3", "--platform", "linux/amd64,linux/arm/v7"}).value();
  REQUIRE(made.steps.size() == 4);
  CHECK(made.new_directory.empty());
  CHECK(made.steps[0].path == "nginx_1.25_amd64.tar");
  CHECK(made.steps[1].path == "nginx_1.25_armv7.tar");
  CHECK(made.steps[3].path == "alpine_3_armv7.tar");
  for (const auto& step : made.steps) {
    CHECK(step.to == destination::named);
    CHECK(step.platforms.size() == 1);
    CHECK(step.images.size() == 1);
  }
}

TEST_CASE("without a platform the engine's default stays the engine's") {
  auto made = plan({"nginx:1.25", "--gzip"}).value();
  REQUIRE(made.steps.size() == 1);
  CHECK(made.steps[0].platforms.empty());
  CHECK(made.steps[0].path.string().ends_with(".tar.gz"));
}

TEST_CASE("the output decides between file, directory and stream") {
  const disk files{{{"dir", path_kind::directory}, {"dir.tar", path_kind::directory}, {"file", path_kind::other}}};
  struct row {
    std::string output;
    destination to;
    std::string path;
    bool gzip;
    std::string new_directory;
  };
  const row rows[] = {
      {"x.tar", destination::file, "x.tar", false, ""},
      {"x.tgz", destination::file, "x.tgz", true, ""},
      {"x.tar.gz", destination::file, "x.tar.gz", true, ""},
      {"file", destination::file, "file", false, ""},
      {"dir", destination::named, "dir/nginx_1_amd64.tar", false, ""},
      {"dir.tar", destination::named, "dir.tar/nginx_1_amd64.tar", false, ""},
      {"new", destination::named, "new/nginx_1_amd64.tar", false, "new"},
      {"new.tar/", destination::named, "new.tar/nginx_1_amd64.tar", false, "new.tar/"},
      {"-", destination::stream, "", false, ""},
  };
  for (const auto& wanted : rows) {
    INFO(wanted.output);
    auto made = plan({"nginx:1", "-a", "amd64", "-o", wanted.output}, files).value();
    REQUIRE(made.steps.size() == 1);
    CHECK(made.steps[0].to == wanted.to);
    CHECK(made.steps[0].path == wanted.path);
    CHECK(made.steps[0].gzip == wanted.gzip);
    CHECK(made.new_directory == wanted.new_directory);
  }
}

TEST_CASE("one file takes all images and platforms in one step") {
  auto made = plan({"nginx:1", "alpine:3", "--platform", "linux/amd64,linux/arm64", "-o", "all.tar"}).value();
  REQUIRE(made.steps.size() == 1);
  CHECK(made.steps[0].images.size() == 2);
  CHECK(made.steps[0].platforms.size() == 2);
}

TEST_CASE("all platforms into a directory are named once they are known") {
  auto made = plan({"nginx:1", "--all-platforms"}).value();
  REQUIRE(made.steps.size() == 1);
  CHECK(made.steps[0].to == destination::each);
  CHECK(made.steps[0].path.empty());
  CHECK(plan({"nginx:1", "--all-platforms", "-o", "x.tar"}).value().steps[0].to == destination::file);
}

TEST_CASE("two outputs of one name are refused before anything is fetched") {
  const auto twice = plan({"nginx:1", "docker.io/library/nginx:1"});
  REQUIRE_FALSE(twice.has_value());
  CHECK(twice.error().code == exit_code::usage);
  CHECK(twice.error().message.find("two outputs of this run would be named nginx_1_") == 0);
  CHECK_FALSE(plan({"a/b:1", "a_b:1"}).has_value());
}

TEST_CASE("an image that is named twice goes into one archive, or the store, once") {
  const auto names = [](const pull_step& step) {
    std::string text;
    for (const image_request& one : step.images) text += one.image.familiar() + " ";
    return text;
  };
  for (const std::string output : {"x.tar", "-"}) {
    const auto made = plan({"nginx:1", "docker.io/library/nginx:1", "alpine:3", "nginx:1", "-o", output}).value();
    REQUIRE(made.steps.size() == 1);
    CHECK(names(made.steps[0]) == "nginx:1 alpine:3 ");
  }
  const auto stored = plan({"nginx:1", "nginx:2", "library/nginx:1", "--store-only"}).value();
  REQUIRE(stored.steps.size() == 2);
  CHECK(names(stored.steps[1]) == "nginx:2 ");
  // A list may want other platforms of the same image.
  auto parsed = parse_pull({"nginx:1", "--store-only"});
  REQUIRE(parsed.has_value());
  std::vector<image_request> listed(3, parse_image("nginx:1").value());
  listed[1].platforms.push_back(parse_architectures("arm64").value().front());
  CHECK(plan_pull(std::get<pull_arguments>(*parsed), listed, disk()).value().steps.size() == 2);
}

TEST_CASE("archives in other compressions are refused, the store needs no names") {
  CHECK(plan({"nginx:1", "-o", "x.tar.zst"}).error().message == "archives are written plain or gzipped, not as .zst");
  auto made = plan({"a/b:1", "a_b:1", "--store-only"}).value();
  REQUIRE(made.steps.size() == 2);
  CHECK(made.steps[0].to == destination::store);
}

TEST_CASE("an OCI layout is the directory that the output names, or one named after the image") {
  const disk files{{{"dir", path_kind::directory}}};
  for (const std::string output : {"dir", "new", "odd.tar"}) {
    const auto made = plan({"nginx:1", "-f", "oci-dir", "-o", output}, files).value();
    REQUIRE(made.steps.size() == 1);
    CHECK(made.steps[0].to == destination::file);
    CHECK(made.steps[0].path == output);
    CHECK(made.new_directory.empty());
  }
  CHECK(plan({"nginx:1", "-f", "oci-dir", "-a", "arm64"}).value().steps.at(0).path == "nginx_1_arm64");
}

TEST_CASE("a name of one's own names the archive, and --load needs none") {
  CHECK(plan({"nginx:1", "--name", "mine:2", "-a", "arm64"}).value().steps.at(0).path == "mine_2_arm64.tar");
  const auto loaded = plan({"nginx:1", "alpine", "--load", "docker"}).value();
  REQUIRE(loaded.steps.size() == 1);
  CHECK(loaded.steps[0].to == destination::loader);
  CHECK(loaded.steps[0].images.size() == 2);
}

TEST_CASE("without the store every step says so, and archives that only it could name are refused") {
  for (const auto& step : plan({"nginx:1", "alpine:3", "--platform", "linux/amd64,linux/arm64", "--no-cache"}).value().steps)
    CHECK(step.no_cache);
  CHECK(plan({"nginx:1", "--all-platforms", "--no-cache", "-o", "x.tar"}).value().steps[0].no_cache);
  const auto each = plan({"nginx:1", "--all-platforms", "--no-cache"});
  REQUIRE_FALSE(each.has_value());
  CHECK(each.error().code == exit_code::usage);
}

TEST_CASE("platforms of a list hold where the command line names none") {
  const auto arguments_of = [](std::vector<std::string> words) { return std::get<pull_arguments>(parse_pull(std::move(words)).value()); };
  std::vector<image_request> images{parse_image("nginx:1").value(), parse_image("alpine:3").value()};
  images[1].platforms = parse_architectures("arm64,s390x").value();
  const auto made = plan_pull(arguments_of({"--from", "images.json", "--store-only"}), images, disk()).value();
  REQUIRE(made.steps.size() == 2);
  CHECK(made.steps[0].platforms.empty());
  CHECK(made.steps[1].platforms.size() == 2);
  const auto named = plan_pull(arguments_of({"--from", "images.json"}), images, disk()).value();
  REQUIRE(named.steps.size() == 3);
  CHECK(named.steps[2].path == "alpine_3_s390x.tar");
  const auto chosen = plan_pull(arguments_of({"--from", "images.json", "-a", "amd64"}), images, disk()).value();
  CHECK(chosen.steps.size() == 2);
  CHECK(plan_pull(arguments_of({"--from", "images.json", "-o", "all.tar"}), images, disk()).error().code == exit_code::usage);
}
