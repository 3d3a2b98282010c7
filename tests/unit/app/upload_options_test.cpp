#include "upload_options.hpp"

#include "support/catch.hpp"

#include <chrono>

using namespace gantry;
using namespace gantry::app;
using namespace std::chrono_literals;

namespace {

upload_counts counts_of(std::size_t uploaded, std::size_t mounted, std::size_t present) {
  upload_counts counts;
  counts.blobs = uploaded + mounted + present;
  counts.blobs_uploaded = uploaded;
  counts.blobs_mounted = mounted;
  counts.blobs_present = present;
  counts.bytes_uploaded = uploaded * 1000;
  return counts;
}

}  // namespace

TEST_CASE("the summary of an upload says what was sent, and when nothing was") {
  const auto said = [](const upload_counts& counts, std::size_t images, std::size_t unchanged, bool dry_run = false) {
    return upload_summary(counts, images, unchanged, 2s, dry_run);
  };
  CHECK(said(counts_of(2, 0, 7), 1, 0) == "2 of 9 blobs, 2.0 kB, uploaded, 7 there already; 2.0 s");
  CHECK(upload_summary(counts_of(2, 0, 7), 1, 0, 2s, false, true) == "2 of 9 blobs, 2.0 kB, written, 7 there already; 2.0 s");
  CHECK(said(counts_of(0, 0, 9), 1, 0) == "nothing to upload: 9 blobs there already; 2.0 s");
  CHECK(said(counts_of(0, 0, 0), 1, 1) == "nothing to upload; the image is unchanged; 2.0 s");
  CHECK(said(counts_of(0, 1, 2), 1, 0) == "1 blob mounted from other repositories, 2 there already; 2.0 s");
  CHECK(said(counts_of(1, 0, 0), 3, 2, true) == "dry run: 1 of 1 blob, 1.0 kB, would be uploaded; 2 of 3 images unchanged; 2.0 s");
}
