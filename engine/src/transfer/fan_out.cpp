#include "transfer/fan_out.hpp"

#include <algorithm>
#include <utility>

namespace gantry::transfer {
namespace {

/// Part of the blob as the body of a request.
class fanned_body final : public http::body_source {
 public:
  fanned_body(std::shared_ptr<fan_reader> from, std::uint64_t offset, std::uint64_t length, upload_body::progress_handler progress)
      : from_(std::move(from)), offset_(offset), length_(length), progress_(std::move(progress)) {}

  std::uint64_t size() const noexcept override { return length_; }

  task<result<std::span<const std::byte>>> next() override {
    if (done_ == length_) co_return std::span<const std::byte>();
    const auto got = co_await from_->read(offset_ + done_, length_ - done_, held_);
    if (!got) co_return got.error();
    done_ += got->size();
    if (progress_) progress_(static_cast<std::int64_t>(got->size()));
    co_return *got;
  }

  task<result<void>> rewind() override {
    if (progress_) progress_(-static_cast<std::int64_t>(done_));
    done_ = 0;
    co_return result<void>();
  }

 private:
  std::shared_ptr<fan_reader> from_;
  std::uint64_t offset_;
  std::uint64_t length_;
  upload_body::progress_handler progress_;
  std::shared_ptr<runtime::buffer_pool::buffer> held_;
  std::uint64_t done_ = 0;
};

}  // namespace

fan_out::fan_out(context& shared, operation& running, reference image, descriptor blob, std::chrono::milliseconds patience)
    : shared_(shared),
      running_(running),
      blob_(blob),
      source_(std::make_shared<relay>(shared, running, std::move(image), std::move(blob))),
      patience_(patience),
      moved_(std::chrono::steady_clock::now()) {}

std::shared_ptr<fan_out::slot> fan_out::add() {
  slots_.push_back(std::make_shared<slot>());
  return slots_.back();
}

void fan_out::leave(slot& one) {
  one.apart = true;
  release();
}

void fan_out::release() {
  std::erase_if(slots_, [](const std::shared_ptr<slot>& one) { return one->apart; });
  std::uint64_t least = front_;
  for (const auto& one : slots_) least = std::min(least, one->position);
  while (!pieces_.empty() && pieces_.front().begin + pieces_.front().count <= least) {
    pieces_.pop_front();
    moved_ = std::chrono::steady_clock::now();
  }
  if (slots_.empty()) source_->rest();
  changed_.notify_all();
}

task<> fan_out::read_more() {
  // Also when the frame goes without having been resumed.
  struct turn {
    explicit turn(fan_out& whose) : owner(whose) { owner.reading_ = true; }
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    ~turn() {
      owner.reading_ = false;
      owner.moved_ = std::chrono::steady_clock::now();
      owner.changed_.notify_all();
    }
    fan_out& owner;
  };
  const turn mine(*this);
  std::vector<runtime::buffer_pool::buffer> taken = co_await shared_.buffers.acquire(1, running_.stop);
  if (taken.empty()) {
    broken_ = failure(errc::cancelled, "stopped");
    co_return;
  }
  const auto memory = std::make_shared<runtime::buffer_pool::buffer>(std::move(taken.front()));
  const result<std::size_t> got = co_await source_->read(front_, memory, blob_.size - front_);
  if (!got) {
    broken_ = got.error();
    co_return;
  }
  pieces_.push_back({memory, front_, *got});
  front_ += *got;
}

task<result<fan_out::block>> fan_out::read(std::shared_ptr<slot> one, std::uint64_t limit) {
  for (;;) {
    block found;
    if (one->apart) co_return found;
    const auto here =
        std::find_if(pieces_.begin(), pieces_.end(), [&](const piece& each) { return one->position < each.begin + each.count; });
    if (here != pieces_.end()) {
      found.memory = here->memory;
      found.begin = static_cast<std::size_t>(one->position - here->begin);
      found.count = static_cast<std::size_t>(std::min<std::uint64_t>(limit, here->count - found.begin));
      one->position += found.count;
      release();
      co_return found;
    }
    if (broken_) co_return *broken_;
    if (!reading_ && pieces_.size() < window) {
      co_await read_more();
      continue;
    }
    const auto seen = moved_;
    co_await changed_.wait(running_.stop, patience_);
    if (running_.stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
    if (reading_ || moved_ != seen || std::chrono::steady_clock::now() - moved_ < patience_ || pieces_.empty()) continue;
    // Whoever still has to take the oldest piece reads for itself from there.
    const std::uint64_t end = pieces_.front().begin + pieces_.front().count;
    for (const auto& other : slots_) other->apart = other->apart || other->position < end;
    release();
  }
}

std::unique_ptr<http::body_source> fan_reader::open(std::uint64_t offset, std::uint64_t length, upload_body::progress_handler progress) {
  return std::make_unique<fanned_body>(shared_from_this(), offset, length, std::move(progress));
}

relay& fan_reader::own() {
  if (!own_) own_ = std::make_shared<relay>(shared_, running_, image_, blob_);
  return *own_;
}

void fan_reader::leave() {
  if (fan_) fan_->leave(*place_);
  fan_.reset();
  place_.reset();
}

task<result<std::span<const std::byte>>> fan_reader::read(std::uint64_t offset, std::uint64_t limit,
                                                          std::shared_ptr<runtime::buffer_pool::buffer>& held) {
  if (fan_ && place_->position != offset) leave();
  if (fan_) {
    const std::shared_ptr<fan_out> fan = fan_;
    const std::shared_ptr<fan_out::slot> place = place_;
    const auto got = co_await fan->read(place, limit);
    if (!got) {
      fan_broken_ = got.error();
      co_return got.error();
    }
    if (got->memory) {
      held = got->memory;
      co_return std::span<const std::byte>(held->bytes().subspan(got->begin, got->count));
    }
    leave();
    held.reset();
  }
  // What others may be sending is not written over.
  if (!held || held.use_count() > 1) {
    held.reset();
    std::vector<runtime::buffer_pool::buffer> taken = co_await shared_.buffers.acquire(1, running_.stop);
    if (taken.empty()) co_return failure(errc::cancelled, "stopped");
    held = std::make_shared<runtime::buffer_pool::buffer>(std::move(taken.front()));
  }
  const result<std::size_t> got = co_await own().read(offset, held, limit);
  if (!got) co_return got.error();
  co_return std::span<const std::byte>(held->bytes().first(*got));
}

void fan_reader::rest() {
  leave();
  if (own_) own_->rest();
}

std::optional<failure> fan_reader::broken() const {
  if (fan_broken_) return fan_broken_;
  return own_ ? own_->broken() : std::nullopt;
}

bool fan_reader::try_elsewhere() {
  // By itself it begins with what the source sends now, and knows the origin.
  if (fan_broken_) return std::exchange(fan_broken_, std::nullopt)->code == errc::digest_mismatch;
  return own_ && own_->try_origin();
}

}  // namespace gantry::transfer
