#include "progress/frame.hpp"
#include "progress/renderer.hpp"
#include "progress/terminal.hpp"
#include "progress/text.hpp"

#include <gantry/format.hpp>

#include <fmt/format.h>

#include <cstddef>

namespace gantry::app {
namespace {

using std::chrono::milliseconds;

class silent_renderer : public renderer {
 public:
  explicit silent_renderer(int descriptor) : color_(wants_color(descriptor)), descriptor_(descriptor) {}
  void begin(const std::string&) override {}
  void event(const gantry::event&) override {}
  void message(severity level, const std::string& text) override { print(message_text(level, text, color_, width())); }
  void error(const error_report& report) override { print(error_text(report, color_, width())); }
  void summary(const run_summary& totals) override { print(wrap_lines(summary_text(totals), width())); }
  transition_lines transitions() const override { return transition_lines::unwanted; }

 protected:
  // Nobody is left to be told when standard error is closed.
  virtual void print(const std::string& text) { write_all(descriptor_, text); }
  /// Of the lines that are printed, asked anew for each.
  std::size_t width() const { return known_columns(descriptor_); }

  const bool color_;

 private:
  int descriptor_;
};

/// Whether a status line says that everything is there.
bool is_whole(const progress_state& state) {
  if (state.archive().total > 0) return state.archive().done >= state.archive().total;
  return state.planned() && state.bytes_done() == state.bytes();
}

class plain_renderer final : public silent_renderer {
 public:
  using silent_renderer::silent_renderer;
  void begin(const std::string& title) override {
    state_.begin(title);
    told_part_ = false;
    last_ = progress_clock::now();
  }
  void measures(const std::string& what) override { state_.measure(what); }
  void event(const gantry::event& what) override {
    const bool archive_before = state_.archive().total > 0;
    state_.apply(what, progress_clock::now());
    if (!archive_before && state_.archive().total > 0) {
      // How much of it is written is told when that takes a while.
      last_ = progress_clock::now();
      told_part_ = false;
      message(severity::note, fmt::format("writing the archive, {}", format_bytes(state_.archive().total)));
    } else if (told_part_ && is_whole(state_)) {
      // Whoever was told of a part is told of the whole: the last line of a run that went well must not say that something is missing.
      report();
    }
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
    if (text.empty()) return;
    told_part_ = !is_whole(state_);
    message(severity::note, text);
  }

  progress_state state_;
  bool told_part_ = false;  ///< the last status line spoke of a part
  progress_clock::time_point last_{};
};

class bar_renderer final : public silent_renderer {
 public:
  explicit bar_renderer(int descriptor) : silent_renderer(descriptor), descriptor_(descriptor), block_(descriptor) {
    unicode_ = locale_is_utf8();
  }
  void begin(const std::string& title) override { state_.begin(title); }
  void event(const gantry::event& what) override { state_.apply(what, progress_clock::now()); }
  void measures(const std::string& what) override { state_.measure(what); }
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
  bool unicode_ = true;
  progress_state state_;
};

}  // namespace

std::unique_ptr<renderer> make_bar_renderer(int descriptor) { return std::make_unique<bar_renderer>(descriptor); }
std::unique_ptr<renderer> make_plain_renderer(int descriptor) { return std::make_unique<plain_renderer>(descriptor); }
std::unique_ptr<renderer> make_silent_renderer(int descriptor) { return std::make_unique<silent_renderer>(descriptor); }

}  // namespace gantry::app
