// Says what a registry lets us see, with a user name and a password from the program's own place.
#include <gantry/engine.hpp>

#include <boost/asio/io_context.hpp>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

namespace {

/// Stands for a vault. Asked on worker threads, so that it may block; must not throw.
class vault final : public gantry::credential_source {
 public:
  std::optional<gantry::credential> find(const std::string& registry, const std::string& repository,
                                         gantry::diagnostics& problem) override {
    std::cerr << registry << " asks who wants " << repository << '\n';
    const char* user = std::getenv("EXAMPLE_USER");
    const char* token = std::getenv("EXAMPLE_TOKEN");
    if (user == nullptr) return std::nullopt;  // asked without a name
    if (token == nullptr) {
      // An entry that cannot be used ends the request; it is not sent without credentials.
      problem = gantry::diagnostics("the vault is sealed");
      return std::nullopt;
    }
    gantry::credential found;
    found.username = user;
    found.password = token;
    found.origin = "the vault";  // for messages
    return found;
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: own_credentials IMAGE\n";
    return 2;
  }
  gantry::error_code ec;
  gantry::diagnostics text;
  const gantry::reference image = gantry::reference::parse(argv[1], ec, text);
  if (ec) {
    std::cerr << text.message() << '\n';
    return 2;
  }

  boost::asio::io_context context;
  gantry::engine_options settings;
  settings.credentials = std::make_shared<vault>();
  gantry::engine engine(context.get_executor(), settings);
  int status = 1;
  engine.async_digest(image, gantry::digest_options(), text, [&](gantry::error_code failed, const gantry::digest_result& found) {
    if (failed) {
      std::cerr << text.message() << '\n';
    } else {
      std::cout << found.resolved.digest.string() << '\n';
      status = 0;
    }
  });
  context.run();
  return status;
}
