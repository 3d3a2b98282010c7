#pragma once

#include "console.hpp"
#include "pull_plan.hpp"
#include "results.hpp"
#include "session.hpp"

#include <gantry/engine.hpp>

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gantry::app {

/// Carries out the steps of a pull_plan, one after the other; a step that fails does not stop those after it.
class puller {
 public:
  /// \param arguments must outlive the puller
  puller(engine& engine, session& session, console& output, const pull_arguments& arguments)
      : engine_(engine), session_(session), console_(output), arguments_(arguments), format_(arguments.format) {}

  void run(const pull_step& step);

  const std::vector<image_output>& outputs() const noexcept { return outputs_; }
  /// What failed, in order.
  const std::vector<failed_output>& failures() const noexcept { return failures_; }
  const run_summary& summary() const noexcept { return summary_; }
  /// 0, the failure of the only one that ran, or 6 when others succeeded.
  int exit_status() const noexcept;

 private:
  using archive_target = decltype(pull_options::output);

  pull_answer pull(const std::vector<reference>& images, const pull_step& step, archive_target target);
  std::optional<std::vector<reference>> settle_names(const pull_step& step);
  /// Brings images into the store one by one; what fails is told. \returns those that are there
  std::vector<reference> bring_singly(const std::vector<reference>& images, const pull_step& step);
  bool fall_back(const error_code& ec, const image_request& request);
  void run_together(const pull_step& step);
  void run_single(const pull_step& step);
  void run_loader(const pull_step& step);
  std::string name_of(const reference& image, const std::vector<platform>& platforms, const pull_step& step) const;
  void export_each(const pull_step& step, const pull_result& held);
  std::string settle_path(const pull_step& step, const reference& pulled, const std::string& path, const pull_result& result);
  void add_totals(const pull_result& result);
  void add_outputs(const pull_result& result, const std::string& path);
  void fail(const pull_answer& answer, const std::string& object, bool kept = true);
  /// The same for an operation that was about \p image alone.
  void fail(const pull_answer& answer, const reference& image, bool kept = true);
  void fail(const problem& what);

  engine& engine_;
  session& session_;
  console& console_;
  const pull_arguments& arguments_;
  archive_format format_;
  std::vector<image_output> outputs_;
  std::vector<failed_output> failures_;
  run_summary summary_;
  std::set<std::string> counted_;  ///< names of images in it; an image is one, for however many platforms it came
  int failure_ = 0;
  bool succeeded_ = false;
};

}  // namespace gantry::app
