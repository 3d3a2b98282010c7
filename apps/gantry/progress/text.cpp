#include "progress/text.hpp"

#include "utf8.hpp"

#include <gantry/format.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace gantry::app {
namespace {

std::string describe_plan(const transfer_planned& plan) {
  std::string text = fmt::format("{} blob{}, {}", plan.blobs, plan.blobs == 1 ? "" : "s", format_bytes(plan.bytes));
  if (plan.blobs_held > 0) {
    text += fmt::format("; {} of them, {}, {} in the store", plan.blobs_held, format_bytes(plan.bytes_held),
                        plan.blobs_held == 1 ? "is" : "are");
  }
  return text;
}

/// Whether a sentence names the object itself: in the same words, or as the same kind of thing, `the tags of ...`, in its full name.
bool speaks_of(const std::string& sentence, const std::string& object) {
  const std::size_t of = object.find(" of ");
  return sentence.find(object) != std::string::npos || (of != std::string::npos && sentence.starts_with("the " + object.substr(0, of + 4)));
}

constexpr char blank_that_stays = '\x01';  // printable() leaves none in what others wrote
constexpr std::size_t next_indent = 2;     // columns before what goes on in another line

/// \p line with blanks that stay where it must not be broken: in front, and in a command that a line has room for.
std::string keep_together(std::string line, std::size_t width) {
  constexpr std::string_view command = "'gantry ";
  const auto keep = [&line](std::size_t from, std::size_t to) {
    std::replace(line.begin() + static_cast<std::ptrdiff_t>(from), line.begin() + static_cast<std::ptrdiff_t>(to), ' ', blank_that_stays);
  };
  keep(0, std::min(line.find_first_not_of(' '), line.size()));
  for (std::size_t begin = line.find(command); begin != std::string::npos; begin = line.find(command, begin + 1)) {
    const std::size_t end = line.find('\'', begin + 1);
    if (end == std::string::npos) break;
    if (next_indent + columns(std::string_view(line).substr(begin, end + 1 - begin)) <= width) keep(begin, end);
  }
  return line;
}

/// \p text behind \p front and a blank, with a newline. \param front may have colours \param taken columns of \p front
std::string behind(const std::string& front, std::size_t taken, const std::string& text, std::size_t width) {
  std::string lines = wrap_lines(std::string(taken, blank_that_stays) + " " + printable(text), width);
  return lines.replace(0, taken, front) + "\n";
}

}  // namespace

std::optional<std::pair<severity, std::string>> describe(const event& what) {
  using result = std::optional<std::pair<severity, std::string>>;
  return std::visit(
      [](const auto& e) -> result {
        using kind = std::decay_t<decltype(e)>;
        if constexpr (std::is_same_v<kind, image_resolved>) {
          return std::pair(severity::info, fmt::format("{} is {}", e.reference.familiar(), e.top.digest.string()));
        } else if constexpr (std::is_same_v<kind, transfer_planned>) {
          if (e.blobs == 0) return std::nullopt;
          return std::pair(severity::info, describe_plan(e));
        } else if constexpr (std::is_same_v<kind, blob_started>) {
          if (e.resumed == 0) return std::nullopt;
          return std::pair(severity::info,
                           fmt::format("{}: goes on at {} of {}", e.digest.short_form(), format_bytes(e.resumed), format_bytes(e.size)));
        } else if constexpr (std::is_same_v<kind, blob_finished>) {
          return std::pair(severity::info, finished_text(e));
        } else if constexpr (std::is_same_v<kind, retry_scheduled>) {
          const std::string why = e.message.empty() ? e.reason.message() : e.message;
          const std::string object = speaks_of(why, e.object) ? std::string() : e.object + ": ";
          return std::pair(severity::info,
                           fmt::format("{}{}{} next attempt in {}", object, why, why.ends_with('?') ? "" : ";", format_duration(e.delay)));
        } else if constexpr (std::is_same_v<kind, gantry::waiting>) {
          return std::pair(severity::info, "waiting: " + e.what);
        } else if constexpr (std::is_same_v<kind, gantry::warning>) {
          return std::pair(severity::warning, e.message);
        } else {
          return std::nullopt;
        }
      },
      what);
}

std::string finished_text(const blob_finished& what, const char* came) {
  return fmt::format("{}: {}, {}", what.digest.short_form(),
                     what.mounted  ? "mounted from another repository"
                     : what.reused ? "there already"
                                   : came,
                     format_bytes(what.size));
}

std::string wrap_lines(const std::string& text, std::size_t width) {
  if (width == 0) return text;
  std::string wrapped;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    wrapped += wrap(keep_together(std::move(line), width), width, next_indent, {});
    if (!lines.eof()) wrapped += '\n';
  }
  std::replace(wrapped.begin(), wrapped.end(), blank_that_stays, ' ');
  return wrapped;
}

std::string message_text(severity level, const std::string& text, bool color, std::size_t width) {
  constexpr std::string_view program = "gantry:";
  const std::string_view kind = level == severity::warning ? "warning:" : level == severity::debug ? "debug:" : "";
  const char* shade = level == severity::warning ? "\x1b[33m" : "\x1b[2m";
  if (kind.empty()) return behind(std::string(program), program.size(), text, width);
  const std::string shown = color ? fmt::format("{}{}\x1b[0m", shade, kind) : std::string(kind);
  return behind(fmt::format("{} {}", program, shown), program.size() + 1 + kind.size(), text, width);
}

std::string error_text(const error_report& report, bool color, std::size_t width) {
  const auto part = [&](std::string_view front, const char* shade, const std::string& text) {
    const std::string shown = color ? fmt::format("{}{}\x1b[0m", shade, front) : std::string(front);
    return behind(shown, front.size(), text, width);
  };
  constexpr const char* red = "\x1b[31m";
  constexpr const char* bold = "\x1b[1m";
  std::string text = part("gantry:", red, report.message);
  if (!report.server_message.empty()) text += part("registry said:", bold, report.server_message);
  if (!report.hint.empty()) text += part("hint:", bold, report.hint);
  return text;
}

std::string summary_text(const run_summary& totals) {
  const pull_result& sum = totals.totals;
  std::string text = fmt::format("{} image{} in {}: {} received", totals.images, totals.images == 1 ? "" : "s",
                                 format_duration(totals.elapsed), format_bytes(sum.bytes_received));
  const auto ms = static_cast<std::uint64_t>(std::max<std::int64_t>(1, totals.elapsed.count()));
  if (sum.bytes_received > 0) text += fmt::format(", {}/s", format_bytes(sum.bytes_received * 1000 / ms));
  if (sum.bytes_resumed > 0) text += fmt::format(", {} kept from an earlier run", format_bytes(sum.bytes_resumed));
  if (sum.archive_size > 0) text += fmt::format(", {} of archive written", format_bytes(sum.archive_size));
  text += '\n';
  if (sum.layers > 0) {
    text += fmt::format("cache: {}/{} layers reused, {} not downloaded", sum.layers_reused, sum.layers, format_bytes(sum.bytes_reused));
    if (sum.store_size > 0) text += fmt::format("; the store has {}", format_bytes(sum.store_size));
    text += '\n';
  }
  return text;
}

std::string time_left(std::chrono::seconds left) {
  if (left.count() < 1) return "less than 1 s left";
  return (left.count() < 10 ? fmt::format("{} s", left.count()) : format_duration(left)) + " left";
}

std::string status_text(const progress_state& state, progress_clock::time_point now) {
  if (state.archive().total > 0) {
    return fmt::format("writing the archive: {} of {}", format_bytes(state.archive().done), format_bytes(state.archive().total));
  }
  if (!state.planned()) return {};
  const std::uint64_t total = std::max<std::uint64_t>(1, state.bytes());
  std::string text = fmt::format("{} of {} ({} %)", format_bytes(state.bytes_done()), format_bytes(state.bytes()),
                                 static_cast<unsigned>(100.0 * static_cast<double>(state.bytes_done()) / static_cast<double>(total)));
  if (const double rate = state.rate(now); rate >= 1.0) text += fmt::format(", {}/s", format_bytes(static_cast<std::uint64_t>(rate)));
  if (state.blobs() > 1) text += fmt::format(", {} of {} blobs", state.blobs_done(), state.blobs());
  if (const auto left = state.remaining(now)) text += ", " + time_left(*left);
  return text;
}

}  // namespace gantry::app
