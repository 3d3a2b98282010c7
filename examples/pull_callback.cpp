// Pulls an image into an archive and prints what happens; the engine has a thread of its own.
#include <gantry/engine.hpp>

#include <future>
#include <iostream>
#include <variant>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: pull_callback IMAGE ARCHIVE\n";
    return 2;
  }
  gantry::error_code ec;
  gantry::diagnostics text;
  const gantry::reference image = gantry::reference::parse(argv[1], ec, text);
  if (ec) {
    std::cerr << text.message() << '\n';
    return 2;
  }

  gantry::engine engine{gantry::engine_options()};
  gantry::pull_options options;
  options.output = gantry::archive_file{argv[2]};
  // Kinds of events may be added, so look for those that are wanted.
  options.on_event = [](const gantry::event& what) {
    if (const auto* done = std::get_if<gantry::blob_finished>(&what)) std::cerr << done->digest.string() << '\n';
  };
  std::promise<gantry::error_code> ended;
  engine.async_pull(image, options, text, [&](gantry::error_code failed, gantry::pull_result result) {
    if (!failed) std::cout << result.images.front().manifest.digest.string() << '\n';
    ended.set_value(failed);
  });
  const gantry::error_code failed = ended.get_future().get();
  if (failed) std::cerr << text.message() << '\n';
  return failed ? 1 : 0;
}
