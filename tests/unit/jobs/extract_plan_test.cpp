#include "jobs/extract_plan.hpp"

#include "support/catch.hpp"

#include <string>
#include <vector>

using namespace gantry;
using namespace gantry::jobs;

namespace {

extracted_blob blob_of(char digit, std::uint64_t size, blob_role role) {
  error_code ec;
  extracted_blob made;
  made.blob.digest = digest::parse("sha256:" + std::string(64, digit), ec);
  made.blob.size = size;
  made.role = role;
  return made;
}

}  // namespace

TEST_CASE("configurations and layers are planned, manifests and what is absent are not") {
  std::vector<extracted_blob> blobs{blob_of('a', 1, blob_role::config),     blob_of('b', 10, blob_role::layer),
                                    blob_of('c', 100, blob_role::layer),    blob_of('d', 1000, blob_role::manifest),
                                    blob_of('e', 10'000, blob_role::layer), blob_of('f', 100'000, blob_role::layer)};
  blobs[1].held = true;
  // Here since the archive was opened, and out of it.
  blobs[2].held = true;
  blobs[2].taken = true;
  blobs[3].held = true;
  blobs[4].absent = true;
  const blob_sums sums = sums_of(blobs);
  CHECK(sums.plan.blobs == 4);
  CHECK(sums.plan.bytes == 100'111);
  CHECK(sums.plan.blobs_held == 1);
  CHECK(sums.plan.bytes_held == 10);
  CHECK(sums.layers == 3);
  CHECK(sums.layers_held == 1);
}
