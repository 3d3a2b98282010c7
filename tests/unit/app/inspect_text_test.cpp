#include "inspect_text.hpp"

#include "support/catch.hpp"

#include <sstream>
#include <string>

using namespace gantry;
using namespace gantry::app;

namespace {

inspected_manifest manifest_for(const char* words, const std::string& config) {
  inspected_manifest one;
  error_code ec;
  one.image_platform = platform::parse(words, ec);
  one.config_document = config;
  return one;
}

}  // namespace

TEST_CASE("the configuration that is meant is this machine's, or the only one") {
  const std::string here = to_string(platform::host());
  const char* const other = here.find("arm64") != std::string::npos ? "linux/amd64" : "linux/arm64";
  inspect_result image;
  CHECK(choose_config(image) == nullptr);
  image.manifests.push_back(manifest_for(other, "{}"));
  image.manifests.push_back(manifest_for("linux/s390x", ""));
  CHECK(choose_config(image) == &image.manifests[0]);
  image.manifests[1].config_document = "{}";
  CHECK(choose_config(image) == nullptr);
  image.manifests.push_back(manifest_for(here.c_str(), "{}"));
  CHECK(choose_config(image) == &image.manifests[2]);
}

TEST_CASE("a narrow terminal gets twelve digits of the digests in a table") {
  inspect_result found;
  found.manifests.push_back(manifest_for("linux/amd64", "{}"));
  found.manifests.push_back(manifest_for("linux/arm64", "{}"));
  error_code ec;
  for (inspected_manifest& one : found.manifests) one.manifest.digest = digest::parse("sha256:" + std::string(64, 'a'), ec);
  CHECK(inspect_text(found).find(std::string(64, 'a')) != std::string::npos);
  CHECK(inspect_text(found, 80) == inspect_text(found));
  const std::string narrow = inspect_text(found, 40);
  CHECK(narrow.find(std::string(13, 'a')) == std::string::npos);
  std::istringstream lines(narrow.substr(narrow.find("PLATFORM")));
  for (std::string line; std::getline(lines, line);) {
    INFO(line);
    CHECK(line.size() < 40);
  }
  std::istringstream above(narrow.substr(0, narrow.find("PLATFORM")));
  for (std::string line; std::getline(above, line);) {
    INFO(line);
    // A digest stays whole, so that it can be copied.
    CHECK((line.size() <= 40 || line.find_first_not_of(" ") == line.find("sha256:")));
  }
  CHECK(narrow.find("name: none\n") == 0);
}

TEST_CASE("images of a file stand one after the other, with all their names") {
  inspect_files_result found;
  found.images.resize(2);
  found.images[0].names = {"docker.io/library/a:1", "docker.io/library/a:2"};
  const std::string text = inspect_text(found);
  CHECK(text.find("name        docker.io/library/a:1, docker.io/library/a:2\n") == 0);
  CHECK(text.find("\n\nname        none\n") != std::string::npos);
  const std::string json = inspect_json(found);
  CHECK(json.find(R"({"version":1,"images":[{"name":"",)") == 0);
  CHECK(json.find(R"("names":["docker.io/library/a:1","docker.io/library/a:2"])") != std::string::npos);
}
