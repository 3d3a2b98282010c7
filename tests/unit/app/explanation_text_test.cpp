#include "explanation_text.hpp"

#include "support/catch.hpp"

using namespace gantry;
using namespace gantry::app;

namespace {

explanation example() {
  explanation told;
  error_code ec;
  told.reference = reference::parse("quay.io/a/b:1", ec);
  explained_endpoint mirror;
  mirror.url = "https://mirror.test";
  mirror.origin = "/etc/containers/registries.conf";
  mirror.is_mirror = true;
  explained_endpoint own;
  own.url = "https://quay.io";
  own.origin = "default";
  own.facts = {{"credential", "user jane", "option"}, {"client_certificate", "none", "default"}};
  told.endpoints = {mirror, own};
  told.settings = {{"store", "/tmp/s", "GANTRY_CACHE_DIR"}};
  return told;
}

}  // namespace

TEST_CASE("an explanation names endpoints in order, and each decision with its origin") {
  CHECK(explanation_text(example()) ==
        "quay.io/a/b:1\n"
        "1. mirror https://mirror.test (/etc/containers/registries.conf)\n"
        "2. registry https://quay.io (default)\n"
        "   credential          user jane (command line)\n"
        "   client certificate  none (default)\n"
        "   store               /tmp/s (GANTRY_CACHE_DIR)\n");
}

TEST_CASE("an explanation as JSON has a member for each decision") {
  CHECK(
      explanation_json(example()) ==
      R"({"version":1,"reference":"quay.io/a/b:1","endpoints":[{"url":"https://mirror.test","origin":"/etc/containers/registries.conf",)"
      R"("mirror":true},{"url":"https://quay.io","origin":"default","mirror":false,"credential":{"value":"user jane","origin":"command line"},)"
      R"("client_certificate":{"value":"none","origin":"default"}}],"store":{"value":"/tmp/s","origin":"GANTRY_CACHE_DIR"}})"
      "\n");
}
