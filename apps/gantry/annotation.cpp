#include "annotation.hpp"

#include "utf8.hpp"

#include <fmt/format.h>

#include <string_view>

namespace gantry::app {
namespace {

// What would end the command, or begin another.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '%') {
      out += "%25";
    } else if (c == '\r') {
      out += "%0D";
    } else if (c == '\n') {
      out += "%0A";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

bool wants_annotations(const environment& variables) { return variables("GITHUB_ACTIONS") == "true"; }

std::string github_annotation(const error_report& report) {
  std::string text = report.message;
  if (!report.server_message.empty()) text += "; registry said: " + report.server_message;
  if (!report.hint.empty()) text += "\n" + report.hint;
  return fmt::format("::error title=gantry::{}\n", escaped(printable(text)));
}

}  // namespace gantry::app
