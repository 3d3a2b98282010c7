#include "access_log.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>

namespace gantry::app {
namespace {

/// A word of its own in the line: whatever could end it or the line is replaced.
std::string word(std::string text) {
  if (text.empty()) return "-";
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '"'; }, '?');
  return text;
}

}  // namespace

std::string access_line(const served_request& request) {
  const auto time = std::chrono::floor<std::chrono::milliseconds>(request.time);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z {} {} \"{} {}\" {} {} {:.6f}{}\n",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)), (time - seconds).count(), word(request.client),
                     word(request.user), word(request.method), word(request.target), request.status, request.bytes,
                     std::chrono::duration<double>(request.elapsed).count(), request.complete ? "" : " cut");
}

outcome<std::unique_ptr<access_log>> access_log::open(const std::string& path) {
  if (path == "-") return std::unique_ptr<access_log>(new access_log(stdout));
  std::FILE* const file = std::fopen(path.c_str(), "ae");
  if (file == nullptr) {
    return problem(exit_code::storage, fmt::format("the access log {} cannot be opened: {}", path, std::generic_category().message(errno)));
  }
  return std::unique_ptr<access_log>(new access_log(file));
}

bool access_log::write(const served_request& request) {
  const std::string line = access_line(request);
  return std::fwrite(line.data(), 1, line.size(), file_.get()) == line.size() && std::fflush(file_.get()) == 0;
}

}  // namespace gantry::app
