#pragma once

#include "runtime/deadline.hpp"
#include "runtime/stop.hpp"
#include "transfer/context.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace gantry::jobs {

// Longer than a healthy registry needs to answer, shorter than the limits after which a silent one is taken for dead.
constexpr std::chrono::seconds lending_time{10};

/// A part of an operation with a time and a patience of its own: a registry that never answers holds nobody else up. It stops with the
/// whole; that it is stopped stops nothing else. Must outlive what works with it.
class sync_part {
 public:
  /// \param forward gets the events of the part; empty: they are those of the whole
  sync_part(const transfer::context& whole_shared, transfer::operation& whole, std::optional<unsigned> retries,
            std::optional<std::chrono::milliseconds> timeout, std::function<void(const event&)> forward = {})
      : shared(whole_shared),
        running(std::make_shared<transfer::operation>(
            transfer::event_emitter(
                forward ? std::move(forward) : [&whole](const event& what) { whole.events.pass_on(what); }, runtime::executor()),
            whole.moved())),
        follows_(whole.stop, [this] { running->request_stop(); }) {
    if (whole.stop.stop_requested()) running->request_stop();
    shared.retry.among_others = true;
    shared.lends_after = lending_time;
    if (retries) shared.retry.attempts = *retries + 1;
    if (timeout) limit_.emplace(shared.executor, *timeout, [part = running] { part->request_stop(); });
  }
  sync_part(const sync_part&) = delete;
  sync_part& operator=(const sync_part&) = delete;

  transfer::context shared;
  std::shared_ptr<transfer::operation> running;

  bool timed_out() const noexcept { return limit_ && limit_->expired(); }

 private:
  runtime::stop_source::registration follows_;
  std::optional<runtime::deadline> limit_;
};

}  // namespace gantry::jobs
