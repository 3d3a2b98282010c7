#include "runtime/lanes.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <algorithm>
#include <thread>

namespace gantry::runtime {

struct lanes::impl {
  asio::thread_pool cpu{std::max(1u, std::thread::hardware_concurrency())};
  asio::thread_pool files{4};
  asio::thread_pool names{2};

  asio::thread_pool& pool(lane where) {
    switch (where) {
      case lane::cpu:
        return cpu;
      case lane::files:
        return files;
      case lane::names:
        break;
    }
    return names;
  }
};

lanes::lanes() : impl_(std::make_unique<impl>()) {}

lanes::~lanes() {
  impl_->cpu.join();
  impl_->files.join();
  impl_->names.join();
}

task<> lanes::execute(lane where, std::shared_ptr<job> work) {
  asio::thread_pool& pool = impl_->pool(where);
  return asio::async_initiate<decltype(asio::use_awaitable), void()>(
      [&pool](auto handler, std::shared_ptr<job> running) {
        auto guard = asio::make_work_guard(asio::get_associated_executor(handler));
        asio::post(pool, [handler = std::move(handler), guard = std::move(guard), running = std::move(running)]() mutable {
          running->run();
          running.reset();
          const auto target = guard.get_executor();
          asio::post(target, std::move(handler));
        });
      },
      asio::use_awaitable, std::move(work));
}

}  // namespace gantry::runtime
