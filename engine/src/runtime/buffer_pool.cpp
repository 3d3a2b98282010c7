#include "runtime/buffer_pool.hpp"

#include "runtime/semaphore.hpp"

#include <boost/asio/post.hpp>

#include <sys/mman.h>

#include <cassert>
#include <mutex>
#include <new>
#include <utility>

namespace gantry::runtime {

struct buffer_pool::state : std::enable_shared_from_this<buffer_pool::state> {
  state(executor owner, std::size_t count, std::size_t spares)
      : where(std::move(owner)), size(count * buffer_size), waiting(0), spares_left(spares) {
    // Anonymous memory: page-aligned, and only blocks that were ever used cost memory.
    // cppcheck-suppress invalidFunctionArg; -1 is what mmap wants for memory without a file
    void* mapped = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    memory = static_cast<std::byte*>(mapped);
    free.reserve(count);
    // The stack hands out the lowest block first, so that a light load touches few pages.
    for (std::size_t i = count; i-- > 0;) free.push_back(memory + i * buffer_size);
  }
  ~state() { munmap(memory, size); }
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  executor where;
  std::size_t size;
  std::byte* memory = nullptr;
  mutable std::mutex mutex;      // blocks come back on worker threads
  std::vector<std::byte*> free;  // guarded by mutex
  std::size_t waiting;           // guarded by mutex
  std::size_t spares_left;       // guarded by mutex
  std::vector<signal*> queue;    // strand
};

buffer_pool::buffer::buffer(buffer&& other) noexcept
    : owner_(std::move(other.owner_)), data_(std::exchange(other.data_, nullptr)), spare_(other.spare_) {}

buffer_pool::buffer& buffer_pool::buffer::operator=(buffer&& other) noexcept {
  if (this != &other) {
    reset();
    owner_ = std::move(other.owner_);
    data_ = std::exchange(other.data_, nullptr);
    spare_ = other.spare_;
  }
  return *this;
}

buffer_pool::buffer::~buffer() { reset(); }

void buffer_pool::buffer::reset() noexcept {
  if (data_ == nullptr) return;
  bool wake = false;
  {
    const std::scoped_lock lock(owner_->mutex);
    owner_->free.push_back(std::exchange(data_, nullptr));
    if (spare_) ++owner_->spares_left;
    wake = owner_->waiting != 0;
  }
  if (wake) {
    asio::post(owner_->where, [owner = owner_] {
      if (!owner->queue.empty()) owner->queue.front()->notify_all();
    });
  }
  owner_.reset();
}

buffer_pool::buffer_pool(executor where, std::size_t count, std::size_t spares)
    : state_(std::make_shared<state>(std::move(where), count, spares)) {}

buffer_pool::buffer buffer_pool::try_spare() {
  if (!state_->queue.empty()) return {};
  const std::scoped_lock lock(state_->mutex);
  if (state_->free.empty() || state_->spares_left == 0) return {};
  --state_->spares_left;
  buffer taken(state_, state_->free.back(), true);
  state_->free.pop_back();
  return taken;
}

task<std::vector<buffer_pool::buffer>> buffer_pool::acquire(std::size_t count, stop_source& stop) {
  const std::shared_ptr<state> shared = state_;
  assert(count <= shared->size / buffer_size);
  signal turn;
  shared->queue.push_back(&turn);
  std::vector<buffer> taken;
  for (;;) {
    if (stop.stop_requested()) break;
    if (shared->queue.front() == &turn) {
      const std::scoped_lock lock(shared->mutex);
      if (shared->free.size() >= count) {
        for (std::size_t i = 0; i < count; ++i) {
          taken.push_back(buffer(shared, shared->free.back(), false));
          shared->free.pop_back();
        }
        break;
      }
    }
    {
      const std::scoped_lock lock(shared->mutex);
      ++shared->waiting;
      // A block that came back since the check above found nobody waiting and woke nobody.
      if (shared->queue.front() == &turn && shared->free.size() >= count) {
        --shared->waiting;
        continue;
      }
    }
    co_await turn.wait(stop);
    const std::scoped_lock lock(shared->mutex);
    --shared->waiting;
  }
  std::erase(shared->queue, &turn);
  if (!shared->queue.empty()) shared->queue.front()->notify_all();
  co_return taken;
}

std::size_t buffer_pool::available() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->free.size();
}

}  // namespace gantry::runtime
