#include "facade/engine_state.hpp"
#include "facade/own_thread.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <exception>
#include <memory>
#include <string_view>
#include <utility>

namespace gantry {

namespace asio = boost::asio;

engine::engine(executor_type executor, engine_options options)
    : state_(std::make_shared<impl>(nullptr, std::move(executor), std::move(options))) {}

engine::engine(engine_options options) {
  auto own = std::make_unique<facade::own_thread>();
  const executor_type where = own->context.get_executor();
  state_ = std::make_shared<impl>(std::move(own), where, std::move(options));
}

engine::~engine() {
  if (!state_) return;  // moved from
  asio::post(state_->strand, [state = state_.get(), keep = state_->own ? nullptr : state_] { state->stop(); });
  if (!state_->own) return;
  state_->own->work.reset();
  state_->own->thread.join();
}

engine::executor_type engine::get_executor() const noexcept { return state_->strand; }

void engine::start_shutdown(const std::shared_ptr<impl>& state, shutdown_handler handler) {
  auto guard = asio::make_work_guard(asio::get_associated_executor(handler, state->strand));
  asio::post(state->strand, [state, handler = std::move(handler), guard = std::move(guard)]() mutable {
    auto completed = [state, handler = std::move(handler), guard = std::move(guard)](std::exception_ptr) mutable {
      const auto where = asio::get_associated_executor(handler, state->strand);
      asio::dispatch(where, [handler = std::move(handler)]() mutable { std::move(handler)(error_code()); });
    };
    asio::co_spawn(state->strand, state->shut_down(), std::move(completed));
  });
}

std::string_view version() noexcept { return GANTRY_VERSION; }

}  // namespace gantry
