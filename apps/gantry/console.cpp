#include "console.hpp"

#include "annotation.hpp"
#include "progress/terminal.hpp"
#include "progress/text.hpp"

#include <chrono>
#include <utility>

namespace gantry::app {
namespace {

constexpr int standard_error = 2;

std::unique_ptr<renderer> make_renderer(progress_mode mode) {
  switch (mode) {
    case progress_mode::bar:
      return make_bar_renderer(standard_error);
    case progress_mode::plain:
      return make_plain_renderer(standard_error);
    case progress_mode::json:
      return make_json_renderer(standard_error);
    case progress_mode::automatic:
    case progress_mode::none:
      break;
  }
  return make_silent_renderer(standard_error);
}

}  // namespace

progress_mode choose_progress(const common_options& options, bool live) {
  if (options.progress != progress_mode::automatic) return options.progress;
  if (options.quiet) return progress_mode::none;
  // Debug lines would tear live ones apart many times a second.
  return live && !options.debug ? progress_mode::bar : progress_mode::plain;
}

outcome<std::unique_ptr<console>> console::open(const common_options& options) {
  const bool live = is_live_terminal(standard_error);
  if (options.progress == progress_mode::bar && !live) {
    return usage_problem("--progress bar needs a terminal on standard error", "use --progress plain or json");
  }
  std::unique_ptr<log_file> log;
  if (!options.log_file.empty()) {
    auto opened = log_file::open(options.log_file);
    if (!opened) return opened.error();
    log = std::move(*opened);
  }
  return std::unique_ptr<console>(new console(make_renderer(choose_progress(options, live)), std::move(log), options));
}

console::console(std::unique_ptr<gantry::app::renderer> output, std::unique_ptr<log_file> log, const common_options& options)
    : renderer_(std::move(output)),
      log_(std::move(log)),
      quiet_(options.quiet),
      verbose_(options.verbose || options.debug),
      debug_(options.debug),
      annotates_(options.progress != progress_mode::json && wants_annotations(process_environment())) {
  if (!options.report.empty()) report_ = std::make_unique<report_recorder>(options.report, std::chrono::steady_clock::now());
}

void console::say(severity level, const std::string& text) {
  if (log_) log_->write(level, text);
  if (level == severity::debug && !debug_) return;
  if (level == severity::info && !verbose_) return;
  if (level == severity::note && quiet_) return;
  renderer_->message(level, text);
}

void console::warn_later(std::string text) {
  const std::lock_guard<std::mutex> guard(late_mutex_);
  late_.push_back(std::move(text));
}

void console::print_late() {
  std::vector<std::string> texts;
  {
    const std::lock_guard<std::mutex> guard(late_mutex_);
    texts.swap(late_);
  }
  for (const auto& text : texts) warn(text);
}

void console::error(const error_report& report) {
  print_late();
  if (log_)
    log_->write_error(report.server_message.empty() ? report.message : report.message + "; registry said: " + report.server_message);
  if (report_) report_->error(report, std::chrono::steady_clock::now());
  renderer_->error(report);
  if (annotates_) write_all(standard_error, github_annotation(report));
}

void console::summary(const run_summary& totals) {
  if (log_) log_->write(severity::note, summary_text(totals));
  if (!quiet_) renderer_->summary(totals);
  if (log_ && !log_->good()) renderer_->message(severity::warning, "not all lines could be written to the log file");
}

outcome<> console::write_report() {
  if (!report_) return {};
  return report_->write(std::chrono::steady_clock::now());
}

void console::event(const gantry::event& what) {
  print_late();
  if (report_) report_->event(what, std::chrono::steady_clock::now());
  renderer_->event(what);
  auto words = describe(what);
  if (!words) return;
  const auto& [level, text] = *words;
  if (log_) log_->write(level, text);
  const transition_lines lines = renderer_->transitions();
  if (lines == transition_lines::never) return;
  if (level == severity::warning || verbose_ || (lines == transition_lines::wanted && !quiet_)) renderer_->message(level, text);
}

}  // namespace gantry::app
