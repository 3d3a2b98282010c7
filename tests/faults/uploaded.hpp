#pragma once

#include "faults/puller.hpp"

#include "support/upload_registry.hpp"

#include <string>
#include <vector>

namespace gantry::test {

/// Copies of one image from a registry that is well to one that takes uploads as it is told.
struct uploaded {
  uploaded();

  error_code copy() { return copy(source.host() + "/team/app:1.0", target.host() + "/copied/app:1.0"); }
  error_code copy(const std::string& from, const std::string& to) { return copy(from, std::vector<std::string>(1, to)); }
  /// One copy to several places at once; what it came to stands in \ref text and \ref result.
  error_code copy(const std::string& from, const std::vector<std::string>& to);
  /// Whether the image is at the target under the usual name.
  bool complete() const { return complete(target); }
  bool complete(const upload_registry& there) const;
  /// The size of all blobs.
  std::uint64_t all_bytes() const;

  fake_registry source;
  upload_registry target;
  test_image image = app_image();
  temp_dir directory;
  engine_options settings;
  copy_options options;
  diagnostics text;
  copy_result result;
};

}  // namespace gantry::test
