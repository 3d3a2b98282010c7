#include "registry/blob_location.hpp"

#include "registry/registry_error.hpp"
#include "registry/status.hpp"

#include <fmt/format.h>

#include <utility>

namespace gantry::registry {
namespace {

// DESIGN section 3: the failure of a URL younger than this counts as an attempt.
constexpr std::chrono::seconds young{5};

bool means_expired(unsigned status) noexcept { return status == 400 || status == 401 || status == 403 || status == 404 || status == 410; }

}  // namespace

task<result<http::exchange>> blob_location::get(std::optional<http::byte_range> range, runtime::stop_source& stop) {
  for (;;) {
    if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
    if (!direct_) {
      if (asking_ && !served_by_registry_) {
        co_await answered_.wait(stop);
        continue;
      }
      auto answer = co_await ask_registry(range, stop);
      if (answer || urls_.empty() || answer.error().code != errc::not_found) co_return answer;
      co_return co_await ask_elsewhere(range, answer.error(), stop);
    }
    const unsigned number = number_;
    const http::url where = *direct_;
    auto reply = co_await registry_.get_direct(where, range, stop);
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
    if (fresh) {
      co_return failure(errc::server_error, fmt::format("{} does not honour the address that the registry has just given for blob {}: {}",
                                                        reply->where(), blob_.short_form(), http::describe_status(status)));
    }
  }
}

task<result<http::exchange>> blob_location::ask_elsewhere(std::optional<http::byte_range> range, failure absent,
                                                          runtime::stop_source& stop) {
  failure last = absent;
  for (const std::string& address : urls_) {
    http::url served_at;
    auto answer = co_await registry_.get_foreign(site_, address, range, stop, served_at);
    if (!answer) {
      if (answer.error().code == errc::cancelled) co_return answer;
      last = answer.error();
      continue;
    }
    const unsigned status = answer->head().status;
    if (status != 200 && status != 206) {
      last = status_failure(fmt::format("layer {} at {}", blob_.short_form(), answer->where()), answer->head(), {},
                            std::chrono::system_clock::now());
      continue;
    }
    direct_ = std::move(served_at);
    ++number_;
    obtained_ = std::chrono::steady_clock::now();
    co_return answer;
  }
  // The code of the last answer: what may come right is tried again.
  co_return failure(last.code,
                    fmt::format("layer {} of {} is neither in the registry nor, of {} places that its descriptor names, in the last: {}",
                                blob_.short_form(), site_.image.name(), urls_.size(), last.text.message()),
                    absent.text.server_message());
}

task<result<http::exchange>> blob_location::ask_registry(std::optional<http::byte_range> range, runtime::stop_source& stop) {
  asking_ = true;
  std::optional<http::url> elsewhere;
  auto reply = co_await registry_.get_blob(site_, blob_, range, stop, &elsewhere);
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
