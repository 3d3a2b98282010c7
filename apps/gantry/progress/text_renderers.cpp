#include "progress/frame.hpp"
#include "progress/renderer.hpp"
#include "progress/terminal.hpp"
#include "progress/text.hpp"

#include <cstdlib>

namespace gantry::app {
namespace {

using std::chrono::milliseconds;

class silent_renderer : public renderer {
 public:
  explicit silent_renderer(int descriptor) : descriptor_(descriptor) {}
  void begin(const std::string&) override {}
  void event(const gantry::event&) override {}
  void message(severity level, const std::string& text) override { print(message_text(level, text)); }
  void error(const error_report& report) override { print(error_text(report)); }
  void summary(const run_summary& totals) override { print(summary_text(totals)); }
  transition_lines transitions() const override { return transition_lines::unwanted; }

 protected:
  // Nobody is left to be told when standard error is closed.
  virtual void print(const std::string& text) { write_all(descriptor_, text); }

 private:
  int descriptor_;
};

class plain_renderer final : public silent_renderer {
 public:
  using silent_renderer::silent_renderer;
  void begin(const std::string& title) override {
    state_.begin(title);
    last_ = progress_clock::now();
  }
  void event(const gantry::event& what) override {
    const bool archive_before = state_.archive().total > 0;
    state_.apply(what, progress_clock::now());
    if (!archive_before && state_.archive().total > 0) report();
  }
  void tick() override {
    if (progress_clock::now() - last_ >= period) report();
  }
  milliseconds interval() const override { return milliseconds(1000); }
  transition_lines transitions() const override { return transition_lines::wanted; }

 private:
  static constexpr milliseconds period{5000};

  void report() {
    last_ = progress_clock::now();
    const std::string text = status_text(state_, last_);
    if (!text.empty()) print(message_text(severity::note, text));
  }

  progress_state state_;
  progress_clock::time_point last_{};
};

class bar_renderer final : public silent_renderer {
 public:
  explicit bar_renderer(int descriptor) : silent_renderer(descriptor), descriptor_(descriptor), block_(descriptor) {
    const char* no_color = std::getenv("NO_COLOR");
    color_ = no_color == nullptr || *no_color == '\0';
    unicode_ = locale_is_utf8();
  }
  void begin(const std::string& title) override { state_.begin(title); }
  void event(const gantry::event& what) override { state_.apply(what, progress_clock::now()); }
  void tick() override {
    const terminal_size size = size_of_terminal(descriptor_);
    block_.show(render_frame(state_, progress_clock::now(), {size.width, size.height, color_, unicode_}), size.width);
  }
  milliseconds interval() const override { return milliseconds(100); }
  void rest() override { block_.clear(); }

 protected:
  void print(const std::string& text) override { block_.clear(text); }

 private:
  int descriptor_;
  live_block block_;
  bool color_ = true;
  bool unicode_ = true;
  progress_state state_;
};

}  // namespace

std::unique_ptr<renderer> make_bar_renderer(int descriptor) { return std::make_unique<bar_renderer>(descriptor); }
std::unique_ptr<renderer> make_plain_renderer(int descriptor) { return std::make_unique<plain_renderer>(descriptor); }
std::unique_ptr<renderer> make_silent_renderer(int descriptor) { return std::make_unique<silent_renderer>(descriptor); }

}  // namespace gantry::app
