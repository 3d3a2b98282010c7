#include "shard_words.hpp"

#include <fmt/format.h>

#include <charconv>

namespace gantry::app {
namespace {

constexpr unsigned most_shards = 10'000;

std::optional<unsigned> whole_number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

/// The part that number \p index, counted from \p first, of \p count is.
outcome<std::optional<shard_choice>> part_of(const environment& variables, const char* index, const char* count, unsigned first) {
  const std::string number = variables(index);
  if (number.empty()) return std::optional<shard_choice>();
  const std::string total = variables(count);
  if (total.empty()) {
    return usage_problem(fmt::format("{} is set and {} is not: which part of the list is meant?", index, count),
                         "set both, or say --shard K/N; --shard 1/1 is the whole list");
  }
  const auto k = whole_number(number);
  const auto n = whole_number(total);
  if (!k || !n || *n == 0 || *n > most_shards || *k < first || *k - first >= *n) {
    return usage_problem(fmt::format("{}={} and {}={} do not name a part of a list", index, number, count, total), "say --shard K/N");
  }
  return std::optional(shard_choice{{*k - first + 1, *n}, index});
}

}  // namespace

outcome<sync_shard> parse_shard(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto k = whole_number(text.substr(0, slash));
  const auto n = slash == std::string_view::npos ? std::nullopt : whole_number(text.substr(slash + 1));
  if (!k || !n || *k == 0 || *k > *n || *n > most_shards) {
    return usage_problem(fmt::format("--shard takes K/N, part K of N with K from 1 to N and N up to {}, not '{}'", most_shards, text));
  }
  return sync_shard{*k, *n};
}

outcome<std::optional<shard_choice>> shard_of_environment(const environment& variables) {
  auto kubernetes = part_of(variables, "JOB_COMPLETION_INDEX", "JOB_COMPLETIONS", 0);
  if (!kubernetes || *kubernetes) return kubernetes;
  const auto first = whole_number(variables("SLURM_ARRAY_TASK_MIN"));
  return part_of(variables, "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", first.value_or(0));
}

}  // namespace gantry::app
