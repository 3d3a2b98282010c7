#include "config/certs_d.hpp"

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <filesystem>
#include <string>

using namespace gantry::config;
namespace fs = std::filesystem;

TEST_CASE("files of a directory are authorities, client certificates and keys by their suffix") {
  const auto found = sort_certificates("/d", {"b.crt", "client.key", "a.crt", "client.cert", "z.cert", "z.key", "README"});
  CHECK(found.authorities == std::vector<fs::path>{"/d/a.crt", "/d/b.crt"});
  REQUIRE(found.client);
  CHECK(found.client->first == "/d/client.cert");
  CHECK(found.client->second == "/d/client.key");
  CHECK_FALSE(found.problem);
}

TEST_CASE("a certificate without key, or a key without certificate, is told") {
  for (const char* name : {"client.cert", "client.key"}) {
    const auto found = sort_certificates("/d", {name});
    REQUIRE(found.problem);
    CHECK(found.problem->text.message().find(std::string("/d/") + name) != std::string::npos);
    CHECK_FALSE(found.client);
  }
}

TEST_CASE("directories are found by host and port, the first root wins") {
  const gantry::test::temp_dir directory;
  for (const char* name : {"one/a.test:5000", "two/a.test:5000", "two/b.test", "two/[::1]:5000"}) fs::create_directories(directory / name);
  gantry::test::spill(directory / "one/a.test:5000/first.crt", "");
  gantry::test::spill(directory / "two/a.test:5000/second.crt", "");
  gantry::test::spill(directory / "two/no-directory", "");
  const auto all = read_certificates({directory / "none", directory / "one", directory / "two"});
  const host_certificates* a = find_certificates(all, "a.test", 5000);
  REQUIRE(a != nullptr);
  REQUIRE(a->authorities.size() == 1);
  CHECK(a->authorities.front().filename() == "first.crt");
  CHECK(find_certificates(all, "a.test", 443) == nullptr);
  CHECK(find_certificates(all, "b.test", 443) != nullptr);
  CHECK(find_certificates(all, "b.test", 5000) == nullptr);
  CHECK(find_certificates(all, "::1", 5000) != nullptr);
}
