#include "progress/text.hpp"

#include "utf8.hpp"

#include <gantry/format.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <type_traits>

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

std::string message_text(severity level, const std::string& text, bool color) {
  const char* prefix = level == severity::warning ? "warning: " : level == severity::debug ? "debug: " : "";
  const char* shade = level == severity::warning ? "\x1b[33m" : "\x1b[2m";
  if (!color || *prefix == '\0') return fmt::format("gantry: {}{}\n", prefix, printable(text));
  return fmt::format("gantry: {}{}\x1b[0m{}\n", shade, prefix, printable(text));
}

std::string error_text(const error_report& report, bool color) {
  const char* red = color ? "\x1b[31m" : "";
  const char* bold = color ? "\x1b[1m" : "";
  const char* plain = color ? "\x1b[0m" : "";
  std::string text = fmt::format("{}gantry:{} {}\n", red, plain, printable(report.message));
  if (!report.server_message.empty()) text += fmt::format("{}registry said:{} {}\n", bold, plain, printable(report.server_message));
  if (!report.hint.empty()) text += fmt::format("{}hint:{} {}\n", bold, plain, printable(report.hint));
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
