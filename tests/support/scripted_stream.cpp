#include "support/scripted_stream.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace gantry::test {

scripted_stream::step scripted_stream::text(std::string_view bytes, unsigned trickle) { return {std::string(bytes), {}, false, trickle}; }
scripted_stream::step scripted_stream::end() { return {}; }
scripted_stream::step scripted_stream::fail(error_code code) { return {{}, code, false, 0}; }
scripted_stream::step scripted_stream::stall() { return {{}, {}, true, 0}; }

scripted_stream::scripted_stream(const runtime::executor& where, std::deque<step> script, std::shared_ptr<stream_record> record)
    : closed_(where, boost::asio::steady_timer::time_point::max()), script_(std::move(script)), record_(std::move(record)) {}

scripted_stream::~scripted_stream() { record_->closed = true; }

net::task<net::read_result> scripted_stream::read_some(std::span<std::byte> into) {
  net::read_result outcome;
  ++record_->reads;
  if (record_->closed) {
    outcome.code = boost::asio::error::operation_aborted;
    co_return outcome;
  }
  if (script_.empty()) co_return outcome;
  step& next = script_.front();
  if (next.stall) {
    co_await closed_.async_wait(runtime::use_task);
    outcome.code = boost::asio::error::operation_aborted;
    co_return outcome;
  }
  outcome.code = next.code;
  outcome.bytes = std::min(next.bytes.size(), into.size());
  if (next.trickle != 0) outcome.bytes = std::min<std::size_t>(outcome.bytes, next.trickle);
  std::memcpy(into.data(), next.bytes.data(), outcome.bytes);
  next.bytes.erase(0, outcome.bytes);
  if (next.bytes.empty()) script_.pop_front();
  co_return outcome;
}

net::task<error_code> scripted_stream::write_all(std::span<const std::byte> bytes) {
  record_->written.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  co_return write_code;
}

void scripted_stream::close() noexcept {
  record_->closed = true;
  closed_.cancel();
}

}  // namespace gantry::test
