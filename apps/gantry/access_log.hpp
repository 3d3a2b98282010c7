#pragma once

#include "outcome.hpp"

#include <gantry/serve.hpp>

#include <cstdio>
#include <memory>
#include <string>

namespace gantry::app {

/// One request as a line: time (UTC), client, user, request, status, bytes of the body, seconds; `cut` at the end when the answer did not
/// arrive whole. Absent parts are `-`.
std::string access_line(const served_request& request);

/// The file behind --access-log.
class access_log {
 public:
  /// \param path `-` is standard output
  static outcome<std::unique_ptr<access_log>> open(const std::string& path);

  /// \returns false when the line could not be written.
  bool write(const served_request& request);

 private:
  struct closer {
    void operator()(std::FILE* file) const noexcept {
      if (file != stdout) std::fclose(file);
    }
  };
  explicit access_log(std::FILE* file) : file_(file) {}
  std::unique_ptr<std::FILE, closer> file_;
};

}  // namespace gantry::app
