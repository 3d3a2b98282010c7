#include "json_line.hpp"
#include "progress/json_events.hpp"
#include "progress/terminal.hpp"

#include <gantry/engine.hpp>

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace gantry::app {
namespace {

class json_renderer final : public renderer {
 public:
  explicit json_renderer(int descriptor) : descriptor_(descriptor) {
    print(json_object().add("type", "gantry").add("version", std::uint64_t{json_progress_version}).add("program", version()).string());
  }
  void begin(const std::string&) override {}
  void event(const gantry::event& what) override { print(json_event(what)); }
  void message(severity level, const std::string& text) override { print(json_message(level, text)); }
  void error(const error_report& report) override { print(json_error(report)); }
  void summary(const run_summary& totals) override { print(json_summary(totals)); }
  void uploads(const upload_totals& totals, const std::string&) override { print(json_summary(totals)); }
  transition_lines transitions() const override { return transition_lines::never; }

 private:
  /// \param line an object that has members
  void print(std::string line) {
    const auto at = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin_);
    line.pop_back();
    write_all(descriptor_, line + fmt::format(",\"at_ms\":{}}}\n", at.count()));
  }
  int descriptor_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace

std::unique_ptr<renderer> make_json_renderer(int descriptor) { return std::make_unique<json_renderer>(descriptor); }

}  // namespace gantry::app
