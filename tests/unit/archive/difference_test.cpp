#include "archive/difference.hpp"

#include "archive/image_source.hpp"
#include "archive_fixture.hpp"
#include "support/catch.hpp"
#include "support/result.hpp"
#include "support/temp_dir.hpp"

#include <atomic>
#include <string>

namespace gantry::archive {

using namespace fixture;
using test::must;

TEST_CASE("blobs that the other side has are left out, documents stay") {
  memory_blobs blobs;
  const archived_manifest held = build_image(blobs, "amd64", {"one", "two", "three"});
  const std::vector<archived_image> images{single(held, "app:1")};
  const layout whole = must(plan_docker(images, platform_of("linux/amd64")));
  const layout part = without(whole, {held.layers[0].digest, held.layers[2].digest, held.manifest.digest});
  CHECK(part.entries.size() == whole.entries.size() - 2);
  CHECK(part.notes.size() == whole.notes.size() + 1);

  const test::temp_dir directory;
  const std::atomic<bool> running{false};
  test::spill(directory / "part.tar", written(part, blobs));
  CHECK(tar_accepts(directory / "part.tar"));
  const auto source = must(open_image_source(directory / "part.tar", {}, running));
  CHECK_FALSE(source->holds(held.layers[0]));
  CHECK(source->holds(held.layers[1]));
  CHECK(source->holds(*held.config));
  const auto completed = must(open_image_source(directory / "part.tar", {.elsewhere = &blobs}, running));
  CHECK(completed->holds(held.layers[0]));
}

TEST_CASE("nothing to leave out changes nothing") {
  memory_blobs blobs;
  const std::vector<archived_image> images{single(build_image(blobs, "amd64", {"one"}), "app:1")};
  const layout whole = must(plan_oci(images));
  const layout same = without(whole, {});
  CHECK(same.size == whole.size);
  CHECK(same.notes == whole.notes);
  CHECK(written(same, blobs) == written(whole, blobs));
}

}  // namespace gantry::archive
