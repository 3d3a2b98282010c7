#include "transfer/blob_stream.hpp"

#include "http/content_range.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gantry::transfer {
namespace {

using http::byte_range;

/// The parts of \p span that are not in \p held, ascending.
std::vector<store::byte_range> missing_in(const store::byte_ranges& held, store::byte_range span) {
  std::vector<store::byte_range> missing;
  for (const store::byte_range& gap : held.gaps(span.end())) {
    if (gap.end() <= span.offset) continue;
    const std::uint64_t begin = std::max(gap.offset, span.offset);
    missing.push_back({begin, gap.end() - begin});
  }
  return missing;
}

}  // namespace

task<stream_outcome> blob_stream::run(stream_request request) {
  stream_outcome outcome;
  const descriptor& blob = request.blob;
  const bool whole = request.gap.length == blob.size || !request.ranges_work;
  std::optional<byte_range> range;
  if (!whole) range = byte_range{request.gap.offset, request.gap.end() - 1};

  line_keeper::line line(lines_, running_.stop);
  line_ = &line;
  auto asking = co_await shared_.registry.get_blob(request.source, blob.digest, range, line.stop());
  if (!asking) {
    outcome.error = asking.error();
    co_return outcome;
  }
  http::exchange reply = std::move(*asking);
  running_.note_answer();

  store::byte_range span{0, blob.size};
  if (range) {
    const result<http::range_answer> judged = http::check_range_answer(*range, blob.size, reply.head());
    if (!judged) {
      outcome.error = judged.error();
      co_return outcome;
    }
    // With one origin a whole answer is as good a stream as the next one would be: what is held is read and dropped.
    if (judged->body == http::range_body::part) {
      span = {judged->range.first, judged->range.size()};
    } else {
      outcome.rangeless = true;
    }
  } else if (reply.head().status != 200) {
    outcome.error = failure(errc::range_refused, fmt::format("{} answered a request for the whole blob with a part of it", reply.where()));
    co_return outcome;
  } else if (reply.head().framing == http::body_framing::length && reply.head().content_length != blob.size) {
    outcome.error = failure(errc::range_refused, fmt::format("{} offers {} bytes for blob {}, whose size is {}", reply.where(),
                                                             reply.head().content_length, blob.digest.short_form(), blob.size));
    co_return outcome;
  }

  outcome.error = co_await receive(reply, blob, span);
  if (line.dropped()) outcome.error = failure(errc::too_slow, fmt::format("{} sends too slowly; asking anew", reply.where()));
  outcome.received = received_;
  co_return outcome;
}

task<std::optional<failure>> blob_stream::receive(http::exchange& reply, const descriptor& blob, store::byte_range span) {
  std::uint64_t position = span.offset;
  for (const store::byte_range& run : missing_in(held_, span)) {
    if (run.offset > position) {
      std::optional<failure> error = co_await drop(reply, run.offset - position);
      if (error) co_return error;
    }
    // What lies between the hash and this run was held before.
    const result<void> caught_up = co_await cursor_.catch_up(part_, run.offset, shared_.buffers, line_->stop());
    if (!caught_up) co_return caught_up.error();
    std::optional<failure> error = co_await receive_run(reply, blob, run);
    if (error) co_return error;
    position = run.end();
  }
  if (position < span.end()) co_return std::nullopt;  // the rest is held; not worth reading
  // The end is read too: it shows that nothing follows and gives the connection back.
  std::byte extra;
  const result<std::size_t> end = co_await reply.read(std::span(&extra, 1));
  if (!end) co_return end.error();
  if (*end != 0)
    co_return failure(errc::range_refused, fmt::format("{} sends more bytes than blob {} has", reply.where(), blob.digest.short_form()));
  co_return std::nullopt;
}

task<std::optional<failure>> blob_stream::drop(http::exchange& reply, std::uint64_t bytes) {
  std::vector<runtime::buffer_pool::buffer> taken = co_await shared_.buffers.acquire(1, line_->stop());
  if (taken.empty()) co_return failure(errc::cancelled, "stopped");
  while (bytes != 0) {
    const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, runtime::buffer_pool::buffer_size));
    const result<std::size_t> got = co_await reply.read(taken.front().bytes().first(most));
    if (!got) co_return got.error();
    if (*got == 0) co_return failure(errc::connection_lost, fmt::format("{} ended before the blob did", reply.where()));
    running_.received(*got);
    line_->received(*got);
    bytes -= *got;
  }
  co_return std::nullopt;
}

task<std::size_t> blob_stream::fill(http::exchange& reply, std::span<std::byte> block, const descriptor& blob, std::uint64_t at) {
  std::size_t filled = 0;
  while (filled < block.size()) {
    const result<std::size_t> got = co_await reply.read(block.subspan(filled));
    if (!got || *got == 0) {
      broken_ = got ? failure(errc::connection_lost, fmt::format("{} ended after {} of {} bytes", reply.where(), at + filled, blob.size))
                    : got.error();
      break;
    }
    filled += *got;
    received_ += *got;
    running_.received(*got);
    line_->received(*got);
    running_.events.progress(transfer_progress{running_.bytes_received(), static_cast<unsigned>(line_->active())});
    running_.events.progress(blob.digest, held_.total() + at + filled - run_begin_);
  }
  co_return filled;
}

task<std::optional<failure>> blob_stream::receive_run(http::exchange& reply, const descriptor& blob, store::byte_range run) {
  // Both at once: one receives while the other is written, and a stream that holds one buffer never waits for its second.
  std::vector<runtime::buffer_pool::buffer> taken = co_await shared_.buffers.acquire(2, line_->stop());
  if (taken.empty()) co_return failure(errc::cancelled, "stopped");
  blob_writer::shared_buffer receiving = std::make_shared<runtime::buffer_pool::buffer>(std::move(taken[0]));
  blob_writer::shared_buffer spare = std::make_shared<runtime::buffer_pool::buffer>(std::move(taken[1]));

  run_begin_ = run.offset;
  blob_writer writer(shared_, part_, cursor_, run.offset);
  std::optional<failure> error;
  while (writer.position() < run.end() && !broken_) {
    const std::uint64_t missing = run.end() - writer.position();
    const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(runtime::buffer_pool::buffer_size, missing));
    const std::size_t filled = co_await fill(reply, receiving->bytes().first(most), blob, writer.position());
    if (filled == 0) break;
    result<blob_writer::shared_buffer> free = co_await writer.store(std::move(receiving), filled);
    if (!free) {
      error = free.error();
      break;
    }
    receiving = *free ? std::move(*free) : std::exchange(spare, nullptr);
  }
  const result<void> finished = co_await writer.finish();
  held_.add({run.offset, writer.position() - run.offset});
  // A disk that fails outweighs a network that does.
  if (error) co_return error;
  if (!finished) co_return finished.error();
  co_return broken_;
}

}  // namespace gantry::transfer
