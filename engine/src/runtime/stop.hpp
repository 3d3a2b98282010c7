#pragma once

#include <boost/intrusive/list.hpp>

#include <functional>
#include <memory>
#include <utility>

namespace gantry::runtime {

/// A request to stop, spread to everything that waits. Used on the strand alone. Whoever starts to wait registers how its wait is ended; a
/// stop that came earlier is seen by \ref stop_requested, so the rule is: check, register, wait, check.
class stop_source {
  using hook = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

 public:
  /// Calls \p on_stop once when a stop is requested; unregisters when destroyed. The source may die first.
  class registration : public hook {
   public:
    registration(stop_source& source, std::function<void()> on_stop) : on_stop_(std::move(on_stop)) { source.registered_.push_back(*this); }
    registration(const registration&) = delete;
    registration& operator=(const registration&) = delete;

   private:
    friend class stop_source;
    std::function<void()> on_stop_;
  };

  stop_source() = default;
  /// A part of something larger: stops when \p parent stops, and may be stopped alone.
  explicit stop_source(stop_source& parent)
      : requested_(parent.stop_requested()), parent_(std::make_unique<registration>(parent, [this] { request_stop(); })) {}
  stop_source(const stop_source&) = delete;
  stop_source& operator=(const stop_source&) = delete;
  ~stop_source() { registered_.clear(); }

  bool stop_requested() const noexcept { return requested_; }

  void request_stop() {
    if (requested_) return;
    requested_ = true;
    while (!registered_.empty()) {
      // Unlinked before the call: the callback may destroy its registration, or others.
      registration& next = registered_.front();
      registered_.pop_front();
      const std::function<void()> on_stop = std::move(next.on_stop_);
      on_stop();
    }
  }

 private:
  bool requested_ = false;
  boost::intrusive::list<registration, boost::intrusive::constant_time_size<false>> registered_;
  std::unique_ptr<registration> parent_;
};

}  // namespace gantry::runtime
