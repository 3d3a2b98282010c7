#pragma once

#include "faults/puller.hpp"

#include "support/upload_registry.hpp"

#include <string>
#include <vector>

namespace gantry::test {

/// Copies, and pushes, of one image from a registry that is well to one that takes uploads as it is told.
struct uploaded {
  uploaded();

  error_code copy() { return copy(source.host() + "/team/app:1.0", target.host() + "/copied/app:1.0"); }
  error_code copy(const std::string& from, const std::string& to) { return copy(from, std::vector<std::string>(1, to)); }
  /// One copy to several places at once; what it came to stands in \ref text and \ref result.
  error_code copy(const std::string& from, const std::vector<std::string>& to);
  /// Has the image in the store of \ref settings, under the name that \ref fetched gives.
  void fetch();
  reference fetched() const;
  /// One push to the tag 1.0 of \p repository; what it came to stands in \ref text and \ref pushed_result.
  error_code push(const push_source& from, const std::string& repository = "copied/app", const push_options& how = {});
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
  push_result pushed_result;
};

}  // namespace gantry::test
