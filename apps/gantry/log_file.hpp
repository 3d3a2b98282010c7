#pragma once

#include "outcome.hpp"
#include "progress/renderer.hpp"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace gantry::app {

/// The file behind --log-file: time (UTC), level and message, one line each, appended. What is given to it is free of secrets already.
class log_file {
 public:
  static outcome<std::unique_ptr<log_file>> open(const std::filesystem::path& path);

  void write(severity level, std::string_view message);
  void write_error(std::string_view message);
  /// Whether every line so far reached the file.
  bool good() const noexcept { return good_; }

 private:
  struct closer {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  explicit log_file(std::FILE* file) : file_(file) {}
  void line(const char* level, std::string_view message);

  std::unique_ptr<std::FILE, closer> file_;
  bool good_ = true;
};

}  // namespace gantry::app
