#include "runtime/lanes.hpp"

#include "runtime/no_thread.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cassert>
#include <functional>
#include <future>
#include <list>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace gantry::runtime {
namespace {

/// One thread a call. Threads that have ended are joined by the next start and by the destructor.
class single_threads {
 public:
  /// A thread that is there and waits for its call; dropped without one, it ends.
  class reserved {
   public:
    explicit reserved(std::promise<std::function<void()>> call) : call_(std::move(call)) {}
    reserved(reserved&&) = default;
    void run(std::function<void()> call) { call_.set_value(std::move(call)); }

   private:
    std::promise<std::function<void()>> call_;
  };

  ~single_threads() {
    for (entry& one : entries_) {
      if (one.thread.joinable()) one.thread.join();
    }
  }

  /// \throws std::system_error when the system has no thread to give
  reserved reserve() {
    const std::lock_guard guard(mutex_);
    entries_.remove_if([](entry& one) {
      if (!one.ended) return false;
      if (one.thread.joinable()) one.thread.join();
      return true;
    });
    std::promise<std::function<void()>> call;
    entry& added = entries_.emplace_back();
    added.ended = true;  // until there is a thread that could
    added.thread = std::thread([this, &added, wanted = call.get_future()]() mutable {
      try {
        wanted.get()();
      } catch (const std::future_error&) {
        // Nobody wants it any more.
      }
      wanted = {};
      const std::lock_guard done(mutex_);
      added.ended = true;
    });
    added.ended = false;
    return reserved(std::move(call));
  }

 private:
  struct entry {
    std::thread thread;
    bool ended = false;
  };
  std::mutex mutex_;
  std::list<entry> entries_;
};

/// Threads that share what they are given.
class workers {
 public:
  workers() = default;
  workers(const workers&) = delete;
  workers& operator=(const workers&) = delete;
  ~workers() { join(); }

  /// One thread more. \returns false when the system gives none
  bool add() {
    try {
      threads_.emplace_back([this] { context_.run(); });
    } catch (const std::system_error&) {
      return false;
    }
    return true;
  }
  unsigned count() const noexcept { return static_cast<unsigned>(threads_.size()); }

  template <class Work>
  void start(Work work) {
    asio::post(context_, std::move(work));
  }

  /// After all that was started.
  void join() {
    work_.reset();
    for (std::thread& one : threads_) one.join();
    threads_.clear();
  }

 private:
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  std::vector<std::thread> threads_;
};

}  // namespace

struct lanes::impl {
  /// Where the system gives fewer threads than are wanted, those have to do: a lane without one shares that of the files.
  impl() {
    if (!files.add()) throw no_thread();
    // Whoever writes an archive needs a thread for itself: it is kept for that, unless there are enough.
    try {
      spare.emplace(apart.reserve());
    } catch (const std::system_error&) {
      return;
    }
    bool enough = cpu.add() && names.add();
    const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
    while (enough && cpu.count() < cores) enough = cpu.add();
    while (enough && files.count() < 4) enough = files.add();
    while (enough && names.count() < 2) enough = names.add();
    if (enough) spare.reset();
  }

  workers cpu;
  workers files;
  workers names;
  single_threads apart;
  std::optional<single_threads::reserved> spare;

  workers& threads_of(workers& lane) { return lane.count() == 0 ? files : lane; }

  /// A thread for one call. \throws std::system_error when the system has none to give
  single_threads::reserved reserve() {
    if (!spare) {
      try {
        return apart.reserve();
      } catch (const std::system_error&) {
        throw no_thread();
      }
    }
    single_threads::reserved kept = std::move(*spare);
    spare.reset();
    return kept;
  }

  template <class Work>
  void start(lane where, Work work) {
    switch (where) {
      case lane::cpu:
        threads_of(cpu).start(std::move(work));
        return;
      case lane::files:
        files.start(std::move(work));
        return;
      case lane::names:
        threads_of(names).start(std::move(work));
        return;
      case lane::apart:
        break;
    }
    assert(false);
  }
};

std::system_error no_thread() {
  return {std::make_error_code(std::errc::resource_unavailable_try_again),
          "no thread could be started, since this user or container may have no more processes; raise the limit (ulimit -u, or that of the "
          "container) or end some of them"};
}

lanes::lanes() : impl_(std::make_unique<impl>()) {}

lanes::~lanes() {
  impl_->cpu.join();
  impl_->files.join();
  impl_->names.join();
}

task<> lanes::execute(lane where, std::shared_ptr<job> work) {
  // Before anything is begun: what is thrown here is thrown at the caller, which nothing could be any more that begins with a handler.
  std::optional<single_threads::reserved> apart;
  if (where == lane::apart) apart.emplace(impl_->reserve());
  single_threads::reserved* const own = apart ? &*apart : nullptr;
  auto begin = [this, where, own](auto handler, std::shared_ptr<job> running) {
    auto guard = asio::make_work_guard(asio::get_associated_executor(handler));
    auto call = [handler = std::move(handler), guard = std::move(guard), running = std::move(running)]() mutable {
      running->run();
      running.reset();
      const auto target = guard.get_executor();
      asio::post(target, std::move(handler));
    };
    if (own == nullptr) {
      impl_->start(where, std::move(call));
      return;
    }
    own->run([shared = std::make_shared<decltype(call)>(std::move(call))] { (*shared)(); });
  };
  co_await asio::async_initiate<decltype(asio::use_awaitable), void()>(std::move(begin), asio::use_awaitable, std::move(work));
}

void lanes::post_cpu(std::function<void()> work) { impl_->start(lane::cpu, std::move(work)); }

}  // namespace gantry::runtime
