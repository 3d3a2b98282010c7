#include "transfer/segment_writer.hpp"

#include <utility>

namespace gantry::transfer {

namespace {

// A full piece may take minutes to arrive over a slow line; what came in so long is not to be lost to a kill.
constexpr std::chrono::seconds journal_interval{2};
// Enough that nobody waits for a wake-up of the other: what is received while blocks are hashed and written is stored together.
constexpr std::size_t most_waiting = 2;

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
  result<void> flushed = run->flush();
  run.reset();
  return flushed;
}

task<result<segment_writer::shared_buffer>> segment_writer::store(shared_buffer buffer, std::uint64_t base, std::vector<byte_range> parts,
                                                                  bool last) {
  while (waiting_.size() >= most_waiting && !error_) co_await changed_.wait();
  if (error_) co_return *error_;
  block more;
  more.buffer = std::move(buffer);
  more.base = base;
  more.parts = std::move(parts);
  more.last = last;
  waiting_.push_back(std::move(more));
  if (!working_) {
    working_ = true;
    busy_.spawn(work());
  }
  co_return take_free();
}

task<result<segment_writer::shared_buffer>> segment_writer::reclaim() {
  while (free_.empty() && !error_) co_await changed_.wait();
  if (error_) co_return *error_;
  co_return take_free();
}

segment_writer::shared_buffer segment_writer::take_free() {
  if (free_.empty()) return nullptr;
  shared_buffer one = std::move(free_.back());
  free_.pop_back();
  return one;
}

task<> segment_writer::work() {
  while (!waiting_.empty() && !error_) {
    const auto some = std::make_shared<blocks>(std::exchange(waiting_, {}));
    changed_.notify_all();
    runtime::task_group both(shared_.executor);
    hash(*some, both);
    both.spawn(write(some));
    co_await both.join();
    if (error_) break;
    for (block& one : *some) {
      for (const byte_range& part : one.parts) job_.written(part);
      free_.push_back(std::move(one.buffer));
    }
    free_.resize(1);  // the others are for whoever needs them first
    changed_.notify_all();
  }
  working_ = false;
  changed_.notify_all();  // also of an error
}

void segment_writer::hash(blocks& some, runtime::task_group& beside) {
  hash_follower& follower = job_.hash();
  if (follower.busy()) return;
  std::vector<std::span<const std::byte>> bytes;
  std::vector<shared_buffer> owners;
  std::uint64_t position = follower.position();
  for (block& one : some) {
    if (one.parts.size() != 1 || one.parts.front().offset != position) continue;
    bytes.push_back(one.bytes_of(one.parts.front()));
    owners.push_back(one.buffer);
    position += one.parts.front().length;
    one.hashed = true;
  }
  if (!bytes.empty()) beside.spawn(follower.take(std::move(bytes), std::make_shared<std::vector<shared_buffer>>(std::move(owners))));
}

task<> segment_writer::write(std::shared_ptr<const blocks> some) {
  // The closure owns all that the call uses: it may outlive this coroutine when the caller's context is torn down.
  auto call = [pieces = pieces_, some = std::move(some)]() -> result<void> {
    for (const block& one : *some) {
      for (const byte_range& part : one.parts) {
        const result<void> written = pieces->append(part.offset, one.bytes_of(part), one.hashed);
        if (!written) return written.error();
      }
      if (!one.last) continue;
      const result<void> flushed = pieces->flush();
      if (!flushed) return flushed.error();
    }
    return {};
  };
  const result<void> written = co_await runtime::offload(shared_.lanes, runtime::lane::files, std::move(call));
  if (!written && !error_) error_ = written.error();
}

task<result<void>> segment_writer::finish(std::shared_ptr<segment_writer> writer) {
  segment_writer& self = *writer;
  co_await self.busy_.join();
  self.waiting_.clear();
  self.free_.clear();
  result<void> flushed;
  // No worker looks at the run now.
  if (self.pieces_->run) {
    auto call = [pieces = self.pieces_] { return pieces->flush(); };
    flushed = co_await runtime::offload(self.shared_.lanes, runtime::lane::files, std::move(call));
  }
  if (!self.pieces_->records.empty()) self.job_.note_pieces(self.site_, self.pieces_->records);
  if (self.error_) co_return *self.error_;
  co_return flushed;
}

}  // namespace gantry::transfer
