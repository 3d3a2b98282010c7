// Copies an image from registry to registry as the command line would: with the accounts, proxies and mirrors that this machine is set up
// with.
#include <gantry/engine.hpp>

#include <boost/asio/io_context.hpp>

#include <iostream>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: copy_images SOURCE TARGET\n";
    return 2;
  }
  gantry::error_code ec;
  gantry::diagnostics text;
  const gantry::reference source = gantry::reference::parse(argv[1], ec, text);
  if (ec) {
    std::cerr << text.message() << '\n';
    return 2;
  }
  const gantry::reference target = gantry::reference::parse(argv[2], ec, text);
  if (ec) {
    std::cerr << text.message() << '\n';
    return 2;
  }

  boost::asio::io_context context;
  gantry::engine_options settings;
  // Without these the engine is anonymous and direct.
  settings.credentials = gantry::usual_credentials({});
  settings.proxies = gantry::proxy_settings::from_environment();
  settings.host_files = gantry::host_config::of_this_machine();
  gantry::engine engine(context.get_executor(), settings);
  gantry::copy_options options;
  options.referrers = true;  // signatures and SBOMs, too
  int status = 1;
  engine.async_copy(source, target, options, text, [&](gantry::error_code failed, const gantry::copy_result&) {
    if (failed) std::cerr << text.message() << '\n';
    status = failed ? 1 : 0;
  });
  context.run();
  return status;
}
