#include "image_names.hpp"

#include "support/catch.hpp"

#include <fstream>
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
  CHECK(hint("oci:dir:1.0").find("gantry push") != std::string::npos);
  hint("docker-archive:x.tar");
  hint("oci-archive:x.tar");
}

TEST_CASE("an empty or wrong digest is not taken for credentials") {
  const auto refused = [](const std::string& word, const std::string& registry = {}) { return parse_image(word, registry).error(); };
  const auto empty = refused("localhost:5000/team/app@");
  CHECK(empty.message == "'localhost:5000/team/app@' is not an image reference: nothing stands behind '@'");
  CHECK(empty.hint.find("is a variable empty?") != std::string::npos);
  CHECK(refused("nginx@").message == "'nginx@' is not an image reference: nothing stands behind '@'");
  CHECK(refused("nginx@", "localhost:5000").message == "'nginx@' is not an image reference: nothing stands behind '@'");
  CHECK(refused("nginx@latest").message.ends_with("is not an image reference: no digest stands behind '@'"));
  CHECK(refused("team/nginx@latest").message == "'team/nginx@latest' is not an image reference: no digest stands behind '@'");
  CHECK(refused("nginx@latest").hint.find("a tag NAME:latest") != std::string::npos);
  // These may be passwords.
  for (const std::string word : {"me:canary@a.example", "me:canary@a.example/app", "canary@a.example/app"}) {
    INFO(word);
    CHECK(refused(word).message.find("something before the host") != std::string::npos);
    CHECK(refused(word).message.find("canary") == std::string::npos);
    CHECK(refused(word, "b.example").message.find("canary") == std::string::npos);
  }
  CHECK(refused("me:canary@").message.find("canary") == std::string::npos);
  CHECK(refused("canary@a.example").message.find("canary") == std::string::npos);
}

TEST_CASE("a registry's web page is answered with the name of its image") {
  const auto hint = [](const std::string& word) { return parse_image(word).error().hint; };
  CHECK(hint("https://hub.docker.com/_/nginx") == "the image is called docker.io/library/nginx");
  CHECK(hint("hub.docker.com/_/nginx") == "the image is called docker.io/library/nginx");
  CHECK(hint("https://hub.docker.com/_/nginx/tags?page=2") == "the image is called docker.io/library/nginx");
  CHECK(hint("https://hub.docker.com/r/grafana/grafana/tags") == "the image is called docker.io/grafana/grafana");
  CHECK(hint("https://quay.io/repository/prometheus/node-exporter?tab=tags") == "the image is called quay.io/prometheus/node-exporter");
  CHECK(hint("https://github.com/Owner/project/pkgs/container/app") == "the image is called ghcr.io/owner/app");
  CHECK(parse_remote_image("hub.docker.com/r/bitnami/redis").error().hint == "the image is called docker.io/bitnami/redis");
  CHECK(parse_remote_image("github.com/a/b/pkgs/container/b").error().hint == "the image is called ghcr.io/a/b");
  CHECK(parse_remote_image("quay.io/repository/b").has_value());
  CHECK(hint("https://hub.docker.com/search") == "leave out what stands before the host name");
}

TEST_CASE("a word with the suffix of an archive is a file unless a registry or docker:// says otherwise") {
  const auto refused = parse_image("multi.tar");
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message == "'multi.tar' names a file, and the name of an image is wanted here");
  CHECK(refused.error().hint.find("'gantry extract multi.tar'") == 0);
  CHECK(refused.error().hint.find("'gantry push multi.tar TARGET'") != std::string::npos);
  CHECK(refused.error().hint.find("for a repository of that name write docker://multi.tar") != std::string::npos);
  CHECK(parse_image("./multi.tar").error().hint.find("docker://") == std::string::npos);
  CHECK(named("dir/image.tar.gz").starts_with("refused"));
  CHECK(named("docker://multi.tar") == "docker.io/library/multi.tar:latest");
  CHECK(named("multi.tar:1") == "docker.io/library/multi.tar:1");
  CHECK(named("multi.tar", "ghcr.io/owner") == "ghcr.io/owner/multi.tar:latest");
  CHECK(parse_image("./dir").error().hint.find("gantry extract") != std::string::npos);
}

TEST_CASE("a registry without a repository is no image of Docker Hub when a registry is asked") {
  for (const std::string word :
       {"localhost:30800", "localhost", "registry.example:5000", "127.0.0.1:5000", "[::1]:5000", "ghcr.io", "quay.io"}) {
    INFO(word);
    const auto refused = parse_remote_image(word);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message == "'" + word + "' names a registry and no repository");
    CHECK(refused.error().hint.find(word + "/REPOSITORY") != std::string::npos);
  }
  for (const char* const word : {"registry:5000", "node.js:latest", "localhost:30800/app", "ubuntu:22.04", "docker://localhost:30800"}) {
    INFO(word);
    CHECK(parse_remote_image(word).has_value());
  }
  CHECK(parse_remote_image("registry.example:5000").error().hint.find("'gantry repos registry.example:5000' lists what it has") !=
        std::string::npos);
  // They do not.
  for (const char* const word : {"docker.io", "ghcr.io", "quay.io"}) {
    INFO(word);
    CHECK(parse_remote_image(word).error().hint.find("gantry repos") == std::string::npos);
  }
  CHECK(parse_remote_image("hub.docker.com").error().hint.find("docker.io/library/nginx") != std::string::npos);
  CHECK(parse_remote_image("nginx:1.25:3").error().message == "'nginx:1.25:3' is not an image reference");
  CHECK(parse_remote_image("my.app:2024", "ghcr.io/owner").has_value());
  // The store may hold what an archive calls so.
  CHECK(named("my.app:2024") == "docker.io/library/my.app:2024");
}

TEST_CASE("a repository joins a tag with ':' and a digest with '@'") {
  CHECK(join_repository("a/b", "1.0") == "a/b:1.0");
  CHECK(join_repository("a/b", "") == "a/b");
  CHECK(join_repository("a/b", "sha256:00") == "a/b@sha256:00");
}

TEST_CASE("lists hold a reference a line") {
  std::istringstream good("# images\nnginx:1.25\r\n\n  alpine  \n[::1]:5000/x\n");
  const auto list = read_image_list(good, "list", {});
  REQUIRE(list.has_value());
  REQUIRE(list->images.size() == 3);
  CHECK(list->images[0].image.string() == "docker.io/library/nginx:1.25");
  CHECK(list->images[1].image.string() == "docker.io/library/alpine:latest");
  std::istringstream wrong("nginx\na b\n");
  CHECK(read_image_list(wrong, "list", {}).error().message.starts_with("list, line "));
  std::istringstream empty("\n# none\n");
  CHECK(read_image_list(empty, "list", {}).error().message == "list names no image");
  std::istringstream large(std::string(2 << 20, 'a'));
  CHECK_FALSE(read_image_list(large, "list", {}).has_value());
}

TEST_CASE("a list that cannot be read says why") {
  std::ifstream missing;
  const auto opened = open_list(missing, "/no/such/list");
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().code == exit_code::not_found);
  CHECK(opened.error().message == "/no/such/list cannot be read: No such file or directory");
  std::ifstream directory;
  REQUIRE(open_list(directory, "/").has_value());
  const auto text = read_text(directory, "/", 100);
  REQUIRE_FALSE(text.has_value());
  CHECK(text.error().code == exit_code::storage);
  CHECK(text.error().message == "/ cannot be read: Is a directory");
}

TEST_CASE("lists may begin with a byte order mark") {
  std::istringstream lines("\xEF\xBB\xBFnginx:1\n");
  const auto list = read_image_list(lines, "list", {});
  REQUIRE(list.has_value());
  CHECK(list->images.front().image.string() == "docker.io/library/nginx:1");
  std::istringstream json("\xEF\xBB\xBF[{\"source\": \"nginx\", \"tags\": [\"1\"]}]");
  CHECK(read_image_list(json, "images.json", {}).has_value());
}

TEST_CASE("lists may be images.json") {
  std::istringstream good(
      R"([{"source": "nginx", "tags": ["1", "2"], "architectures": ["arm64"]}, {"source": "a.test/x:1", "tags": ["9"]}])");
  const auto list = read_image_list(good, "images.json", {});
  REQUIRE(list.has_value());
  REQUIRE(list->images.size() == 3);
  CHECK(list->images[1].image.string() == "docker.io/library/nginx:2");
  CHECK(list->images[1].platforms.size() == 1);
  CHECK(list->images[2].image.string() == "a.test/x:1");
  std::istringstream filtered(R"([{"source": "nginx", "filter": {"newest": 1}}])");
  CHECK(read_image_list(filtered, "images.json", {}).error().message.find("entry 1 (docker.io/library/nginx, line 1)") !=
        std::string::npos);
  std::istringstream wrong("[{\n\"sorce\": \"nginx\"}]");
  CHECK(read_image_list(wrong, "images.json", {}).error().message ==
        "images.json, line 2: entry 1: sorce is not expected there; did you mean 'source'?");
  std::istringstream named("[{\"source\": \"nginx:1\"}]");
  CHECK(read_image_list(named, "images.json", "host.test").error().code == exit_code::usage);
}
