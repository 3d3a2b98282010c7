#include "progress/frame.hpp"

#include "utf8.hpp"

#include <gantry/format.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gantry::app {
namespace {

constexpr std::size_t label_width = 12;
constexpr std::size_t least_bar = 8;
constexpr std::size_t most_bar = 40;

struct row {
  std::string label;
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  std::vector<std::string> fields;  // most important first: the last ones go when the terminal is narrow
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

std::string render(row what, const frame_style& style) {
  const std::size_t width = style.width - 1;
  const double fraction = what.total == 0 ? 0.0 : std::min(1.0, static_cast<double>(what.done) / static_cast<double>(what.total));
  const std::string label = fmt::format("{:<{}}", fit(what.label, label_width), label_width);
  const std::string percent = fmt::format("{:>3}%", static_cast<int>(fraction * 100.0));
  const auto used = [&] {
    std::size_t sum = label.size() + 1 + percent.size() + 1;
    for (const auto& field : what.fields) sum += 2 + columns(field);
    return sum;
  };
  while (!what.fields.empty() && used() + least_bar > width) what.fields.pop_back();
  if (used() + least_bar > width) return fit(fmt::format("{} {}", label, percent), width);
  std::string line = fmt::format("{} {} {}", label, bar(fraction, std::min(most_bar, width - used()), style), percent);
  for (const auto& field : what.fields) line += "  " + field;
  return line;
}

std::string amount(std::uint64_t done, std::uint64_t total) { return fmt::format("{:>8}/{}", format_bytes(done), format_bytes(total)); }

std::string label_of(const active_blob& blob) {
  if (blob.role == blob_role::config) return "config";
  if (blob.role == blob_role::manifest) return "manifest";
  return std::string(blob.digest.short_form());
}

row total_row(const progress_state& state, progress_clock::time_point now) {
  row total{"total", state.bytes_done(), state.bytes(), {amount(state.bytes_done(), state.bytes())}};
  if (const double rate = state.rate(now); rate >= 1.0) total.fields.push_back(format_bytes(static_cast<std::uint64_t>(rate)) + "/s");
  if (const auto left = state.remaining(now)) total.fields.push_back(format_duration(*left) + " left");
  total.fields.push_back(fmt::format("{}/{} blobs", state.blobs_done(), state.blobs()));
  return total;
}

}  // namespace

std::vector<std::string> render_frame(const progress_state& state, progress_clock::time_point now, const frame_style& style) {
  std::vector<std::string> lines;
  if (style.width < 8 || style.height < 2) return lines;
  const std::size_t width = style.width - 1;
  if (!state.waiting().empty()) lines.push_back(fit("waiting: " + state.waiting(), width));
  if (state.archive().total > 0) {
    lines.push_back(
        render({"archive", state.archive().done, state.archive().total, {amount(state.archive().done, state.archive().total)}}, style));
  }
  if (state.planned() && (state.archive().total == 0 || !state.active().empty())) {
    lines.push_back(render(total_row(state, now), style));
  } else if (!state.planned()) {
    lines.push_back(fit("resolving " + state.title(), width));
  }
  const std::size_t room = std::min<std::size_t>(style.height - 1, 24);
  if (lines.size() > room) lines.resize(room);
  std::vector<std::string> rows;
  const std::size_t hidden = lines.size() + state.active().size() > room ? lines.size() + state.active().size() - room + 1 : 0;
  for (std::size_t i = 0; hidden < state.active().size() && i < state.active().size() - hidden; ++i) {
    const active_blob& blob = state.active()[i];
    rows.push_back(render({label_of(blob), blob.done, blob.size, {amount(blob.done, blob.size)}}, style));
  }
  if (hidden > 0 && lines.size() + rows.size() < room) rows.push_back(fit(fmt::format("and {} more", hidden), width));
  rows.insert(rows.end(), lines.begin(), lines.end());
  return rows;
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
