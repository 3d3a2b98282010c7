#include "transfer/upload_body.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gantry::transfer {

using runtime::lane;
using runtime::offload;
using runtime::task;

upload_body::upload_body(runtime::lanes& workers, runtime::buffer_pool& buffers, limiter& bandwidth, runtime::stop_source& stop,
                         std::shared_ptr<model::blob_source> from, descriptor blob, std::uint64_t offset, std::uint64_t length,
                         std::shared_ptr<upload_check> check, progress_handler progress)
    : workers_(workers),
      buffers_(buffers),
      bandwidth_(bandwidth),
      stop_(stop),
      from_(std::move(from)),
      blob_(std::move(blob)),
      offset_(offset),
      length_(length),
      check_(std::move(check)),
      progress_(std::move(progress)) {
  check_->begin(offset_);
}

task<result<std::size_t>> upload_body::read(std::uint64_t at, std::size_t wanted) {
  // The closure owns what it uses: it may outlive this coroutine when the caller's context is torn down.
  auto call = [reader = reader_, into = current_, check = check_, at, wanted]() -> result<std::size_t> {
    const result<std::size_t> got = reader->read_at(at, into->memory.bytes().first(wanted));
    if (!got) return got.error();
    if (const result<void> right = check->pass(at, into->memory.bytes().first(*got)); !right) return right.error();
    return *got;
  };
  const result<std::size_t> got = co_await offload(workers_, lane::files, std::move(call));
  if (got && *got == 0) {
    co_return failure(errc::size_mismatch, fmt::format("blob {} ends at byte {} of {}", blob_.digest.short_form(), at, blob_.size));
  }
  co_return got;
}

task<result<std::span<const std::byte>>> upload_body::next() {
  if (done_ == length_) co_return std::span<const std::byte>();
  if (!current_) {
    std::vector<runtime::buffer_pool::buffer> taken = co_await buffers_.acquire(1, stop_);
    if (taken.empty()) co_return failure(errc::cancelled, "stopped");
    current_ = std::make_shared<block>();
    current_->memory = std::move(taken.front());
  }
  if (!reader_) {
    auto open = [from = from_, blob = blob_]() -> result<std::shared_ptr<model::blob_reader>> {
      auto opened = from->open(blob);
      if (!opened) return opened.error();
      return std::shared_ptr<model::blob_reader>(std::move(*opened));
    };
    auto opened = co_await offload(workers_, lane::files, std::move(open));
    if (!opened) co_return opened.error();
    reader_ = std::move(*opened);
  }
  // What an earlier run sent. A request that is cut for its silence meanwhile loses nothing of this.
  while (check_->hashed() < offset_) {
    if (stop_.stop_requested()) co_return failure(errc::cancelled, "stopped");
    const std::uint64_t before = offset_ - check_->hashed();
    const std::size_t most = static_cast<std::size_t>(std::min<std::uint64_t>(runtime::buffer_pool::buffer_size, before));
    const result<std::size_t> got = co_await read(check_->hashed(), most);
    if (!got) co_return got.error();
  }
  std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(runtime::buffer_pool::buffer_size, length_ - done_));
  if (bandwidth_.limits()) {
    wanted = co_await bandwidth_.acquire(wanted, stop_);
    if (wanted == 0) co_return failure(errc::cancelled, "stopped");
  }
  const result<std::size_t> got = co_await read(offset_ + done_, wanted);
  if (bandwidth_.limits()) bandwidth_.give_back(wanted - (got ? *got : 0));
  if (!got) co_return got.error();
  done_ += *got;
  if (progress_) progress_(static_cast<std::int64_t>(*got));
  co_return std::span<const std::byte>(current_->memory.bytes().first(*got));
}

task<result<void>> upload_body::rewind() {
  if (progress_) progress_(-static_cast<std::int64_t>(done_));
  done_ = 0;
  check_->begin(offset_);
  co_return result<void>();
}

}  // namespace gantry::transfer
