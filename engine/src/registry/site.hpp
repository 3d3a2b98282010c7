#pragma once

#include "config/mirror_rules.hpp"

#include <gantry/reference.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace gantry::registry {

/// What experience tells about one host; shared by all that ask it. Pure; time comes in as a parameter.
class site_record {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// \param rate bytes per second of one request, from an earlier run; 0: not known
  explicit site_record(double rate = 0) : rate_(rate) {}

  void began() noexcept { ++active_; }
  /// A request is over. \p bytes came within \p time.
  void ended(std::uint64_t bytes, std::chrono::nanoseconds time) noexcept;
  /// It let a request down: left alone for a second, twice as long after each further failure, a minute at most; and for as long as it
  /// asked for.
  void failed(time_point now, std::chrono::seconds asked = std::chrono::seconds(0)) noexcept;
  /// It sent wrong bytes: never asked again.
  void drop() noexcept { dropped_ = true; }

  bool usable(time_point now) const noexcept { return !dropped_ && now >= asleep_until_; }
  bool dropped() const noexcept { return dropped_; }
  unsigned active() const noexcept { return active_; }
  double rate() const noexcept { return rate_; }

  bool ranges = false;        ///< it has answered with a part of a blob
  bool counts_pulls = false;  ///< it says how many requests are left

 private:
  double rate_;
  unsigned active_ = 0;
  unsigned failures_ = 0;
  bool dropped_ = false;
  time_point asleep_until_{};
};

/// One place where an image can be had.
struct site {
  reference image;  ///< as it is called there
  config::endpoint how;
  std::shared_ptr<site_record> record;
};

/// \p target, path and query, with the `ns=` by which a mirror of many registries is told which is meant, where it has to be told.
std::string with_name_space(const config::endpoint& at, std::string target);

/// Which of \p records, given in order of preference, should get the next request: one that was never measured and is not being measured,
/// so that each is tried; else by rate, so that each gets requests in proportion to what it brings. \param excluded not to be chosen
/// \returns the index; the number of records when none can be chosen.
std::size_t choose_site(const std::vector<const site_record*>& records, const std::vector<bool>& excluded, site_record::time_point now);

}  // namespace gantry::registry
