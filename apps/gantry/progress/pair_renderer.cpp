#include "progress/renderer.hpp"

#include <utility>

namespace gantry::app {
namespace {

class pair_renderer final : public renderer {
 public:
  pair_renderer(std::unique_ptr<renderer> shown, std::unique_ptr<renderer> told) : shown_(std::move(shown)), told_(std::move(told)) {}

  void begin(const std::string& title) override {
    shown_->begin(title);
    told_->begin(title);
  }
  void event(const gantry::event& what) override {
    shown_->event(what);
    told_->event(what);
  }
  void measures(const std::string& what) override {
    shown_->measures(what);
    told_->measures(what);
  }
  void message(severity level, const std::string& text) override {
    shown_->message(level, text);
    told_->message(level, text);
  }
  void error(const error_report& report) override {
    shown_->error(report);
    told_->error(report);
  }
  void summary(const run_summary& totals) override {
    shown_->summary(totals);
    told_->summary(totals);
  }
  void file_summary(const run_summary& totals, const std::string& words) override {
    shown_->file_summary(totals, words);
    told_->file_summary(totals, words);
  }
  void uploads(const upload_totals& totals, const std::string& words) override {
    shown_->uploads(totals, words);
    told_->uploads(totals, words);
  }
  void tick() override { shown_->tick(); }
  std::chrono::milliseconds interval() const override { return shown_->interval(); }
  transition_lines transitions() const override { return shown_->transitions(); }
  void rest() override { shown_->rest(); }

 private:
  std::unique_ptr<renderer> shown_;
  std::unique_ptr<renderer> told_;
};

}  // namespace

std::unique_ptr<renderer> make_pair_renderer(std::unique_ptr<renderer> shown, std::unique_ptr<renderer> told) {
  return std::make_unique<pair_renderer>(std::move(shown), std::move(told));
}

}  // namespace gantry::app
