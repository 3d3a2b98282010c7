#include "json_line.hpp"
#include "progress/json_events.hpp"
#include "progress/terminal.hpp"

#include <gantry/engine.hpp>

#include <cstdint>

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
  void print(const std::string& line) { write_all(descriptor_, line + "\n"); }
  int descriptor_;
};

}  // namespace

std::unique_ptr<renderer> make_json_renderer(int descriptor) { return std::make_unique<json_renderer>(descriptor); }

}  // namespace gantry::app
