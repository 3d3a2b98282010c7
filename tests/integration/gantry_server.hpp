#pragma once

#include "integration/workplace.hpp"

#include "support/process.hpp"

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace gantry::test {

/// `gantry serve` on a free port, out of the store of a workplace. Stopped with the object.
class gantry_server {
 public:
  /// \param options of `gantry serve`; without --listen, on 127.0.0.1 \throws std::runtime_error with its log when it does not start.
  gantry_server(const workplace& place, std::vector<std::string> options);

  std::uint16_t port() const noexcept { return port_; }
  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  std::string log() const;
  /// Ends it with a signal. \returns its exit status.
  int stop(int signal = SIGTERM);

 private:
  std::filesystem::path log_;
  std::uint16_t port_ = 0;
  std::unique_ptr<child> server_;
};

}  // namespace gantry::test
