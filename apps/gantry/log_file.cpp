#include "log_file.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>

namespace gantry::app {

outcome<std::unique_ptr<log_file>> log_file::open(const std::filesystem::path& path) {
  std::FILE* file = std::fopen(path.c_str(), "ae");
  if (file == nullptr) {
    return problem(exit_code::storage,
                   fmt::format("the log file {} cannot be opened: {}", path.string(), std::generic_category().message(errno)));
  }
  return std::unique_ptr<log_file>(new log_file(file));
}

void log_file::line(const char* level, std::string_view message) {
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  std::string text(message);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  const std::string line = fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z {:<7} {}\n", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                                       (now - seconds).count(), level, text);
  // Flushed line by line: a log is read after a crash.
  if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size() || std::fflush(file_.get()) != 0) good_ = false;
}

void log_file::write(severity level, std::string_view message) {
  line(level == severity::warning ? "WARNING" : level == severity::debug ? "DEBUG" : "INFO", message);
}

void log_file::write_error(std::string_view message) { line("ERROR", message); }

}  // namespace gantry::app
