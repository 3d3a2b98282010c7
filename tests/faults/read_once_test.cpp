// What is asked of a source that goes to several names.
#include "faults/synced.hpp"
#include "faults/uploaded.hpp"

#include "support/catch.hpp"

#include <cstddef>
#include <string>
#include <vector>

using namespace gantry;
using namespace gantry::test;

namespace {

test_index three_platforms() { return build_index(media_family::oci, {small_image(1), small_image(2, "arm64"), small_image(3, "s390x")}); }

/// Manifests that were fetched; Docker Hub counts each.
std::size_t fetched(const fake_registry& source) {
  std::size_t count = 0;
  for (const recorded_request& one : source.requests("/manifests/")) count += one.method == "GET" ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("manifests of one source are fetched once for all tags of an entry", "[faults]") {
  synced s;
  s.source.hold("team/app", "v1", three_platforms());
  const bool chosen = GENERATE(false, true);
  const std::string platforms = chosen ? R"(, "architectures": ["amd64", "arm64"])" : "";
  const sync_report report = s.run(s.list(R"([{"source": "SOURCE/team/app:v1", "tags": ["1", "2", "3"])" + platforms + "}]"));
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  CHECK(report.count(sync_state::copied) == 3);
  CHECK(fetched(s.source) == (chosen ? 3 : 4));
  CHECK(s.target.manifest("mirror/team/app", "1") == s.target.manifest("mirror/team/app", "3"));
}

TEST_CASE("manifests of one source are fetched once for the platforms that come one by one", "[faults]") {
  synced s;
  s.options.allow_partial = true;
  s.source.hold("team/app", "v1", three_platforms());
  const sync_report report =
      s.run(s.list(R"([{"source": "SOURCE/team/app:v1", "tags": ["1", "2"], "architectures": ["amd64", "riscv64"]}])"));
  INFO(report.text.message());
  REQUIRE_FALSE(report.ec);
  CHECK(report.count(sync_state::partial) == 2);
  // The first try, which finds out, leaves no more than the index behind.
  CHECK(fetched(s.source) <= 3);
}

TEST_CASE("manifests of one source are fetched once for all targets of a copy", "[faults]") {
  uploaded u;
  upload_registry second;
  u.settings.jobs = 16;
  u.settings.plain_http.insert(second.host());
  u.source.hold("team/index", "1.0", three_platforms());
  const std::vector<std::string> to{u.target.host() + "/copied/x:1", u.target.host() + "/copied/y:1", second.host() + "/copied/z:1"};
  REQUIRE_FALSE(u.copy(u.source.host() + "/team/index:1.0", to));
  INFO(u.text.message());
  CHECK(u.result.images.size() == 3);
  CHECK(u.result.failed.empty());
  CHECK(fetched(u.source) == 4);
  CHECK(u.target.manifest("copied/y", "1") == second.manifest("copied/z", "1"));
  for (const copied_image& one : u.result.images) CHECK_FALSE(one.source.digest());
}

TEST_CASE("a source that fails for one target is asked for the others", "[faults]") {
  uploaded u;
  u.settings.jobs = 16;
  u.settings.attempts = 1;
  u.source.inject("/manifests/1.0", answer_with(404), 4, 1);  // after the HEADs, the first GET
  const std::vector<std::string> to{u.target.host() + "/copied/x:1", u.target.host() + "/copied/y:1", u.target.host() + "/copied/z:1"};
  CHECK_FALSE(u.copy(u.source.host() + "/team/app:1.0", to));
  CHECK(u.result.images.size() == 2);
  CHECK(u.result.failed.size() == 1);
}
