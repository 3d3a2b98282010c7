#include "json_line.hpp"
#include "progress/json_events.hpp"
#include "progress/terminal.hpp"

#include <gantry/engine.hpp>

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <variant>

namespace gantry::app {
namespace {

class json_renderer final : public renderer {
 public:
  explicit json_renderer(int descriptor) : descriptor_(descriptor) {
    print(json_object().add("type", "gantry").add("version", std::uint64_t{json_progress_version}).add("program", version()).string());
  }
  void begin(const std::string&) override { earlier_.merge(told_); }
  void event(const gantry::event& what) override {
    std::string line = json_event(what);
    if (is_news(what, line)) print(std::move(line));
  }
  void message(severity level, const std::string& text) override { print(json_message(level, text)); }
  void error(const error_report& report) override { print(json_error(report)); }
  void summary(const run_summary& totals) override { print(json_summary(totals)); }
  void file_summary(const run_summary& totals, const std::string&) override { summary(totals); }
  void uploads(const upload_totals& totals, const std::string&) override { print(json_summary(totals)); }
  transition_lines transitions() const override { return transition_lines::never; }

 private:
  /// An operation that goes through images of one before it finds their blobs there, which is no end of a blob's way. In one operation
  /// nothing is left out: of several uploads of a blob each has its end.
  bool is_news(const gantry::event& what, const std::string& line) {
    const auto* const finished = std::get_if<blob_finished>(&what);
    if (finished == nullptr && !std::holds_alternative<image_resolved>(what)) return true;
    const std::string& about = finished != nullptr ? finished->digest.string() : line;
    told_.insert(about);
    return !earlier_.contains(about) || (finished != nullptr && (!finished->reused || finished->mounted));
  }
  /// \param line an object that has members
  void print(std::string line) {
    const auto at = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin_);
    line.pop_back();
    write_all(descriptor_, line + fmt::format(",\"at_ms\":{}}}\n", at.count()));
  }
  int descriptor_;
  std::set<std::string> told_, earlier_;  ///< images and blobs, of this operation and of those before
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace

std::unique_ptr<renderer> make_json_renderer(int descriptor) { return std::make_unique<json_renderer>(descriptor); }

}  // namespace gantry::app
