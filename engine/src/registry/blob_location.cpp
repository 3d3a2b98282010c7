#include "registry/blob_location.hpp"

#include "registry/registry_error.hpp"
#include "registry/status.hpp"

#include <fmt/format.h>

#include <utility>

namespace gantry::registry {
namespace {

// DESIGN section 3: the failure of a URL younger than this counts as an attempt.
constexpr std::chrono::seconds young{5};

/// The storage has moved what it served before: the registry leads there anew.
bool means_moved(unsigned status) noexcept { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }

bool means_expired(unsigned status) noexcept {
  return status == 400 || status == 401 || status == 403 || status == 404 || status == 410 || means_moved(status);
}

}  // namespace

task<result<http::exchange>> blob_location::get(blob_request part, runtime::stop_source& stop) {
  for (;;) {
    if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
    if (!direct_) {
      if (asking_ && !served_by_registry_) {
        co_await answered_.wait(stop);
        continue;
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
      co_return co_await registry_.blob_refusal(site_, blob_, std::move(refused));
    }
    if (number != number_) continue;
    const bool fresh = std::chrono::steady_clock::now() - obtained_ < young;
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
    answered = std::chrono::steady_clock::now();
    const unsigned status = answer->head().status;
    if (status != 200 && status != 206) {
      last = status_failure(fmt::format("layer {} at {}", blob_.short_form(), answer->where()), answer->head(), {},
                            std::chrono::system_clock::now());
      continue;
    }
    direct_.emplace();
    direct_->where = std::move(served_at);
    ++number_;
    obtained_ = std::chrono::steady_clock::now();
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
  asking_ = true;
  std::optional<blob_place> elsewhere;
  auto reply = co_await registry_.get_blob(site_, blob_, part, stop, &elsewhere);
  asking_ = false;
  if (reply) {
    served_by_registry_ = !elsewhere;
    if (elsewhere) {
      direct_ = std::move(elsewhere);
      ++number_;
      obtained_ = std::chrono::steady_clock::now();
    }
  }
  answered_.notify_all();
  co_return reply;
}

}  // namespace gantry::registry
