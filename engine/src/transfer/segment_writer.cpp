#include "transfer/segment_writer.hpp"

#include <utility>

namespace gantry::transfer {

namespace {

// A full piece may take minutes to arrive over a slow line; what came in so long is not to be lost to a kill.
constexpr std::chrono::seconds journal_interval{2};

}  // namespace

result<void> segment_writer::pieces::append(std::uint64_t offset, std::span<const std::byte> bytes, bool once) {
  if (run && run->position() != offset) {
    const result<void> flushed = flush();
    if (!flushed) return flushed.error();
  }
  const auto now = std::chrono::steady_clock::now();
  if (run && now - begun >= journal_interval) {
    const result<void> flushed = flush();
    if (!flushed) return flushed.error();
  }
  if (!run) {
    run.emplace(*part, offset, keeps_records ? &records : nullptr);
    begun = now;
  }
  return run->append(bytes, once);
}

result<void> segment_writer::pieces::flush() {
  if (!run) return {};
  const result<void> flushed = run->flush();
  run.reset();
  return flushed;
}

task<result<segment_writer::shared_buffer>> segment_writer::store(shared_buffer block, std::uint64_t base, std::vector<byte_range> parts,
                                                                  bool last) {
  co_await busy_.join();
  shared_buffer free = std::exchange(in_flight_, nullptr);
  if (error_) co_return *error_;
  in_flight_ = block;
  busy_.spawn(step(std::move(block), base, std::move(parts), last));
  co_return free;
}

task<> segment_writer::step(shared_buffer block, std::uint64_t base, std::vector<byte_range> parts, bool last) {
  runtime::task_group both(shared_.executor);
  hash_follower& hash = job_.hash();
  const bool hashed = parts.size() == 1 && !hash.busy() && hash.position() == parts.front().offset;
  if (hashed) {
    const std::span<const std::byte> bytes = block->bytes().subspan(parts.front().offset - base, parts.front().length);
    both.spawn(hash.take(bytes, block));
  }
  both.spawn(write(std::move(block), base, parts, hashed, last));
  co_await both.join();
  if (error_) co_return;
  for (const byte_range& part : parts) job_.written(part);
}

task<> segment_writer::write(shared_buffer block, std::uint64_t base, std::vector<byte_range> parts, bool hashed, bool last) {
  // The closure owns all that the call uses: it may outlive this coroutine when the caller's context is torn down.
  auto call = [pieces = pieces_, block = std::move(block), base, parts = std::move(parts), hashed, last]() -> result<void> {
    for (const byte_range& part : parts) {
      const result<void> written = pieces->append(part.offset, block->bytes().subspan(part.offset - base, part.length), hashed);
      if (!written) return written.error();
    }
    return last ? pieces->flush() : result<void>();
  };
  const result<void> written = co_await runtime::offload(shared_.lanes, runtime::lane::files, std::move(call));
  if (!written && !error_) error_ = written.error();
}

task<result<void>> segment_writer::finish(std::shared_ptr<segment_writer> writer) {
  segment_writer& self = *writer;
  co_await self.busy_.join();
  self.in_flight_.reset();
  result<void> flushed;
  // No worker looks at the run now.
  if (self.pieces_->run) {
    auto call = [pieces = self.pieces_] { return pieces->flush(); };
    flushed = co_await runtime::offload(self.shared_.lanes, runtime::lane::files, std::move(call));
  }
  if (!self.pieces_->records.empty()) self.job_.note_pieces(self.site_, std::move(self.pieces_->records));
  if (self.error_) co_return *self.error_;
  co_return flushed;
}

}  // namespace gantry::transfer
