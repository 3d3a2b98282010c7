#include "image_names.hpp"

#include "support/catch.hpp"

#include <sstream>
#include <string>

using namespace gantry::app;

namespace {

std::string named(const std::string& word, const std::string& registry = {}) {
  auto request = parse_image(word, registry);
  if (!request) return "refused: " + request.error().message;
  return request->image.string() + (request->fallback ? " else " + request->fallback->string() : "");
}

}  // namespace

TEST_CASE("images are read with docker's prefix and without") {
  CHECK(named("nginx") == "docker.io/library/nginx:latest");
  CHECK(named("docker://nginx:1.25") == "docker.io/library/nginx:1.25");
  CHECK(named("docker://oci:1.0") == "docker.io/library/oci:1.0");
}

TEST_CASE("names that join a registry fall back to library/ when they have no slash") {
  CHECK(named("nginx:1.25", "mirror.example") == "mirror.example/nginx:1.25 else mirror.example/library/nginx:1.25");
  CHECK(named("owner/app", "mirror.example") == "mirror.example/owner/app:latest");
  CHECK(named("nginx", "https://mirror.example:8443/") == "mirror.example:8443/nginx:latest else mirror.example:8443/library/nginx:latest");
  CHECK(named("nginx", "docker.io") == "docker.io/library/nginx:latest");
  CHECK(named("nginx", "https://index.docker.io/v1/") == "docker.io/library/nginx:latest");
  CHECK(named("app", "ghcr.io/owner") == "ghcr.io/owner/app:latest");
}

TEST_CASE("words that are no references are refused with advice") {
  const auto hint = [](const std::string& word) {
    auto request = parse_image(word);
    REQUIRE_FALSE(request.has_value());
    CHECK(request.error().code == exit_code::usage);
    CHECK(request.error().message.find(word) != std::string::npos);
    return request.error().hint;
  };
  CHECK(hint("Nginx") == "repository names are lower case");
  CHECK(hint("ng inx") == "a reference has no blanks");
  CHECK(hint("nginx@sha256:12").find("sha256") != std::string::npos);
  CHECK(hint("https://quay.io/a/b") == "leave out what stands before the host name");
  CHECK(hint("oci:dir") == "for a repository of that name write docker://oci:dir");
  CHECK(hint("nginx:").find("references are written") == 0);
  hint("docker-archive:x.tar");
  hint("oci-archive:x.tar");
}

TEST_CASE("a repository joins a tag with ':' and a digest with '@'") {
  CHECK(join_repository("a/b", "1.0") == "a/b:1.0");
  CHECK(join_repository("a/b", "") == "a/b");
  CHECK(join_repository("a/b", "sha256:00") == "a/b@sha256:00");
}

TEST_CASE("lists hold a reference a line") {
  std::istringstream good("# images\nnginx:1.25\r\n\n  alpine  \n");
  CHECK(read_list(good, "list").value() == std::vector<std::string>{"nginx:1.25", "alpine"});
  std::istringstream json("[{\"source\": \"nginx\"}]");
  CHECK(read_list(json, "list").error().message == "list looks like JSON");
  std::istringstream empty("\n# none\n");
  CHECK(read_list(empty, "list").error().message == "list names no image");
  std::istringstream large(std::string(2 << 20, 'a'));
  CHECK_FALSE(read_list(large, "list").has_value());
}
