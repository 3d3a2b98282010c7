#pragma once

#include "http/request_watch.hpp"
#include "http/url.hpp"
#include "transfer/planner.hpp"

#include <chrono>
#include <optional>

namespace gantry::transfer {

/// The answer that a stream has not got yet: whose it is to be, and since when it is waited for. The planner counts from there, too: who
/// waits for a credential, a token or the answer to a redirect has asked nobody else for bytes in vain meanwhile. Used on the strand alone.
class awaited_answer final : public http::request_watch {
 public:
  using clock = std::chrono::steady_clock;

  /// \p plan must outlive the object, and \p stream not end before it is told anything for the last time.
  awaited_answer(planner& plan, stream_id stream) : plan_(plan), stream_(stream) {}

  void held_up(bool waiting) override {
    since_ = clock::now();
    plan_.held_up(stream_, since_, waiting);
  }
  void asks(const http::origin& where) override {
    since_ = clock::now();
    of_ = where;
    plan_.asks(stream_, since_);
  }

  clock::time_point since() const noexcept { return since_; }
  /// Nothing: nobody has been asked.
  const std::optional<http::origin>& of() const noexcept { return of_; }

 private:
  planner& plan_;
  stream_id stream_;
  clock::time_point since_ = clock::now();
  std::optional<http::origin> of_;
};

}  // namespace gantry::transfer
