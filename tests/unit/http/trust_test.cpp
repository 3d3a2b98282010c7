#include "http/trust.hpp"

#include "support/catch.hpp"

#include <filesystem>
#include <string>
#include <vector>

using namespace gantry;
using namespace gantry::http;

namespace {

origin at(const std::string& registry, const std::string& scheme = "https") { return endpoint_of(registry, scheme).value(); }

}  // namespace

TEST_CASE("what a place of the configuration says of certificates holds for its own address") {
  trust said;
  said.authority = "a.test:5000";
  said.unverified = true;
  said.authorities = {"/place.crt"};
  said.shown = net::client_certificate{"/c.cert", "/c.key"};
  net::tls_settings usual;
  usual.ca_files = {"/ca.pem"};
  usual.shown = net::client_certificate{"/usual.cert", "/usual.key"};
  net::tls_settings here = usual;
  said.apply(at("a.test:5000"), here);
  CHECK_FALSE(here.verify);
  CHECK(here.ca_files == std::vector<std::filesystem::path>{"/ca.pem", "/place.crt"});
  CHECK(here.shown == said.shown);
  for (const origin& other : {at("a.test"), at("b.test:5000"), at("a.test:5000", "http")}) {
    INFO(other.string());
    net::tls_settings there = usual;
    said.apply(other, there);
    CHECK(there == usual);
  }
}

TEST_CASE("what says nothing of certificates changes nothing") {
  trust silent;
  silent.authority = "a.test:5000";
  net::tls_settings usual;
  usual.shown = net::client_certificate{"/usual.cert", "/usual.key"};
  net::tls_settings settings = usual;
  silent.apply(at("a.test:5000"), settings);
  CHECK(settings == usual);
}
