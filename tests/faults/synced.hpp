#pragma once

#include "faults/puller.hpp"

#include "support/catch.hpp"
#include "support/upload_registry.hpp"

#include <gantry/sync.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

namespace gantry::test {

/// What a list came to.
struct sync_report {
  error_code ec;
  diagnostics text;
  sync_result result;

  std::size_t count(sync_state state) const {
    return static_cast<std::size_t>(
        std::count_if(result.images.begin(), result.images.end(), [&](const synced_image& one) { return one.state == state; }));
  }
  const synced_image& at(const std::string& target) const {
    for (const synced_image& one : result.images) {
      if (one.target.repository() + ":" + one.target.tag() == target) return one;
    }
    FAIL("no result for " + target);
    return result.images.front();
  }
};

/// An image of one small layer that is another for each \p seed.
test_image small_image(std::uint32_t seed, const std::string& architecture = "amd64");

/// A source that fails as it is told, and a target that counts.
struct synced {
  synced();

  /// The `SOURCE` of entries stands for the source's host.
  sync_list list(std::string text) const;

  /// \param stop_after cancels when that many manifests are at the target; 0: never
  sync_report run(sync_list what, unsigned stop_after = 0);

  fake_registry source;
  upload_registry target;
  temp_dir directory;
  engine_options settings;
  sync_options options;
};

/// Requests of every kind that write.
unsigned writes(const upload_registry& target);

}  // namespace gantry::test
