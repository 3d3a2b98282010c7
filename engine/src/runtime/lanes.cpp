#include "runtime/lanes.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <algorithm>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace gantry::runtime {
namespace {

/// One thread a call. Threads that have ended are joined by the next start and by the destructor.
class single_threads {
 public:
  ~single_threads() {
    for (entry& one : entries_) {
      if (one.thread.joinable()) one.thread.join();
    }
  }

  template <class Work>
  void start(Work work) {
    const std::lock_guard guard(mutex_);
    entries_.remove_if([](entry& one) {
      if (!one.ended) return false;
      one.thread.join();
      return true;
    });
    entry& added = entries_.emplace_back();
    added.thread = std::thread([this, &added, work = std::optional<Work>(std::move(work))]() mutable {
      (*work)();
      work.reset();
      const std::lock_guard done(mutex_);
      added.ended = true;
    });
  }

 private:
  struct entry {
    std::thread thread;
    bool ended = false;
  };
  std::mutex mutex_;
  std::list<entry> entries_;
};

}  // namespace

struct lanes::impl {
  asio::thread_pool cpu{std::max(1u, std::thread::hardware_concurrency())};
  asio::thread_pool files{4};
  asio::thread_pool names{2};
  single_threads apart;

  template <class Work>
  void start(lane where, Work work) {
    switch (where) {
      case lane::cpu:
        asio::post(cpu, std::move(work));
        return;
      case lane::files:
        asio::post(files, std::move(work));
        return;
      case lane::names:
        asio::post(names, std::move(work));
        return;
      case lane::apart:
        apart.start(std::move(work));
        return;
    }
  }
};

lanes::lanes() : impl_(std::make_unique<impl>()) {}

lanes::~lanes() {
  impl_->cpu.join();
  impl_->files.join();
  impl_->names.join();
}

task<> lanes::execute(lane where, std::shared_ptr<job> work) {
  return asio::async_initiate<decltype(asio::use_awaitable), void()>(
      [this, where](auto handler, std::shared_ptr<job> running) {
        auto guard = asio::make_work_guard(asio::get_associated_executor(handler));
        impl_->start(where, [handler = std::move(handler), guard = std::move(guard), running = std::move(running)]() mutable {
          running->run();
          running.reset();
          const auto target = guard.get_executor();
          asio::post(target, std::move(handler));
        });
      },
      asio::use_awaitable, std::move(work));
}

void lanes::post_cpu(std::function<void()> work) { asio::post(impl_->cpu, std::move(work)); }

}  // namespace gantry::runtime
