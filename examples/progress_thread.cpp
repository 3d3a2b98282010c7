// Shows progress on the thread of a user interface, which must never wait: the engine works on its own thread, and events and the end are
// handed over to the interface's context.
#include <gantry/engine.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>

#include <iostream>
#include <variant>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: progress_thread IMAGE\n";
    return 2;
  }
  gantry::error_code ec;
  gantry::diagnostics text;
  const gantry::reference image = gantry::reference::parse(argv[1], ec, text);
  if (ec) {
    std::cerr << text.message() << '\n';
    return 2;
  }

  boost::asio::io_context interface;  // stands for the toolkit's loop; anything with an executor will do
  gantry::engine engine{gantry::engine_options()};
  gantry::pull_options options;
  options.event_executor = interface.get_executor();
  options.on_event = [](const gantry::event& what) {
    if (const auto* plan = std::get_if<gantry::transfer_planned>(&what)) std::cerr << plan->bytes << " bytes in all\n";
    if (const auto* now = std::get_if<gantry::transfer_progress>(&what)) std::cerr << now->received << " bytes\n";
  };
  int status = 1;
  auto ended = [&](gantry::error_code failed, const gantry::pull_result&) {
    if (failed) std::cerr << text.message() << '\n';
    status = failed ? 1 : 0;
  };
  engine.async_pull(image, options, text, boost::asio::bind_executor(interface.get_executor(), ended));
  interface.run();
  return status;
}
