#include "bench_report.hpp"

#include "json_line.hpp"

#include <gantry/format.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace gantry::app {
namespace {

std::string jobs_text(unsigned jobs) { return jobs == 0 ? "auto" : std::to_string(jobs); }

std::uint64_t whole_rate(const bench_run& run) { return static_cast<std::uint64_t>(std::llround(run.rate())); }

std::string remark(const bench_run& run) {
  if (run.ec) return run.error;
  std::string text = run.complete ? "" : "its time was over";
  if (run.retries != 0) text += fmt::format("{}{} retries", text.empty() ? "" : ", ", run.retries);
  return text;
}

/// In the words of recommend_jobs.
std::string why_recommended(const bench_result& measured) {
  double best = 0, chosen = 0;
  bool automatic = false;
  for (const bench_run& run : measured.runs) {
    best = std::max(best, run.rate());
    if (run.jobs == *measured.recommended) chosen = std::max(chosen, run.rate());
    automatic = automatic || run.jobs == 0;
  }
  if (*measured.recommended != 0) return fmt::format("the fewest within 10 % of the best{}", automatic ? "; auto did not reach that" : "");
  if (chosen >= best) return "which was the best";
  return fmt::format("which reached {:.0f} % of the best", std::floor(100.0 * chosen / best));
}

}  // namespace

std::string bench_table(const bench_result& measured) {
  std::string text = fmt::format("{}, {}\n{:>4}  {:>12}  {:>10}  {:>10}\n", measured.reference.string(), format_bytes(measured.image_bytes),
                                 "-j", "per second", "received", "time");
  for (const bench_run& run : measured.runs) {
    std::string line = fmt::format("{:>4}  {:>12}  {:>10}  {:>8.2f} s  {}", jobs_text(run.jobs), format_bytes(whole_rate(run)),
                                   format_bytes(run.bytes), static_cast<double>(run.elapsed.count()) / 1e6, remark(run));
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  if (measured.recommended) text += fmt::format("recommended: -j {}, {}\n", jobs_text(*measured.recommended), why_recommended(measured));
  return text;
}

std::string bench_json(const bench_result& measured) {
  std::vector<std::string> runs;
  const auto add_jobs = [](json_object& to, std::string_view key, unsigned jobs) {
    if (jobs == 0) {
      to.add(key, "auto");
    } else {
      to.add(key, std::uint64_t{jobs});
    }
  };
  for (const bench_run& run : measured.runs) {
    json_object object;
    add_jobs(object, "jobs", run.jobs);
    object.add("bytes_per_second", whole_rate(run)).add("bytes", run.bytes);
    object.add("elapsed_us", static_cast<std::uint64_t>(run.elapsed.count())).add("complete", run.complete);
    object.add("connections", std::uint64_t{run.connections}).add("retries", std::uint64_t{run.retries});
    if (run.ec) {
      object.add("error", run.error);
    } else {
      object.add_raw("error", "null");
    }
    runs.push_back(object.string());
  }
  json_object whole;
  whole.add("version", std::uint64_t{1}).add("name", measured.reference.string()).add("image_bytes", measured.image_bytes);
  whole.add_raw("runs", json_array(runs));
  if (measured.recommended) {
    add_jobs(whole, "recommended", *measured.recommended);
  } else {
    whole.add_raw("recommended", "null");
  }
  return whole.string() + "\n";
}

}  // namespace gantry::app
