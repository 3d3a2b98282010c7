#include "transfer/blob_writer.hpp"

#include <utility>

namespace gantry::transfer {

blob_writer::blob_writer(context& shared, std::shared_ptr<store::ingest> target, hash_cursor& cursor, std::uint64_t offset)
    : shared_(shared),
      target_(std::move(target)),
      pieces_(std::make_shared<store::piece_writer>(*target_, offset)),
      cursor_(cursor),
      position_(offset),
      busy_(shared.executor) {}

task<result<blob_writer::shared_buffer>> blob_writer::store(shared_buffer block, std::size_t length) {
  co_await busy_.join();
  shared_buffer free = std::exchange(in_flight_, nullptr);
  if (error_) co_return *error_;
  in_flight_ = block;
  busy_.spawn(step(std::move(block), length));
  position_ += length;
  co_return free;
}

task<> blob_writer::step(shared_buffer block, std::size_t length) {
  const bool in_order = cursor_.position() == pieces_->position();
  runtime::task_group both(shared_.executor);
  both.spawn(write(block, length));
  if (in_order) {
    const std::span<const std::byte> bytes = block->bytes().first(length);
    both.spawn(cursor_.take(bytes, block));
  }
  co_await both.join();
}

task<> blob_writer::write(shared_buffer block, std::size_t length) {
  // The closure owns all that the call uses: it may outlive this coroutine when the caller's context is torn down.
  auto call = [target = target_, pieces = pieces_, block = std::move(block), length] {
    return pieces->append(block->bytes().first(length));
  };
  const result<void> written = co_await runtime::offload(shared_.lanes, runtime::lane::files, std::move(call));
  if (!written && !error_) error_ = written.error();
}

task<result<void>> blob_writer::finish() {
  co_await busy_.join();
  in_flight_.reset();
  auto call = [target = target_, pieces = pieces_] { return pieces->flush(); };
  const result<void> flushed = co_await runtime::offload(shared_.lanes, runtime::lane::files, std::move(call));
  if (error_) co_return *error_;
  co_return flushed;
}

}  // namespace gantry::transfer
