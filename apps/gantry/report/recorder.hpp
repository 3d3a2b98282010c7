#pragma once

#include "outcome.hpp"
#include "progress/renderer.hpp"

#include <gantry/events.hpp>
#include <gantry/reference.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace gantry::app {

/// Keeps what the page of `--report` shows. Its memory grows with the number of blobs, not with bytes or time; of requests and retries it
/// keeps so many and counts the rest.
class report_recorder {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// \param file where the page goes
  report_recorder(std::string file, time_point begin) : file_(std::move(file)), begin_(begin) {}

  /// \param title what the operation that begins is about; shown where it has resolved no name. Goes on after \ref stop.
  void begin(const std::string& title, time_point now);
  void event(const gantry::event& what, time_point now);
  void error(const error_report& report, time_point now);
  /// \p image is one of those that the run could not bring.
  void failed(const reference& image, time_point now);
  /// Something to know that no event tells.
  void warning(const std::string& text, time_point now) { remember(since(now), "warning", text); }
  /// What the command said of how it went.
  void remark(const std::string& text, time_point now) { remember(since(now), "note", text); }
  /// A mirror that may be asked, so that one that serves nothing is in the page, too. \param host `host[:port]`
  void mirror(const std::string& host);
  /// A line of the engine's log: that a mirror lacks something is in no event. Lines that are not about a mirror are of no use here.
  void log(const std::string& line);
  /// What was run, without secrets.
  void command(std::string text) { command_ = std::move(text); }
  /// The work is over: what is told from here on has this time, and so has the end of the page. Of several calls the last one counts.
  void stop(time_point now) { stopped_ = now; }
  /// The whole run is over. \param exit_status of the process
  void end(int exit_status) { exit_status_ = exit_status; }

  /// The data as JSON, with no `<` in it, so that it may stand in a page. \param about program and time in words
  std::string json(time_point now, const std::string& about) const;
  /// The whole page.
  std::string page(time_point now, const std::string& about) const;
  /// Writes the page; fails with exit_code::storage.
  outcome<> write(time_point now) const;

 private:
  struct point {
    std::uint64_t at = 0;  ///< milliseconds
    std::uint64_t done = 0;
    unsigned connections = 0;
    std::uint64_t sent = 0;
  };
  struct blob {
    std::string digest;
    blob_role role = blob_role::layer;
    std::uint64_t size = 0;
    std::uint64_t resumed = 0;
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    bool started = false;
    bool ended = false;
    bool reused = false;
    bool mounted = false;
    std::vector<point> points;
  };
  struct image_row {
    std::string reference;
    std::string digest;       ///< empty: was not resolved
    std::uint64_t asked = 0;  ///< milliseconds: the operation began
    std::uint64_t told = 0;   ///< milliseconds: it was resolved, or failed before
    bool failed = false;
  };
  struct span {
    std::uint64_t begin = 0, end = 0;  ///< milliseconds
  };
  struct retry {
    std::uint64_t at = 0;
    retry_scheduled what;
  };
  struct segment {
    std::size_t blob = 0;                            ///< index in \ref blobs_
    std::size_t host = 0;                            ///< index in \ref hosts_
    segment_finished what;                           ///< without digest and host
    std::uint64_t begun = 0, answered = 0, end = 0;  ///< milliseconds; answered is \ref end where nothing answered
  };
  struct decision {
    std::uint64_t at = 0;
    concurrency_changed what;
  };
  struct note {
    std::uint64_t at = 0;
    const char* kind = "";
    std::string text;
  };

  std::uint64_t since(time_point now) const;
  void remember(std::uint64_t at, const char* kind, const std::string& text);
  image_row& named(const reference& name, std::uint64_t at);
  void add(const blob_started& what, std::uint64_t at);
  void add(const blob_finished& what, std::uint64_t at);
  void add(const archive_progress& what, std::uint64_t at);
  blob& row(const gantry::digest& digest, std::uint64_t at);
  void add(const segment_finished& what, std::uint64_t at);
  std::size_t host(const std::string& name, bool mirror);
  std::vector<std::string> images_json() const;
  std::vector<std::string> blobs_json() const;
  std::vector<std::string> segments_json() const;
  std::vector<point> whole_rate() const;

  std::string file_;
  time_point begin_;
  std::optional<time_point> stopped_;
  std::vector<image_row> images_;
  std::map<std::string, std::size_t> image_rows_;  ///< by name
  std::vector<span> archives_;                     ///< when they were written
  bool writing_ = false;                           ///< the last of these, in this operation
  std::uint64_t begun_ = 0;                        ///< milliseconds: this operation
  std::vector<blob> blobs_;
  std::map<gantry::digest, std::size_t> rows_;
  std::vector<point> rate_;
  std::vector<retry> retries_;
  std::vector<segment> segments_;
  std::size_t segments_left_out_ = 0;
  std::vector<std::pair<std::string, bool>> hosts_;  ///< name, and whether it is a mirror
  std::set<std::string> lacking_;                    ///< mirrors that lack something
  std::vector<decision> decisions_;
  std::vector<note> notes_;
  std::string error_;
  std::string title_;
  std::string command_;
  int exit_status_ = 0;
  point before_;  ///< what the operations before this one have moved
};

}  // namespace gantry::app
