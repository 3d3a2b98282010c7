#include "serve/connection.hpp"

#include "base/redact.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>
#include <vector>

namespace gantry::serve {
namespace {

/// What has to be taken within serve_limits::stall.
constexpr std::uint64_t step_bytes = 64 * 1024;
/// Whoever holds a buffer that others wait for is given less time for a step.
constexpr std::chrono::milliseconds crowded_patience{5'000};
/// How much of what follows a refused request is read so that the refusal arrives, and for how long.
constexpr std::size_t linger_bytes = 1 << 20;
constexpr std::chrono::milliseconds linger_time{2'000};
/// While the server works, the client is not waited for.
constexpr std::chrono::milliseconds no_limit = std::chrono::hours(24);

std::string now_as_date() {
  return http_date(std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count());
}

/// A query may hold what somebody mistook for a way to authenticate.
std::string loggable(const std::string& target) {
  if (target.find('?') == std::string::npos) return target;
  constexpr std::string_view origin = "http://host";
  const std::string shown = redact_url(std::string(origin) + target);
  return shown.starts_with(origin) ? shown.substr(origin.size()) : target.substr(0, target.find('?'));
}

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

}  // namespace

task<> connection::run() {
  const runtime::stop_source::registration draining(shared_.draining, [this] {
    if (waiting_) close();
  });
  const runtime::stop_source::registration cutting(shared_.cutting, [this] { close(); });
  const runtime::executor where = co_await runtime::asio::this_coro::executor;
  runtime::deadline timer(where, shared_.limits.idle, [this] { close(); });
  for (bool going = true; going && !shared_.draining.stop_requested();) {
    request_parser parser;
    going = co_await read_head(parser, timer);
    if (going) going = co_await serve_one(parser, timer);
  }
  close();
}

task<bool> connection::read_head(request_parser& parser, runtime::deadline& timer) {
  timer.extend(shared_.limits.idle);
  while (!parser.complete()) {
    if (begin_ == end_) {
      waiting_ = parser.untouched();
      if (waiting_) idle_.push_back(*this);
      const net::read_result got = co_await client_.stream->read_some(input_);
      if (is_linked()) unlink();
      waiting_ = false;
      if (got.code || got.bytes == 0) co_return false;
      begin_ = 0;
      end_ = got.bytes;
    }
    const bool first = parser.untouched();
    begin_ += parser.feed(std::span<const std::byte>(input_).subspan(begin_, end_ - begin_));
    // From the first byte on the whole head has one deadline, however steadily it trickles.
    if (first) timer.extend(shared_.limits.head);
  }
  timer.extend(no_limit);
  co_return true;
}

task<bool> connection::serve_one(request_parser& parser, runtime::deadline& timer) {
  const auto started = std::chrono::steady_clock::now();
  served_request entry;
  entry.time = std::chrono::system_clock::now();
  entry.client = client_.address;
  answer reply;
  bool keep = false;
  bool head_only = false;
  if (parser.refusal()) {
    const request_refusal why = *parser.refusal();
    reply = error_answer(why.status, "UNSUPPORTED", why.reason);
  } else {
    const request_head& request = parser.head();
    entry.method = request.method;
    entry.target = loggable(request.target);
    head_only = request.method == "HEAD";
    const bool reads = head_only || request.method == "GET";
    if (request.has_body && reads) {
      reply = error_answer(400, "UNSUPPORTED", "a body has no meaning here");
    } else {
      reply = co_await shared_.answers.respond(request, shared_.cutting, entry.user);
    }
    // A body is never read, so that what it holds cannot be taken for the next request.
    keep = request.keep_alive && !request.has_body && !reply.close && !shared_.draining.stop_requested();
  }
  entry.status = reply.status;
  body_sent_ = 0;
  const bool unread = parser.refusal() || parser.head().has_body;
  entry.complete = co_await send(std::move(reply), head_only, keep, timer);
  entry.bytes = body_sent_;
  entry.elapsed = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started);
  const bool complete = entry.complete;
  shared_.report(std::move(entry));
  if (complete && unread) co_await linger(timer);
  co_return complete&& keep;
}

std::chrono::milliseconds connection::patience() const {
  return shared_.buffers.available() == 0 ? std::min(crowded_patience, shared_.limits.stall) : shared_.limits.stall;
}

void connection::progressed(std::uint64_t bytes, runtime::deadline& timer) {
  body_sent_ += bytes;
  since_extension_ += bytes;
  if (since_extension_ < step_bytes) return;
  since_extension_ = 0;
  timer.extend(shared_.limits.stall);
}

task<bool> connection::send(answer reply, bool head_only, bool keep_alive, runtime::deadline& timer) {
  std::string head = serialize_head(reply, keep_alive, now_as_date());
  const bool has_body = !head_only && reply.status != 304;
  const std::string* text = std::get_if<std::string>(&reply.body);
  const bool together = has_body && text != nullptr && text->size() <= step_bytes;
  if (together) head += *text;
  timer.extend(shared_.limits.stall);
  const error_code written = co_await client_.stream->write_all(bytes_of(head));
  if (written) co_return false;
  if (together) body_sent_ = text->size();
  if (!has_body || together) co_return true;
  if (text != nullptr) co_return co_await send_bytes(bytes_of(*text), timer);
  if (auto* stored = std::get_if<stored_part>(&reply.body)) co_return co_await send_stored(std::move(*stored), timer);
  co_return co_await send_arriving(std::move(std::get<arriving_part>(reply.body)), timer);
}

task<bool> connection::send_bytes(std::span<const std::byte> bytes, runtime::deadline& timer) {
  while (!bytes.empty()) {
    const std::size_t count = std::min<std::size_t>(bytes.size(), step_bytes);
    timer.extend(patience());
    const error_code written = co_await client_.stream->write_all(bytes.first(count));
    if (written) co_return false;
    body_sent_ += count;
    bytes = bytes.subspan(count);
  }
  co_return true;
}

task<bool> connection::send_stored(stored_part part, runtime::deadline& timer) {
  if (part.length == 0) co_return true;
  if (client_.files != nullptr) {
    since_extension_ = 0;
    auto sent = [this, &timer](std::uint64_t bytes) { progressed(bytes, timer); };
    const error_code outcome = co_await client_.files->send_file(part.blob, part.offset, part.length, std::move(sent));
    if (outcome != boost::system::errc::operation_not_supported) co_return !outcome;
  }
  timer.extend(no_limit);
  std::vector<runtime::buffer_pool::buffer> taken = co_await shared_.buffers.acquire(1, shared_.cutting);
  if (taken.empty()) co_return false;
  // The worker may outlive this connection.
  const auto block = std::make_shared<runtime::buffer_pool::buffer>(std::move(taken.front()));
  for (std::uint64_t done = 0; done < part.length;) {
    const std::uint64_t offset = part.offset + done;
    const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(part.length - done, block->bytes().size()));
    auto call = [blob = part.blob, block, offset, count] { return blob->read_at(offset, block->bytes().first(count)); };
    const result<std::size_t> got = co_await runtime::offload(shared_.lanes, runtime::lane::files, std::move(call));
    if (!got || *got != count) co_return false;
    const bool sent = co_await send_bytes(block->bytes().first(count), timer);
    if (!sent) co_return false;
    done += count;
  }
  co_return true;
}

task<bool> connection::send_arriving(arriving_part part, runtime::deadline& timer) {
  for (std::uint64_t done = 0; done < part.length;) {
    timer.extend(no_limit);
    const result<std::uint64_t> released = co_await part.blob->available(part.offset + done, shared_.cutting);
    if (!released) co_return false;
    std::vector<runtime::buffer_pool::buffer> taken = co_await shared_.buffers.acquire(1, shared_.cutting);
    if (taken.empty()) co_return false;
    // The worker may outlive this connection.
    const auto buffer = std::make_shared<runtime::buffer_pool::buffer>(std::move(taken.front()));
    const std::span<std::byte> block = buffer->bytes();
    const std::uint64_t most = std::min(*released - part.offset - done, part.length - done);
    const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(most, block.size()));
    std::shared_ptr<const void> owner = buffer;
    const result<std::size_t> got = co_await part.blob->read(part.offset + done, block.first(count), std::move(owner));
    if (!got || *got == 0) co_return false;
    const bool sent = co_await send_bytes(block.first(*got), timer);
    if (!sent) co_return false;
    done += *got;
  }
  co_return true;
}

task<> connection::linger(runtime::deadline& timer) {
  // A socket that is closed with unread bytes resets the connection, and the reset may overtake the answer.
  timer.extend(linger_time);
  for (std::size_t dropped = 0; dropped < linger_bytes;) {
    const net::read_result got = co_await client_.stream->read_some(input_);
    if (got.code || got.bytes == 0) co_return;
    dropped += got.bytes;
  }
}

}  // namespace gantry::serve
