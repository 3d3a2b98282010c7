#pragma once

#include "runtime/stop.hpp"
#include "transfer/pace_monitor.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

namespace gantry::transfer {

/// The streams that are under way, so that one of them can be stopped alone. Used on the strand alone.
class line_keeper {
 public:
  /// One stream's place; must not outlive the keeper.
  class line {
   public:
    /// \param counted as one of the \ref active: it has a connection of its own
    line(line_keeper& keeper, runtime::stop_source& operation, bool counted = true)
        : keeper_(keeper), stop_(operation), counted_(counted ? 1u : 0u) {
      keeper_.active_ += counted_;
    }
    ~line() {
      keeper_.active_ -= counted_;
      if (!id_) return;
      keeper_.pace_.remove(*id_);
      keeper_.lines_.erase(*id_);
    }
    line(const line&) = delete;
    line& operator=(const line&) = delete;

    runtime::stop_source& stop() noexcept { return stop_; }
    /// Ends the line; whoever needs its bytes asks anew. \param overtaken nobody needs them: others have or will have them
    void drop(bool overtaken = false) {
      if (!dropped_) overtaken_ = overtaken;
      dropped_ = true;
      stop_.request_stop();
    }
    /// The answer has begun: from here on the pace counts, not while the server or a buffer is waited for.
    void begin() {
      if (id_) return;
      id_ = keeper_.pace_.add(std::chrono::steady_clock::now());
      keeper_.lines_.emplace(*id_, this);
    }
    void received(std::uint64_t bytes) {
      if (id_) keeper_.pace_.received(*id_, bytes);
    }
    /// \param unread tells how many bytes the line's connection holds that nobody has read; empty: nobody can tell any more
    void measure(std::function<std::uint64_t()> unread) { unread_ = std::move(unread); }
    /// That many now; 0 where nobody can tell.
    std::uint64_t unread() const { return unread_ ? unread_() : 0; }
    /// Whether it was ended alone, by \ref drop.
    bool dropped() const noexcept { return dropped_; }
    bool overtaken() const noexcept { return overtaken_; }
    /// Streams with connections of their own that are under way.
    std::size_t active() const noexcept { return keeper_.active_; }

   private:
    friend class line_keeper;
    line_keeper& keeper_;
    runtime::stop_source stop_;
    std::size_t counted_;
    std::optional<pace_monitor::connection_id> id_;  ///< once the answer has begun
    std::function<std::uint64_t()> unread_;
    bool dropped_ = false;
    bool overtaken_ = false;
  };

  /// Stops the lines that crawl; they are opened again by whoever needs them.
  void drop_slow() {
    for (const pace_monitor::connection_id id : pace_.judge(std::chrono::steady_clock::now())) {
      const auto found = lines_.find(id);
      if (found == lines_.end()) continue;
      found->second->drop();
    }
  }

 private:
  pace_monitor pace_;
  std::map<pace_monitor::connection_id, line*> lines_;  ///< those whose pace counts
  std::size_t active_ = 0;
};

}  // namespace gantry::transfer
