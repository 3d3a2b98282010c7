#include "net/host_words.hpp"

#include "support/catch.hpp"

namespace gantry::net {
namespace {

TEST_CASE("Docker Hub's API is told by the name that people write, too") {
  CHECK(host_in_words("registry-1.docker.io", "registry-1.docker.io") == "docker.io (registry-1.docker.io)");
  CHECK(host_in_words("registry-1.docker.io", "registry-1.docker.io:443") == "docker.io (registry-1.docker.io:443)");
  CHECK(host_in_words("quay.io", "quay.io:443") == "quay.io:443");
}

}  // namespace
}  // namespace gantry::net
