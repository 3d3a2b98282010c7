#pragma once

#include <gantry/events.hpp>
#include <gantry/pull.hpp>
#include <gantry/push.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace gantry::app {

enum class severity {
  debug,    ///< --debug
  info,     ///< --verbose
  note,     ///< unless --quiet
  warning,  ///< always
};

/// How the run failed, in parts.
struct error_report {
  int exit_code = 1;
  std::string message;
  std::string server_message;
  std::string hint;
};

/// Totals of a run that went well, at least in part.
struct run_summary {
  std::size_t images = 0;
  pull_result totals;
  std::chrono::milliseconds elapsed{};
};

/// Totals of a push, copy or sync that went well, at least in part.
struct upload_totals {
  upload_counts counts;
  std::size_t images = 0;
  std::size_t unchanged = 0;  ///< of these
  std::chrono::milliseconds elapsed{};
  bool dry_run = false;
  bool to_directory = false;  ///< of this machine, not to a registry
};

/// Which of an operation's transitions reach the user as lines of text beside the renderer's own output.
enum class transition_lines {
  wanted,    ///< all
  unwanted,  ///< only with --verbose
  never,     ///< the renderer prints events itself
};

/// Everything that goes to standard error goes through one renderer, so that messages and live lines never mix. Used on one thread.
class renderer {
 public:
  virtual ~renderer() = default;

  /// An operation begins. \param title what it fetches, short
  virtual void begin(const std::string& title) = 0;
  virtual void event(const gantry::event& what) = 0;
  /// The plan that comes next is that of a measurement, of which no byte stays. \param what in words
  virtual void measures(const std::string& what) { static_cast<void>(what); }
  virtual void message(severity level, const std::string& text) = 0;
  virtual void error(const error_report& report) = 0;
  virtual void summary(const run_summary& totals) = 0;
  /// The same of what came out of a file, in other words. \param words in a line for people; empty: they are told nothing
  virtual void file_summary(const run_summary& totals, const std::string& words) {
    static_cast<void>(totals);
    if (!words.empty()) message(severity::note, words);
  }
  /// \param words the same in a line for people
  virtual void uploads(const upload_totals& totals, const std::string& words) {
    static_cast<void>(totals);
    message(severity::note, words);
  }
  /// Called every \ref interval while an operation runs.
  virtual void tick() {}
  /// Zero: \ref tick is not wanted.
  virtual std::chrono::milliseconds interval() const { return std::chrono::milliseconds(0); }
  virtual transition_lines transitions() const = 0;
  /// Leaves the terminal as it was found; more output may follow.
  virtual void rest() {}
};

/// Live bars on the terminal behind \p descriptor.
std::unique_ptr<renderer> make_bar_renderer(int descriptor);
/// A line at transitions and every few seconds.
std::unique_ptr<renderer> make_plain_renderer(int descriptor);
/// NDJSON; the first line is {"type":"gantry","version":1,...}.
std::unique_ptr<renderer> make_json_renderer(int descriptor);
/// Messages only.
std::unique_ptr<renderer> make_silent_renderer(int descriptor);
/// What \p shown does, and the same to \p told; ticks and lines for people are those of \p shown.
std::unique_ptr<renderer> make_pair_renderer(std::unique_ptr<renderer> shown, std::unique_ptr<renderer> told);

}  // namespace gantry::app
