#include "session.hpp"

#include "engine_setup.hpp"
#include "failure_report.hpp"

#include <boost/asio/post.hpp>

#include <csignal>
#include <cstddef>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <variant>

#include <unistd.h>

namespace gantry::app {

namespace asio = boost::asio;

session::session(console& output, std::optional<std::chrono::milliseconds> timeout) : console_(output), timeout_(timeout) {
  stop_signals_.add(SIGINT);
  stop_signals_.add(SIGTERM);
  suspend_signals_.add(SIGTSTP);
  await_stop();
  await_suspend();
  if (timeout) {
    deadline_.expires_after(*timeout);
    deadline_.async_wait([this](error_code ec) {
      if (ec) return;
      timed_out_ = true;
      cancel_.emit(asio::cancellation_type::terminal);
    });
  }
}

void session::await_stop() {
  stop_signals_.async_wait([this](error_code ec, int number) {
    if (ec) return;
    const auto now = std::chrono::steady_clock::now();
    // One wish may arrive twice: timeout(1) and some shells signal the process and then its group.
    constexpr std::chrono::milliseconds same_wish{300};
    if (stop_signal_ != 0 && now - stopped_at_ < same_wish) return await_stop();
    if (stop_signal_ != 0) {
      console_.renderer().rest();
      ::_exit(128 + number);
    }
    stop_signal_ = number;
    stopped_at_ = now;
    console_.note("stopping; once more stops at once");
    cancel_.emit(asio::cancellation_type::terminal);
    await_stop();
  });
}

// Ctrl-Z: the terminal is put in order before the shell gets it.
void session::await_suspend() {
  suspend_signals_.async_wait([this](error_code ec, int number) {
    if (ec) return;
    console_.renderer().rest();
    suspend_signals_.remove(number);
    ::raise(number);
    suspend_signals_.add(number);
    await_suspend();
  });
}

void session::await_tick() {
  const auto interval = console_.renderer().interval();
  if (interval.count() == 0) return;
  ticker_.expires_after(interval);
  ticker_.async_wait([this](error_code ec) {
    if (ec || !running_) return;
    console_.renderer().tick();
    await_tick();
  });
}

int session::fail(const error_code& ec, const diagnostics& text, const std::string& object, bool kept) {
  stop_cause why = cause();
  why.kept = why.kept && kept;
  return fail(ec, text, object, why);
}

int session::fail(const error_code& ec, const diagnostics& text, const std::string& object, const stop_cause& why) {
  const error_report report = report_failure(ec, text, why, object);
  console_.error(report);
  return report.exit_code;
}

void session::tell_mirrors(const engine_options& settings, const std::vector<reference>& images) {
  constexpr std::size_t most = 100;  // rules are for registries and paths: of long lists the first ones meet them all
  if (!console_.has_report() || poll_stopped()) return;
  engine_options anonymous = settings;
  anonymous.credentials.reset();
  anonymous.log = {};
  engine asked(std::move(anonymous));
  std::set<std::string> seen;
  for (const reference& image : images) {
    if (poll_stopped() || seen.size() >= most) return;
    if (!seen.insert(image.name()).second) continue;
    answer<explanation> told;
    auto finish = [this, &told](error_code ec, explanation result) {
      told.ec = ec;
      told.result = std::move(result);
      running_ = false;
    };
    running_ = true;
    asked.async_explain(image, explain_options(), told.text,
                        asio::bind_cancellation_slot(cancel_.slot(), asio::bind_executor(context_.get_executor(), std::move(finish))));
    while (running_) context_.run_one();
    for (const explained_endpoint& one : told.result.endpoints) {
      if (one.is_mirror) console_.may_ask_mirror(host_of(one.url));
    }
  }
}

std::function<void(const std::string&)> session::debug_log() {
  const bool debug = console_.wants_debug();
  if (!debug && !console_.has_report()) return {};
  return [this, debug](const std::string& line) {
    // The page of --report wants to know of mirrors alone.
    if (debug || line.starts_with("mirror ")) asio::post(context_, [this, line] { console_.debug(line); });
  };
}

bool session::poll_stopped() {
  context_.poll();
  return stopped();
}

stop_cause session::cause() const {
  stop_cause why;
  why.signal = stop_signal_;
  if (timed_out_) why.timed_out = timeout_;
  why.last_trouble = last_trouble_;
  why.kept = has_content_;
  return why;
}

bool session::prepare(operation_options& options, const std::string& title) {
  if (poll_stopped()) return false;  // a signal that came between two operations
  resolved_ = 0;
  options.on_event = [this](const event& what) {
    if (std::holds_alternative<image_resolved>(what)) ++resolved_;
    if (const auto* const failed = std::get_if<retry_scheduled>(&what)) last_trouble_ = failed->message;
    has_content_ = has_content_ || tells_of_content(what);
    console_.event(what);
  };
  options.event_executor = context_.get_executor();
  console_.begin(title);
  running_ = true;
  await_tick();
  return true;
}

void session::work() {
  while (running_) context_.run_one();
  ticker_.cancel();
  context_.poll();  // events that were posted before the end
  console_.stop_clock();
  console_.print_late();
  console_.renderer().rest();
}

void session::run_apart(const std::function<void(const std::stop_token&)>& call) {
  if (poll_stopped()) return;
  std::stop_source asking;
  cancel_.slot().assign([asking](asio::cancellation_type) mutable { asking.request_stop(); });
  running_ = true;
  std::thread worker([&] {
    call(asking.get_token());
    asio::post(context_, [this] { running_ = false; });
  });
  while (running_) context_.run_one();
  worker.join();
  cancel_.slot().clear();
}

pull_answer session::pull(engine& engine, std::vector<reference> images, pull_options options, const std::string& title) {
  return run<pull_result>(options, title, [&](diagnostics& text, auto token) {
    engine.async_pull(std::move(images), std::move(options), text, std::move(token));
  });
}

}  // namespace gantry::app
