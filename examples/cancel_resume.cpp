// Stops a pull at its first bytes and starts it again: the second one goes on with what the first has fetched.
#include <gantry/engine.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>

#include <iostream>
#include <variant>

namespace asio = boost::asio;

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: cancel_resume IMAGE\n";
    return 2;
  }
  asio::io_context context;
  gantry::engine engine(context.get_executor(), gantry::engine_options());
  gantry::error_code ec;
  gantry::diagnostics text;
  const gantry::reference image = gantry::reference::parse(argv[1], ec, text);
  if (ec) {
    std::cerr << text.message() << '\n';
    return 2;
  }

  asio::cancellation_signal stop;
  gantry::pull_options options;
  // The signal is emitted on the executor of the operation, which is where events arrive.
  options.on_event = [&](const gantry::event& what) {
    if (std::holds_alternative<gantry::blob_progress>(what)) stop.emit(asio::cancellation_type::terminal);
  };
  const auto stopped = [](gantry::error_code failed, const gantry::pull_result&) { std::cout << "first: " << failed.message() << '\n'; };
  engine.async_pull(image, options, text, asio::bind_cancellation_slot(stop.slot(), stopped));
  context.run();

  context.restart();
  options.on_event = {};
  int status = 1;
  engine.async_pull(image, options, text, [&](gantry::error_code failed, const gantry::pull_result& result) {
    if (failed) {
      std::cerr << text.message() << '\n';
    } else {
      std::cout << "second: " << result.bytes_resumed << " bytes and " << result.blobs_reused << " blobs were there\n";
      status = 0;
    }
  });
  context.run();
  return status;
}
