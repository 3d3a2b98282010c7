#include "progress/frame.hpp"

#include "progress/text.hpp"
#include "utf8.hpp"

#include <gantry/format.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace gantry::app {
namespace {

constexpr std::size_t label_width = 12;
constexpr std::size_t good_bar = 16;  // fields go until the bar has this much room
constexpr std::size_t least_bar = 4;  // below it the percentage stands alone
constexpr std::size_t most_bar = 40;
constexpr std::size_t short_bar = 6;  // beside fields that stay

// As wide as most rates and times are, so that a bar keeps its length when a digit comes or goes beside it.
constexpr std::size_t rate_width = std::string_view("999.9 MB/s").size();
constexpr std::size_t seconds_width = std::string_view("12 s left").size();
constexpr std::size_t minutes_width = std::string_view("12 min 34 s left").size();

struct row {
  std::string label;
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  std::vector<std::string> fields;  // most important first: the last ones go when the terminal is narrow
  std::vector<std::string> vital;   // those among them that stay, with a shorter bar, when the first one goes
};

std::string bar(double fraction, std::size_t width, const frame_style& style) {
  const auto cells = static_cast<std::size_t>(fraction * static_cast<double>(width) + 1e-9);
  const char* full = style.unicode ? "\u2501" : "#";
  const char* rest = style.unicode ? "\u2500" : "-";
  std::string text;
  if (style.color) text += "\x1b[36m";
  for (std::size_t i = 0; i < cells; ++i) text += full;
  if (style.color) text += "\x1b[0;2m";
  for (std::size_t i = cells; i < width; ++i) text += rest;
  if (style.color) text += "\x1b[0m";
  return text;
}

std::size_t used_columns(const row& what) {
  std::size_t sum = label_width + std::string_view("  100%").size();
  for (const auto& field : what.fields) sum += 2 + columns(field);
  return sum;
}

// Drops fields that have no room. \returns the columns that are left for the bar
std::size_t shrink(row& what, std::size_t width) {
  while (!what.fields.empty() && used_columns(what) + good_bar > width) what.fields.pop_back();
  const std::size_t used = used_columns(what);
  return used + least_bar > width ? 0 : std::min(most_bar, width - used);
}

std::string padded(std::string text) {
  const std::size_t used = columns(text);
  return text.append(label_width - std::min(label_width, used), ' ');
}

std::string render(const row& what, std::size_t bar_width, const frame_style& style) {
  const double fraction = what.total == 0 ? 0.0 : std::min(1.0, static_cast<double>(what.done) / static_cast<double>(what.total));
  const std::string label = padded(fit(printable(what.label), label_width));
  const int percent = static_cast<int>(fraction * 100.0);
  if (bar_width == 0) return fit(fmt::format("{} {:>3}%", label, percent), style.width - 1);
  std::string line = fmt::format("{} {} {:>3}%", label, bar(fraction, bar_width, style), percent);
  for (const auto& field : what.fields) line += "  " + field;
  return line;
}

/// Whether the terminal is too narrow for the fields that stay beside the one that stands before them.
bool is_tight(const row& what) { return what.fields.size() < what.vital.size() + 1 && !what.vital.empty(); }

std::string vital_text(const row& what, int percent) {
  std::string text = fmt::format(" {:>3}%", percent);
  for (const auto& field : what.vital) text += " " + field;
  return text;
}

/// The columns for a bar between the whole label and the fields that stay; 0: none.
std::size_t tight_bar(const row& what, std::size_t width) {
  const std::size_t used = label_width + 1 + columns(vital_text(what, 100));
  return used > width ? 0 : width - used;
}

/// Percentage, speed and time left, beside a bar as long as they let it be.
std::string render_tight(row what, std::size_t bar_width, const frame_style& style) {
  const std::size_t width = style.width - 1;
  const double fraction = what.total == 0 ? 0.0 : std::min(1.0, static_cast<double>(what.done) / static_cast<double>(what.total));
  const int percent = static_cast<int>(fraction * 100.0);
  while (!what.vital.empty() && columns(what.label) + columns(vital_text(what, percent)) > width) what.vital.pop_back();
  const std::string text = vital_text(what, percent);
  const std::string label = tight_bar(what, width) >= short_bar ? padded(what.label) : what.label;
  const std::size_t used = columns(label) + 1 + columns(text);
  const std::size_t room = used >= width ? 0 : std::min(bar_width, width - used);
  if (room < least_bar) return fit(label + text, width);
  return fmt::format("{} {}{}", label, bar(fraction, room, style), text);
}

// All bars of a frame are equally long, so that they can be compared; only where that would cost speed and time left, one is shorter.
std::vector<std::string> render_rows(std::vector<row> rows, const frame_style& style) {
  std::size_t bar_width = most_bar;
  for (auto& what : rows) bar_width = std::min(bar_width, shrink(what, style.width - 1));
  for (const auto& what : rows) {
    const std::size_t room = is_tight(what) ? tight_bar(what, style.width - 1) : 0;
    if (room >= good_bar) bar_width = std::min(bar_width, room);
  }
  std::vector<std::string> lines;
  for (const auto& what : rows)
    lines.push_back(is_tight(what) && bar_width > 0 ? render_tight(what, bar_width, style) : render(what, bar_width, style));
  return lines;
}

std::string amount(std::uint64_t done, std::uint64_t total) { return fmt::format("{:>8}/{}", format_bytes(done), format_bytes(total)); }

std::string label_of(const active_blob& blob) {
  if (blob.role == blob_role::config) return "config";
  if (blob.role == blob_role::manifest) return "manifest";
  return std::string(blob.digest.short_form());
}

row total_row(const progress_state& state, progress_clock::time_point now) {
  row total{"total", state.bytes_done(), state.bytes(), {amount(state.bytes_done(), state.bytes())}, {}};
  if (const double rate = state.rate(now); rate >= 1.0)
    total.vital.push_back(fmt::format("{:>{}}", format_bytes(static_cast<std::uint64_t>(rate)) + "/s", rate_width));
  // In a line that is read again and again the short form does.
  if (const auto left = state.remaining(now)) {
    const std::string text = left->count() < 1 ? "<1 s left" : time_left(*left);
    total.vital.push_back(fmt::format("{:>{}}", text, left->count() < 60 ? seconds_width : minutes_width));
  }
  total.fields.insert(total.fields.end(), total.vital.begin(), total.vital.end());
  const std::string blobs = std::to_string(state.blobs());
  total.fields.push_back(fmt::format("{:>{}}/{} blobs", state.blobs_done(), blobs.size(), blobs));
  return total;
}

}  // namespace

std::vector<std::string> render_frame(const progress_state& state, progress_clock::time_point now, const frame_style& style) {
  if (style.width < 8 || style.height < 2) return {};
  const std::size_t width = style.width - 1;
  const std::size_t room = std::min<std::size_t>(style.height - 1, 24);
  const bool exporting = state.archive().total > 0;

  std::vector<row> rows;
  for (const auto& blob : state.active()) rows.push_back({label_of(blob), blob.done, blob.size, {amount(blob.done, blob.size)}, {}});
  const std::size_t blobs = rows.size();
  if (exporting) {
    rows.push_back({"archive", state.archive().done, state.archive().total, {amount(state.archive().done, state.archive().total)}, {}});
  }
  if (state.planned() && (!exporting || blobs > 0)) rows.push_back(total_row(state, now));
  std::vector<std::string> lines = render_rows(std::move(rows), style);
  if (!state.measured().empty()) {
    lines.push_back(fit(printable(fmt::format("{}, {}", state.measured(), format_bytes(state.measured_bytes()))), width));
  } else if (!state.planned() && !exporting) {
    lines.push_back(fit(printable("resolving " + state.title()), width));
  }
  if (!state.waiting().empty())
    lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(blobs), fit(printable("waiting: " + state.waiting()), width));
  if (lines.size() <= room) return lines;

  // The last blobs make way: what stands behind them is about the whole.
  const std::size_t hidden = std::min(blobs, lines.size() - room + 1);
  const auto end = lines.begin() + static_cast<std::ptrdiff_t>(blobs);
  lines.erase(end - static_cast<std::ptrdiff_t>(hidden), end);
  if (lines.size() < room) {
    lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(blobs - hidden), fit(fmt::format("and {} more", hidden), width));
  }
  if (lines.size() > room) lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(room));
  return lines;
}

std::size_t visible_columns(const std::string& line) {
  std::string plain;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '\x1b') {
      plain += line[i];
      continue;
    }
    i = std::min(line.find('m', i), line.size());
  }
  return columns(plain);
}

}  // namespace gantry::app
