#include "integration/gantry_server.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <utility>

namespace gantry::test {

using namespace std::chrono_literals;

gantry_server::gantry_server(const workplace& place, std::vector<std::string> options) : log_(place / "serve.log") {
  const bool placed = std::find(options.begin(), options.end(), "--listen") != options.end();
  if (!placed) options.insert(options.begin(), {"--listen", "127.0.0.1:0"});
  options.insert(options.begin(), "serve");
  server_ = std::make_unique<child>(place.gantry(std::move(options)), log_);
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  const std::string marker = "listening on ";
  while (server_->running() && std::chrono::steady_clock::now() < deadline) {
    const std::string text = slurp(log_);
    const std::size_t at = text.find(marker);
    if (at != std::string::npos && text.find('\n', at) != std::string::npos) {
      const std::string url = text.substr(at + marker.size(), text.find('\n', at) - at - marker.size());
      port_ = static_cast<std::uint16_t>(std::stoul(url.substr(url.rfind(':') + 1)));
      return;
    }
    std::this_thread::sleep_for(10ms);
  }
  throw std::runtime_error("gantry serve does not start: " + slurp(log_));
}

std::string gantry_server::log() const { return slurp(log_); }

int gantry_server::stop(int signal) {
  server_->signal(signal);
  const auto ended = server_->wait(60s);
  return ended ? ended->status : -2;
}

}  // namespace gantry::test
