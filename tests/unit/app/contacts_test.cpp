#include "contacts.hpp"

#include "support/catch.hpp"

#include <string>

using namespace gantry;
using namespace gantry::app;

TEST_CASE("of the answers of a host the first of each kind is told") {
  contacts told;
  CHECK(told.is_first("GET https://h.test/v2/a/manifests/1 -> 200 OK"));
  CHECK_FALSE(told.is_first("GET https://h.test/v2/a/blobs/sha256:00 -> 200 OK"));
  CHECK(told.is_first("GET https://h.test/v2/a/blobs/sha256:00 -> 503 Service Unavailable"));
  CHECK(told.is_first("HEAD https://h.test/v2/a/manifests/1 -> 200 OK"));
  CHECK(told.is_first("GET https://cdn.test/x -> 200 OK"));
  CHECK(told.is_first("GET http://h.test/v2/a/manifests/1 -> 200 OK"));
}

TEST_CASE("what is no answer is told once in the same words") {
  contacts told;
  CHECK(told.is_first("mirror m.test: m.test refused the connection"));
  CHECK(told.is_first("mirror m.test: a timeout"));
  CHECK_FALSE(told.is_first("mirror m.test: a timeout"));
  CHECK(told.is_first("https://h.test/v2/a/blobs/sha256:00 sends us to cdn.test (307 Temporary Redirect)"));
}

TEST_CASE("who gives the bytes of blobs, and who takes them, is told once each") {
  contacts told;
  segment_finished over;
  over.host = "h.test";
  CHECK_FALSE(told.describe(over));
  over.received = 5;
  CHECK(told.describe(over) == "blobs come from h.test");
  CHECK_FALSE(told.describe(over));
  over.host = "m.test";
  over.mirror = true;
  CHECK(told.describe(over) == "blobs come from the mirror m.test");
  over.mirror = false;
  over.kind = segment_kind::upload;
  CHECK(told.describe(over) == "blobs go to m.test");
  CHECK_FALSE(told.describe(waiting{"for somebody"}));
}
