#include "registry/blob_location.hpp"

#include "registry/registry_error.hpp"
#include "registry/status.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gantry::registry {
namespace {

// DESIGN section 3: the failure of a URL younger than this counts as an attempt.
constexpr std::chrono::seconds young{5};
// An answer that takes several times as long as the longest so far is given up, but no wait is longer than this.
constexpr int waits = 4;
constexpr std::chrono::seconds longest_patience{30};

/// The storage has moved what it served before: the registry leads there anew.
bool means_moved(unsigned status) noexcept { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }

bool means_expired(unsigned status) noexcept {
  return status == 400 || status == 401 || status == 403 || status == 404 || status == 410 || means_moved(status);
}

}  // namespace

blob_location::clock::time_point blob_location::given_up_at() const {
  if (!heard_) return asked_ + patience_.first;
  const clock::duration usual = std::min<clock::duration>(waits * longest_wait_, longest_patience);
  return asked_ + std::max<clock::duration>(patience_.renewal, usual);
}

task<result<http::exchange>> blob_location::get(blob_request part, runtime::stop_source& stop, clock::time_point* asked) {
  for (;;) {
    if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
    const auto now = clock::now();
    if (asked != nullptr) *asked = now;
    if (!direct_) {
      if (asking_ != 0 && !served_by_registry_) {
        const clock::time_point until = given_up_at();
        if (now < until) {
          const auto wait = std::chrono::ceil<std::chrono::milliseconds>(until - now);
          co_await answered_.wait(stop, wait);
          continue;
        }
        // Behind the request that has no answer this one would have none either.
        part.how.alone = true;
      }
      auto answer = co_await ask_registry(part, stop);
      if (answer || urls_.empty() || answer.error().code != errc::not_found) co_return answer;
      co_return co_await ask_elsewhere(part, answer.error(), stop);
    }
    const unsigned number = number_;
    const blob_place place = *direct_;
    auto reply = co_await registry_.get_direct(site_, place, part, stop);
    if (!reply || !means_expired(reply->head().status)) {
      if (!reply) co_return reply.error();
      const unsigned status = reply->head().status;
      if (status == 200 || status == 206) co_return reply;
      http::exchange refused = std::move(*reply);
      co_return co_await registry_.blob_refusal(site_, blob_, part, std::move(refused));
    }
    if (number != number_) continue;
    const bool fresh = clock::now() - obtained_ < young;
    const unsigned status = reply->head().status;
    direct_.reset();
    ++number_;
    if (fresh && !means_moved(status)) {
      co_return failure(errc::server_error, fmt::format("{} does not honour the address that the registry has just given for blob {}: {}",
                                                        reply->where(), blob_.short_form(), http::describe_status(status)));
    }
  }
}

task<result<http::exchange>> blob_location::ask_elsewhere(blob_request part, failure absent, runtime::stop_source& stop) {
  failure last = absent;
  auto answered = obtained_;  // by one of the places; the epoch: never
  for (const std::string& address : urls_) {
    http::url served_at;
    auto answer = co_await registry_.get_foreign(site_, address, part, stop, served_at);
    if (!answer) {
      if (answer.error().code == errc::cancelled) co_return answer;
      last = answer.error();
      continue;
    }
    answered = clock::now();
    const unsigned status = answer->head().status;
    if (status != 200 && status != 206) {
      last = status_failure(fmt::format("layer {} at {}", blob_.short_form(), answer->where()), answer->head(), {},
                            std::chrono::system_clock::now());
      if (status == 416 && part.range) {
        const failure refused = http::unsatisfied_range(*part.range, part.size, answer->head());
        last = failure(refused.code, fmt::format("{}, layer {}: {}", answer->where(), blob_.short_form(), refused.text.message()));
      }
      continue;
    }
    direct_.emplace();
    direct_->where = std::move(served_at);
    ++number_;
    obtained_ = clock::now();
    co_return answer;
  }
  // The code of the last answer: what may come right is tried again, for long only where somebody has answered before.
  failure nowhere(last.code,
                  fmt::format("layer {} of {} is neither in the registry nor, of {} places that its descriptor names, in the last: {}",
                              blob_.short_form(), site_.image.name(), urls_.size(), last.text.message()),
                  absent.text.server_message());
  nowhere.retry_after = last.retry_after;
  nowhere.last_answer = answered;
  co_return nowhere;
}

task<result<http::exchange>> blob_location::ask_registry(blob_request part, runtime::stop_source& stop) {
  const auto begun = clock::now();
  ++asking_;
  asked_ = begun;
  std::optional<blob_place> elsewhere;
  auto reply = co_await registry_.get_blob(site_, blob_, part, stop, &elsewhere);
  --asking_;
  if (reply) {
    heard_ = true;
    longest_wait_ = std::max(longest_wait_, clock::now() - begun);
    // Of several that asked the first to be answered has found the address for all.
    if (!direct_) served_by_registry_ = !elsewhere;
    if (!direct_ && elsewhere) {
      direct_ = std::move(elsewhere);
      ++number_;
      obtained_ = clock::now();
    }
  } else if (asked_ == begun) {
    asked_ = clock::time_point::min();  // nobody has to wait for one that is still without an answer
  }
  answered_.notify_all();
  co_return reply;
}

}  // namespace gantry::registry
