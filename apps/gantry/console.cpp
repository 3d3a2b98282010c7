#include "console.hpp"

#include "annotation.hpp"
#include "failure_report.hpp"
#include "output_places.hpp"
#include "progress/terminal.hpp"
#include "progress/text.hpp"
#include "upload_options.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>
#include <variant>

#include <fcntl.h>

namespace gantry::app {
namespace {

constexpr int standard_error = 2;
constexpr std::size_t most_told = 50;

/// Events as JSON for a descriptor of their own, beside what standard error shows: with `--progress json` that is messages alone.
std::unique_ptr<renderer> make_renderer(progress_mode mode, std::optional<int> events) {
  if (events.value_or(standard_error) != standard_error) {
    const progress_mode shown = mode == progress_mode::json ? progress_mode::none : mode;
    return make_pair_renderer(make_renderer(shown, std::nullopt), make_json_renderer(*events));
  }
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

/// Whether each line of standard error is an object.
bool events_on_standard_error(const common_options& options) {
  return options.progress_fd ? *options.progress_fd == standard_error : options.progress == progress_mode::json;
}

/// That \p descriptor is open for writing; programs that are started do not get it.
outcome<> take_descriptor(int descriptor) {
  const int flags = ::fcntl(descriptor, F_GETFL);
  if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) {
    return usage_problem(fmt::format("--progress-fd: descriptor {} is not open for writing", descriptor),
                         fmt::format("open it in the shell, e.g. 'gantry ... --progress-fd {0} {0}> events.json'", descriptor));
  }
  if (descriptor > standard_error) ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  return {};
}

}  // namespace

progress_mode choose_progress(const common_options& options, bool live) {
  if (options.progress != progress_mode::automatic) return options.progress;
  if (options.quiet) return progress_mode::none;
  // Debug lines would tear live ones apart many times a second.
  return live && !options.debug ? progress_mode::bar : progress_mode::plain;
}

outcome<std::unique_ptr<console>> console::open(const common_options& options, const std::filesystem::path& to_be_made) {
  const bool live = is_live_terminal(standard_error);
  if (options.progress == progress_mode::bar && !live) {
    return usage_problem("--progress bar needs a terminal on standard error", "use --progress plain or json");
  }
  if (options.progress_fd) {
    if (auto usable = take_descriptor(*options.progress_fd); !usable) return usable.error();
  }
  progress_mode mode = choose_progress(options, live);
  if (options.progress_fd == standard_error) mode = progress_mode::json;
  if (auto apart = check_distinct(common_outputs(options)); !apart) return apart.error();
  if (!options.report.empty()) {
    if (auto usable = check_directory({"--report", options.report}, to_be_made); !usable) return usable.error();
  }
  std::unique_ptr<log_file> log;
  if (!options.log_file.empty()) {
    // One that is there may be appended to in a directory that takes no new files.
    std::error_code absent;
    if (!std::filesystem::exists(options.log_file, absent)) {
      if (auto usable = check_directory({"--log-file", options.log_file}, {}); !usable) return usable.error();
    }
    auto opened = log_file::open(options.log_file);
    if (!opened) return opened.error();
    log = std::move(*opened);
  }
  return std::unique_ptr<console>(new console(make_renderer(mode, options.progress_fd), std::move(log), options));
}

console::console(std::unique_ptr<gantry::app::renderer> output, std::unique_ptr<log_file> log, const common_options& options)
    : renderer_(std::move(output)),
      log_(std::move(log)),
      quiet_(options.quiet),
      verbose_(options.verbose || options.debug),
      debug_(options.debug),
      annotates_(!events_on_standard_error(options) && wants_annotations(process_environment())) {
  if (!options.report.empty()) report_ = std::make_unique<report_recorder>(options.report, std::chrono::steady_clock::now());
}

void console::begin(const std::string& title) {
  if (report_) report_->begin(title, std::chrono::steady_clock::now());
  measurements_ = 0;
  renderer_->begin(title);
}

void console::say(severity level, const std::string& text) {
  if (log_) log_->write(level, text);
  if (report_ && level == severity::note) report_->remark(text, std::chrono::steady_clock::now());
  if (report_ && level == severity::debug) report_->log(text);
  if (level == severity::debug && !debug_) return;
  if (level == severity::info && !verbose_) return;
  if (level == severity::note && quiet_) return;
  renderer_->message(level, text);
}

void console::debug(const std::string& text) {
  say(severity::debug, text);
  if (verbose_ && !debug_ && contacts_.is_first(text)) renderer_->message(severity::info, text);
}

void console::warn(const std::string& text) {
  if (report_) report_->warning(text, std::chrono::steady_clock::now());
  say(severity::warning, text);
}

void console::failed(const reference& image) {
  if (report_) report_->failed(image, std::chrono::steady_clock::now());
}

void console::may_ask_mirror(const std::string& host) {
  if (report_) report_->mirror(host);
}

void console::stop_clock() {
  if (report_) report_->stop(std::chrono::steady_clock::now());
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
  if (log_) log_->write_error(with_server_words(report.message, report.server_message));
  // Nothing was begun: there is nothing to show, and the page's name may be the one that was refused.
  if (report.exit_code == static_cast<int>(exit_code::usage)) report_.reset();
  if (report_) report_->error(report, std::chrono::steady_clock::now());
  renderer_->error(report);
  if (annotates_) write_all(standard_error, github_annotation(report));
}

void console::summary(const run_summary& totals) {
  if (log_) {
    // A line of the log is a sentence of its own.
    std::istringstream lines(summary_text(totals));
    for (std::string line; std::getline(lines, line);) log_->write(severity::note, line);
  }
  if (!quiet_) renderer_->summary(totals);
  if (log_ && !log_->good()) renderer_->message(severity::warning, "not all lines could be written to the log file");
}

void console::summary(const run_summary& totals, const std::string& words) {
  if (log_ && !words.empty()) log_->write(severity::note, words);
  if (report_ && !words.empty()) report_->remark(words, std::chrono::steady_clock::now());
  if (!quiet_) renderer_->file_summary(totals, words);
}

void console::summary(const upload_totals& totals) {
  const std::string words =
      upload_summary(totals.counts, totals.images, totals.unchanged, totals.elapsed, totals.dry_run, totals.to_directory);
  if (log_) log_->write(severity::note, words);
  if (report_) report_->remark(words, std::chrono::steady_clock::now());
  if (!quiet_) renderer_->uploads(totals, words);
}

int console::end(const outcome<>& written, int status) {
  if (written) return status;
  const problem why = written.error();
  if (why.code != exit_code::broken_pipe) {
    error(report_problem(why));
  } else if (log_) {
    log_->write(severity::note, why.message);
  }
  return status != 0 ? status : static_cast<int>(why.code);
}

void console::runs(const std::string& command) {
  if (report_) report_->command(command);
}

outcome<> console::write_report(int status) {
  if (!report_) return {};
  report_->end(status);
  return report_->write(std::chrono::steady_clock::now());
}

bool console::is_news(const gantry::event& what, const std::string& text) {
  const auto* const finished = std::get_if<blob_finished>(&what);
  const std::string& about = finished != nullptr ? finished->digest.string() : text;
  const bool first = said_.insert(about).second;
  return first || (finished != nullptr && (!finished->reused || finished->mounted));
}

std::string console::next_measurement() {
  if (measurements_ >= measured_jobs_.size()) return {};
  const unsigned jobs = measured_jobs_[measurements_++];
  const std::string number = jobs == 0 ? "auto" : std::to_string(jobs);
  return fmt::format("measuring -j {} ({} of {})", number, measurements_, measured_jobs_.size());
}

void console::event(const gantry::event& what) {
  print_late();
  if (report_) report_->event(what, std::chrono::steady_clock::now());
  const std::string measured = std::holds_alternative<transfer_planned>(what) ? next_measurement() : std::string();
  if (!measured.empty()) renderer_->measures(measured);
  if (std::holds_alternative<transfer_planned>(what)) checking_ = std::exchange(checks_next_, false);
  renderer_->event(what);
  auto words = describe(what);
  if (const auto contact = verbose_ ? contacts_.describe(what) : std::nullopt) words.emplace(severity::info, *contact);
  if (!words) return;
  if (!measured.empty()) words->second = measured;
  if (const auto* const resolved = std::get_if<image_resolved>(&what); resolved != nullptr && targets_) {
    const char* const becomes = resolved->platforms == 0 ? "is" : dry_run_ ? "would become" : "is to become";
    words->second = fmt::format("{} {} {}", resolved->reference.familiar(), becomes, resolved->top.digest.string());
  }
  if (const auto* const finished = std::get_if<blob_finished>(&what); finished != nullptr && checking_ && finished->reused) {
    // Nothing was fetched, and that it is there is no news.
    blob_finished looked_at = *finished;
    looked_at.reused = false;
    words->second = finished_text(looked_at, "checked");
  }
  const auto& [level, text] = *words;
  if (log_) log_->write(level, text);
  const transition_lines lines = renderer_->transitions();
  if (lines == transition_lines::never) return;
  // Of a long list the state now and then tells more than a line for each part; a list's plan may grow as its parts are read.
  if (const auto* const plan = std::get_if<transfer_planned>(&what); plan != nullptr && measured.empty()) many_ = plan->blobs > most_told;
  const bool routine = std::holds_alternative<transfer_planned>(what) || std::holds_alternative<blob_started>(what) ||
                       std::holds_alternative<blob_finished>(what) || std::holds_alternative<image_resolved>(what);
  // The images of a list may be as many as blobs are.
  const bool of_many = std::holds_alternative<blob_started>(what) || std::holds_alternative<blob_finished>(what) ||
                       std::holds_alternative<image_resolved>(what);
  if (!verbose_ && ((routine && many_) || (of_many && told_ >= most_told))) return;
  // A run that goes through its images again, since one of them failed, has no news of the others.
  if (!verbose_ && of_many && !is_news(what, text)) return;
  if (of_many) ++told_;
  if (level == severity::warning || verbose_ || (lines == transition_lines::wanted && !quiet_)) renderer_->message(level, text);
}

}  // namespace gantry::app
