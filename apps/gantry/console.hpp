#pragma once

#include "contacts.hpp"
#include "log_file.hpp"
#include "options.hpp"
#include "outcome.hpp"
#include "progress/renderer.hpp"
#include "report/recorder.hpp"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace gantry::app {

/// All that a command says on standard error and in the log file. It decides what is said at which verbosity, the renderer how.
class console {
 public:
  /// Looks at where the page of `--report` goes, opens the log file and chooses the renderer.
  /// \param to_be_made a directory that the command will make; empty: none
  static outcome<std::unique_ptr<console>> open(const common_options& options, const std::filesystem::path& to_be_made = {});
  ~console() { print_late(); }
  console(const console&) = delete;
  console& operator=(const console&) = delete;

  /// An operation begins. \param title what it is about
  void begin(const std::string& title);
  /// A line of the engine's log; with --verbose the first of each kind, see contacts.
  void debug(const std::string& text);
  void note(const std::string& text) { say(severity::note, text); }
  void warn(const std::string& text);
  /// A warning from any thread; it is printed before the next event or error, at the end at the latest.
  void warn_later(std::string text);
  void print_late();
  void error(const error_report& report);
  /// For the page of `--report`: an image that the run could not bring, told beside \ref error.
  void failed(const reference& image);
  /// For the page of `--report`: a mirror that was named. \param host `host[:port]`
  void may_ask_mirror(const std::string& host);
  bool has_report() const noexcept { return report_ != nullptr; }
  /// For the page of `--report`: the work is over, and what takes time from here on, such as the page, is none of its time.
  void stop_clock();
  void summary(const run_summary& totals);
  /// Of what came out of a file. \param words the same in a line for people; empty: they are told nothing
  void summary(const run_summary& totals, const std::string& words);
  void summary(const upload_totals& totals);
  void event(const gantry::event& what);
  /// Names that are resolved are those of targets from here on, which nothing is under yet.
  void resolves_targets(bool dry_run) noexcept {
    targets_ = true;
    dry_run_ = dry_run;
  }
  /// Blobs of the first plan that are done were looked at, not moved; what further plans are about is fetched.
  void checks() noexcept { checks_next_ = true; }
  /// Each plan from here on is of a measurement, the first of the first of these numbers of connections; 0: the automatic one.
  void measures(std::vector<unsigned> jobs) { measured_jobs_ = std::move(jobs); }
  /// The end of a command whose result went to standard output. \param written whether it could be written; why not is said, unless
  /// whoever read it went away \returns \p status, or where that is 0 and the result was not written, the code of that
  int end(const outcome<>& written, int status);
  /// What was run, for the page of `--report`; without secrets.
  void runs(const std::string& command);
  /// Writes the page of `--report`, when one was asked for. \param status how the process will end
  outcome<> write_report(int status);
  /// Whether \ref debug text goes anywhere: without, the engine need not write it.
  bool wants_debug() const noexcept { return verbose_ || log_ != nullptr; }

  gantry::app::renderer& renderer() noexcept { return *renderer_; }

 private:
  console(std::unique_ptr<gantry::app::renderer> output, std::unique_ptr<log_file> log, const common_options& options);
  void say(severity level, const std::string& text);
  /// What is measured from here on, `measuring -j 4 (3 of 6)`; empty when nothing is.
  std::string next_measurement();
  /// Whether \p text, of a blob or an image, has not been said before: that a blob is there is none where it has just arrived.
  bool is_news(const gantry::event& what, const std::string& text);

  std::unique_ptr<gantry::app::renderer> renderer_;
  std::unique_ptr<log_file> log_;
  bool quiet_;
  bool verbose_;
  bool debug_;
  bool targets_ = false;
  bool dry_run_ = false;
  bool checks_next_ = false;  ///< the next plan is about what is looked at
  bool checking_ = false;
  std::vector<unsigned> measured_jobs_;
  std::size_t measurements_ = 0;  ///< that have begun
  bool many_ = false;             ///< blobs; each is told in the log file alone
  std::size_t told_ = 0;          ///< lines about single blobs
  contacts contacts_;
  std::set<std::string> said_;  ///< what these were about
  bool annotates_;              ///< errors also in the form that GitHub shows beside a run
  std::unique_ptr<report_recorder> report_;
  std::mutex late_mutex_;
  std::vector<std::string> late_;
};

/// What `--progress auto` means. \param live standard error is a terminal that can move its cursor
progress_mode choose_progress(const common_options& options, bool live);

}  // namespace gantry::app
