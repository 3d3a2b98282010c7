#pragma once

#include "base/failure.hpp"
#include "runtime/signal.hpp"
#include "runtime/stop.hpp"
#include "runtime/task.hpp"

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace gantry::jobs {

using runtime::task;

/// Whose turn it is among the images of one run, which go between several registries: those that wait for one registry take no place from
/// the others. A target that has not answered yet in this run is asked by one image alone, so is a source among several, and when that
/// fails in vain the others fail at once. Used on the strand alone.
class run_order {
 public:
  using clock = std::chrono::steady_clock;

  /// The registries of one image; empty: none. A source that has mirrors is named with them, the registry last: see
  /// registry_client::places_of. That one of them answers says nothing of images that only the registry has.
  struct ends {
    std::string source;
    std::string target;
    friend auto operator<=>(const ends&, const ends&) = default;
  };
  /// When a registry answered last; nothing when it never has.
  using answers = std::function<std::optional<clock::time_point>(const std::string& registry)>;

  /// \param at_once images under way between the same two registries
  /// \param patience silence after which a registry that has answered before is given up with the image that it fails
  run_order(answers last, std::size_t at_once, std::chrono::milliseconds patience)
      : last_(std::move(last)), at_once_(at_once), patience_(patience) {}

  /// One image under way as long as it lives.
  class turn {
   public:
    turn(run_order& order, std::size_t index);
    turn(turn&& other) noexcept : order_(std::exchange(other.order_, nullptr)), index_(other.index_) {}
    turn& operator=(turn&&) = delete;
    ~turn();
    std::size_t index() const noexcept { return index_; }

   private:
    run_order* order_;
    std::size_t index_;
  };

  /// The next image, numbered from 0 in the order in which they are added.
  void add(ends of);
  /// How many may be under way at once, all registries together.
  std::size_t workers() const noexcept;

  /// Waits for the first image that may begin. Nothing when there is none left, or \p stop came.
  task<std::optional<turn>> next(runtime::stop_source& stop);

  /// Why an image between these registries need not be tried: one of them was given up in this run.
  std::optional<failure> given_up(const ends& of) const;
  /// The image came.
  void succeeded(const ends& of);
  /// The image did not. \param name of it, for those that fail like it \param hurried it had less time than \ref patience
  void failed(const ends& of, const std::string& name, const failure& why, bool hurried = false);

 private:
  struct lane {
    std::deque<std::size_t> waiting;
    std::size_t under_way = 0;
  };
  bool knows(const std::string& registry) const;
  bool admits(const ends& of, const lane& one) const;
  void give_up(const std::string& registry, const std::string& name, const failure& why);

  answers last_;
  std::size_t at_once_;
  std::chrono::milliseconds patience_;
  clock::time_point began_ = clock::now();
  std::vector<ends> images_;
  std::map<ends, lane> lanes_;
  std::set<std::string> sources_;
  std::map<std::string, std::size_t> under_way_;  ///< by registry
  std::set<std::string> seen_;                    ///< registries that images have come from or gone to
  std::map<std::string, failure> given_up_;
  runtime::signal changed_;
};

}  // namespace gantry::jobs
