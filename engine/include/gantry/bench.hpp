#pragma once

#include <gantry/error.hpp>
#include <gantry/options.hpp>
#include <gantry/platform.hpp>
#include <gantry/reference.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gantry {

/// Settings of one measurement.
struct bench_options : operation_options {
  /// Which image of an index. None: \ref platform::host.
  std::optional<platform> image_platform;

  /// Numbers of connections to try, in this order; 0: the automatic number. At most 256 each.
  std::vector<unsigned> jobs{1, 2, 4, 8, 16, 0};

  /// The longest that one of them is measured; an image that arrives sooner ends it sooner. 0: until the image is there.
  std::chrono::milliseconds time_each{10'000};

  /// Where the bytes are written, to temporary files without names; a path, native encoding (bytes). Empty: nowhere; they are hashed and
  /// dropped.
  std::string directory;
};

/// How one number of connections did.
struct bench_run {
  unsigned jobs = 0;                    ///< 0: automatic
  std::uint64_t bytes = 0;              ///< of blobs, received over the network
  std::chrono::microseconds elapsed{};  ///< until the image was there, the time was over, or it failed
  bool complete = false;                ///< the whole image arrived before the time was over
  unsigned connections = 0;             ///< the most that were at work at once
  std::size_t retries = 0;              ///< requests that failed and were tried again
  std::optional<error_code> ec;         ///< why it ended early; none: it did not
  std::string error;                    ///< the sentence that belongs to \ref ec

  /// Bytes per second.
  double rate() const noexcept {
    return elapsed.count() > 0 ? static_cast<double>(bytes) * 1e6 / static_cast<double>(elapsed.count()) : 0.0;
  }
};

/// What \ref engine::async_bench measured, one run per number of connections.
struct bench_result {
  gantry::reference reference;          ///< what was measured, as it was asked for
  std::uint64_t image_bytes = 0;        ///< configs and layers of the image
  std::vector<bench_run> runs;          ///< in the order of bench_options::jobs
  std::optional<unsigned> recommended;  ///< what to use for this image from here; see \ref recommend_jobs
};

/// The setting to recommend: the automatic one (0) when it reached nine tenths of the best rate, else the fewest connections that did.
/// Nothing when no run brought a byte.
std::optional<unsigned> recommend_jobs(const std::vector<bench_run>& runs);

}  // namespace gantry
