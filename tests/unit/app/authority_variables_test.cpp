#include "authority_variables.hpp"

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

using namespace gantry::app;
using gantry::test::spill;

namespace {

std::vector<std::string> problems(std::map<std::string, std::string> values) {
  return problems_of_authorities([values = std::move(values)](const char* name) {
    const auto found = values.find(name);
    return found == values.end() ? std::string() : found->second;
  });
}

constexpr const char* certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

}  // namespace

TEST_CASE("authorities that SSL_CERT_FILE names and nobody can read are told with variable and file") {
  const gantry::test::temp_dir place;
  spill(place / "good.pem", std::string("# comment\n") + certificate);
  spill(place / "trusted.pem", "-----BEGIN TRUSTED CERTIFICATE-----\nMIIB\n");
  spill(place / "bad.pem", "-----BEGIN PRIVATE KEY-----\nMIIB\n");
  spill(place / "empty.pem", "");
  for (const char* name : {"good.pem", "trusted.pem"}) CHECK(problems({{"SSL_CERT_FILE", (place / name).string()}}).empty());
  // Empty is unset, and a device stands for nobody on purpose.
  CHECK(problems({{"SSL_CERT_FILE", ""}, {"SSL_CERT_DIR", ""}}).empty());
  CHECK(problems({{"SSL_CERT_FILE", "/dev/null"}}).empty());
  for (const char* name : {"bad.pem", "empty.pem", "missing.pem", "."}) {
    const std::string file = (place / name).string();
    const auto told = problems({{"SSL_CERT_FILE", file}});
    REQUIRE(told.size() == 1);
    CHECK(told[0].starts_with("SSL_CERT_FILE: " + file + " "));
  }
}

TEST_CASE("each directory of SSL_CERT_DIR that is of no use is told") {
  const gantry::test::temp_dir place;
  for (const char* name : {"hashed", "bare"}) std::filesystem::create_directory(place / name);
  spill(place / "hashed/9d66eef0.0", certificate);
  spill(place / "bare/ca.pem", certificate);
  const std::string hashed = (place / "hashed").string();
  const std::string bare = (place / "bare").string();
  CHECK(problems({{"SSL_CERT_DIR", hashed + ":" + hashed + ":"}}).empty());
  const auto told = problems({{"SSL_CERT_DIR", bare + ":" + hashed + ":/nonexistent:" + bare + "/ca.pem"}});
  REQUIRE(told.size() == 3);
  CHECK(told[0].starts_with("SSL_CERT_DIR: " + bare + " holds no certificate under its hash"));
  CHECK(told[0].find("openssl rehash") != std::string::npos);
  CHECK(told[1].starts_with("SSL_CERT_DIR: /nonexistent cannot be read"));
  CHECK(told[2].starts_with("SSL_CERT_DIR: " + bare + "/ca.pem is no directory"));
}
