// Serves the store as a read-only registry until SIGINT or SIGTERM.
#include <gantry/engine.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <iostream>

namespace asio = boost::asio;

int main(int argc, char** argv) {
  asio::io_context context;
  gantry::engine engine(context.get_executor(), gantry::engine_options());
  asio::cancellation_signal stop;
  asio::signal_set signals(context, SIGINT, SIGTERM);
  signals.async_wait([&](gantry::error_code failed, int) {
    if (!failed) stop.emit(asio::cancellation_type::terminal);
  });

  gantry::serve_options options;
  options.listen = argc > 1 ? argv[1] : "127.0.0.1:0";
  options.on_started = [](const gantry::serve_started& where) { std::cout << where.address << ':' << where.port << std::endl; };
  gantry::diagnostics text;
  int status = 1;
  const auto ended = [&](gantry::error_code failed, const gantry::serve_result&) {
    if (failed) std::cerr << text.message() << '\n';
    status = failed ? 1 : 0;
    signals.cancel();
  };
  engine.async_serve(options, text, asio::bind_cancellation_slot(stop.slot(), ended));
  context.run();
  return status;
}
