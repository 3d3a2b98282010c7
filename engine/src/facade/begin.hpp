#pragma once

#include "facade/engine_state.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <exception>
#include <memory>
#include <tuple>
#include <utility>

namespace gantry {

template <class Result, class... Values>
void engine::impl::begin(task<result<Result>> (impl::*work)(running_operation, Values...), result_handler<Result> done, diagnostics* text,
                         std::type_identity_t<Values>... values) {
  namespace asio = boost::asio;
  std::tuple<Values...> arguments(std::move(values)...);
  const operation_options& common = std::get<sizeof...(Values) - 1>(arguments);
  auto running = std::make_shared<transfer::operation>(transfer::event_emitter(common.on_event, common.event_executor));
  // The context that the handler belongs to must not run dry before the handler was called on it.
  auto guard = asio::make_work_guard(asio::get_associated_executor(done, strand));
  auto slot = asio::get_associated_cancellation_slot(done);
  if (slot.is_connected()) {
    // Whatever the type: the signal may come on any thread that the caller's executor has, so it only knocks.
    slot.assign([where = strand, weak = std::weak_ptr(running)](asio::cancellation_type) {
      asio::post(where, [weak] {
        if (const auto alive = weak.lock()) alive->request_stop();
      });
    });
  }
  asio::post(strand, [self = shared_from_this(), running, text, work, arguments = std::move(arguments), done = std::move(done),
                      guard = std::move(guard)]() mutable {
    const auto call = [&](Values&... each) { return (self.get()->*work)(running, std::move(each)...); };
    task<result<Result>> started = self->template guarded<Result>(std::apply(call, arguments));
    self->launch(running, text, std::move(done), std::move(guard), std::move(started));
  });
}

template <class Result>
runtime::task<result<Result>> engine::impl::guarded(task<result<Result>> work) {
  if (stopping) co_return failure(errc::cancelled, "the engine has been stopped");
  const result<void> known = co_await read_host_files();
  if (!known) co_return known.error();
  result<Result> outcome = co_await std::move(work);
  co_await save_hints();
  co_return outcome;
}

template <class Result, class Guard>
void engine::impl::launch(running_operation running, diagnostics* text, result_handler<Result> done, Guard guard,
                          task<result<Result>> work) {
  namespace asio = boost::asio;
  operations.insert(running.get());
  auto completed = [self = shared_from_this(), running, text, done = std::move(done), guard = std::move(guard)](
                       std::exception_ptr thrown, result<Result> outcome) mutable {
    if (thrown) outcome = defect(thrown);
    self->operations.erase(running.get());
    self->idle.notify_all();
    if (text != nullptr) *text = outcome ? diagnostics() : outcome.error().text;
    const error_code code = outcome ? error_code() : outcome.error().code;
    Result value = outcome ? std::move(*outcome) : Result();
    const auto where = asio::get_associated_executor(done, self->strand);
    asio::dispatch(where, [done = std::move(done), code, value = std::move(value)]() mutable {
      asio::get_associated_cancellation_slot(done).clear();
      std::move(done)(code, std::move(value));
    });
  };
  asio::co_spawn(strand, std::move(work), std::move(completed));
}

}  // namespace gantry
