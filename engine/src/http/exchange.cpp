#include "http/exchange.hpp"

#include <fmt/format.h>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace gantry::http {

exchange::exchange(connection_pool& pool, std::unique_ptr<connection> line, response_head head, exchange_limits limits,
                   runtime::stop_source& stop, const request& message, std::string where)
    : pool_(&pool),
      line_(std::move(line)),
      head_(std::move(head)),
      limits_(limits),
      stop_(&stop),
      where_(std::move(where)),
      asked_(message.target.origin),
      verb_(message.verb),
      connection_number_(line_->number),
      remaining_(head_.framing == body_framing::length ? head_.content_length : 0) {
  if (head_.framing == body_framing::none || (head_.framing == body_framing::length && remaining_ == 0)) finish();
}

exchange::exchange(exchange&&) noexcept = default;
exchange& exchange::operator=(exchange&&) noexcept = default;
exchange::~exchange() = default;

std::uint64_t exchange::unread() const noexcept { return line_ ? line_->unread().size() + line_->stream->unread() : 0; }

void exchange::finish() {
  complete_ = true;
  if (!line_) return;
  // Bytes behind the end that were not asked for: such a connection is not trusted with another request.
  const bool unasked = !line_->unread().empty() && line_->followers.empty();
  const bool reusable = head_.keep_alive && !unasked;
  pool_->give_back(std::move(line_), reusable);
}

void exchange::broken() {
  if (!stop_->stop_requested()) pool_->broken(std::move(line_));
  line_.reset();
}

task<result<std::size_t>> exchange::receive(std::span<std::byte> into) {
  const std::span<std::byte> waiting = line_->unread();
  if (!waiting.empty()) {
    const std::size_t count = std::min(waiting.size(), into.size());
    std::memcpy(into.data(), waiting.data(), count);
    line_->consume(count);
    co_return count;
  }
  if (stop_->stop_requested()) co_return failure(errc::cancelled, "stopped");
  const runtime::executor executor = co_await boost::asio::this_coro::executor;
  const timed guard(executor, *line_->stream, limits_.idle, *stop_);
  const net::read_result got = co_await line_->stream->read_some(into);
  if (got.code) co_return why(guard, *stop_, got.code, *line_, where_, "in the middle of the answer");
  co_return got.bytes;
}

task<result<std::size_t>> exchange::read(std::span<std::byte> into) {
  if (complete_ || into.empty()) co_return std::size_t{0};
  if (!line_) co_return lost(where_, "before this read");
  switch (head_.framing) {
    case body_framing::none:
      break;
    case body_framing::length: {
      const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), remaining_));
      const result<std::size_t> got = co_await receive(into.first(wanted));
      if (!got || *got == 0) {
        broken();
        if (!got) co_return got.error();
        co_return failure(errc::connection_lost,
                          fmt::format("{} closed the connection {} bytes before the end of the answer", where_, remaining_));
      }
      remaining_ -= *got;
      if (remaining_ == 0) finish();
      co_return *got;
    }
    case body_framing::chunked:
      for (;;) {
        // Decoded in place: what the coding takes away only makes it shorter.
        const result<std::size_t> got = co_await receive(into);
        if (!got || *got == 0) {
          broken();
          if (!got) co_return got.error();
          co_return failure(errc::connection_lost, fmt::format("{} closed the connection before the end of the answer", where_));
        }
        const auto step = chunks_.decode(into.first(*got), into);
        if (!step) {
          line_.reset();
          co_return failure(step.error().code, fmt::format("{}: {}", where_, step.error().text.message()));
        }
        if (chunks_.done()) {
          // What was received behind the end cannot be put back.
          if (step->consumed != *got) head_.keep_alive = false;
          finish();
        }
        if (step->produced != 0 || complete_) co_return step->produced;
      }
    case body_framing::until_close: {
      const result<std::size_t> got = co_await receive(into);
      if (!got) {
        broken();
        co_return got.error();
      }
      if (*got == 0) {
        head_.keep_alive = false;
        finish();
      }
      co_return *got;
    }
  }
  co_return std::size_t{0};
}

task<result<std::string>> exchange::read_all(std::size_t cap) {
  std::string body;
  std::array<std::byte, 8 * 1024> block;
  for (;;) {
    const result<std::size_t> got = co_await read(block);
    if (!got) co_return got.error();
    if (*got == 0) co_return body;
    if (body.size() + *got > cap) {
      line_.reset();
      co_return failure(errc::limit_exceeded, fmt::format("{} sent more than the {} bytes that are accepted here", where_, cap));
    }
    body.append(reinterpret_cast<const char*>(block.data()), *got);
  }
}

}  // namespace gantry::http
