#pragma once

#include "console.hpp"
#include "failure_report.hpp"

#include <gantry/diagnostics.hpp>
#include <gantry/engine.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace gantry::app {

/// How an operation of the engine ended.
template <class Result>
struct answer {
  error_code ec;
  Result result;
  diagnostics text;
};
using pull_answer = answer<pull_result>;

/// The main thread while an engine, on its own thread, works: events, redrawing, signals and the deadline. The first SIGINT or SIGTERM
/// cancels what runs, the second ends the process at once. Must outlive the engine whose operations it runs.
class session {
 public:
  /// \param timeout for everything that runs in this session
  session(console& output, std::optional<std::chrono::milliseconds> timeout);

  /// Runs one operation of the engine to its end. Fails with errc::cancelled at once when the session was stopped before.
  /// \param title for the progress display
  /// \param start called with the operation's diagnostics and its completion token; calls an async_ function of the engine
  template <class Result, class Start>
  answer<Result> run(operation_options& options, const std::string& title, Start start) {
    answer<Result> ended;
    if (!prepare(options, title)) {
      ended.ec = make_error_code(errc::cancelled);
      return ended;
    }
    auto finish = [this, &ended](error_code ec, Result result) {
      ended.ec = ec;
      ended.result = std::move(result);
      running_ = false;
    };
    start(ended.text,
          boost::asio::bind_cancellation_slot(cancel_.slot(), boost::asio::bind_executor(context_.get_executor(), std::move(finish))));
    work();
    return ended;
  }

  pull_answer pull(engine& engine, std::vector<reference> images, pull_options options, const std::string& title);

  /// For the page of `--report`, behind what is told there: the mirrors that may be asked for \p images, whoever named them. Nothing is
  /// sent, and no credential is looked for: a helper may ask the user for a passphrase, which such a page is not worth.
  /// \param settings of the engine that did the work
  void tell_mirrors(const engine_options& settings, const std::vector<reference>& images);

  /// Runs \p call, which blocks, on a thread of its own while this one minds signals and the deadline, which request its stop. Not called
  /// when the session was stopped before. \p call must not throw.
  void run_apart(const std::function<void(const std::stop_token&)>& call);

  /// Prints why an operation ended. \param object what failed, for errors without a sentence of their own \param kept whether a rerun goes
  /// on where this one stopped \returns the exit status
  int fail(const error_code& ec, const diagnostics& text, const std::string& object, bool kept = true);

  /// The same for another cause than \ref cause.
  int fail(const error_code& ec, const diagnostics& text, const std::string& object, const stop_cause& why);

  /// For engine_options::log: hands lines over to this thread. Empty when nobody wants them.
  std::function<void(const std::string&)> debug_log();

  /// Names that the last operation has resolved, as events told.
  std::size_t resolved() const noexcept { return resolved_; }
  /// SIGINT or SIGTERM when one stopped the session, else 0.
  int stop_signal() const noexcept { return stop_signal_; }
  bool timed_out() const noexcept { return timed_out_; }
  /// Takes in signals and the deadline while no operation runs. \returns \ref stopped
  bool poll_stopped();
  /// For report_failure.
  stop_cause cause() const;
  bool stopped() const noexcept { return stop_signal_ != 0 || timed_out_; }

 private:
  /// Points the events of \p options here. \returns false when the session was stopped before.
  bool prepare(operation_options& options, const std::string& title);
  /// Handles events, signals and redrawing until the operation has ended.
  void work();
  void await_stop();
  void await_suspend();
  void await_tick();

  console& console_;
  std::optional<std::chrono::milliseconds> timeout_;
  boost::asio::io_context context_{1};
  boost::asio::signal_set stop_signals_{context_};
  boost::asio::signal_set suspend_signals_{context_};
  boost::asio::steady_timer deadline_{context_};
  boost::asio::steady_timer ticker_{context_};
  boost::asio::cancellation_signal cancel_;
  std::chrono::steady_clock::time_point stopped_at_;
  std::string last_trouble_;
  std::size_t resolved_ = 0;
  int stop_signal_ = 0;
  bool timed_out_ = false;
  bool has_content_ = false;  ///< see tells_of_content
  bool running_ = false;
};

}  // namespace gantry::app
