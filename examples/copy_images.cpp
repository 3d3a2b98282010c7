// Copies an image from registry to registry with credentials from the program's own place.
#include <gantry/engine.hpp>

#include <boost/asio/io_context.hpp>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

namespace {

/// Stands for a vault. Asked on worker threads, so that it may block.
class vault final : public gantry::credential_source {
 public:
  std::optional<gantry::credential> find(const std::string&, const std::string&, gantry::diagnostics&) override {
    const char* token = std::getenv("EXAMPLE_TOKEN");
    if (token == nullptr) return std::nullopt;
    gantry::credential found;
    found.username = "robot";
    found.password = token;
    found.origin = "the vault";
    return found;
  }
};

}  // namespace

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
  settings.credentials = std::make_shared<vault>();
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
