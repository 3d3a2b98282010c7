// Somebody else's program: pulls an image into an archive on its own executor.
#include <gantry/engine.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <iostream>

int main(int argc, char** argv) {
  gantry::error_code ec;
  const gantry::reference image = gantry::reference::parse(argc > 1 ? argv[1] : "", ec);
  if (ec) return std::cerr << "usage: consumer IMAGE FILE STORE\n", 2;

  boost::asio::io_context context;
  gantry::engine_options settings;
  settings.cache_dir = argc > 3 ? argv[3] : "store";
  settings.budget = std::chrono::seconds(2);
  gantry::engine engine(context.get_executor(), settings);

  gantry::pull_options options;
  options.output = gantry::archive_file{argc > 2 ? argv[2] : "image.tar"};
  gantry::diagnostics text;
  int status = 1;
  engine.async_pull(image, options, text, [&](gantry::error_code failed, gantry::pull_result result) {
    if (failed) {
      std::cerr << "consumer: " << text.message() << "\n";
    } else {
      std::cout << result.images.front().manifest.digest.string() << "\n";
      status = 0;
    }
  });
  context.run();
  return status;
}
