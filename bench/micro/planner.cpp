#include "transfer/planner.hpp"

#include <benchmark/benchmark.h>

namespace gantry::bench {
namespace {

using transfer::planner;

/// One segment from being asked for to its end, with as many blobs open as the argument says and 16 connections.
void next_segment(benchmark::State& state) {
  constexpr unsigned connections = 16;
  constexpr std::uint64_t size = std::uint64_t{1} << 50;  // no end in sight
  const auto blobs = static_cast<std::size_t>(state.range(0));
  planner::settings values;
  values.connections = connections;
  values.out_of_order = size;
  planner plan(values);
  planner::time_point now{};
  for (std::size_t i = 0; i < blobs; ++i) {
    const auto blob = plan.add(size);
    plan.open(blob, {});
  }
  std::vector<transfer::assignment> running;
  const auto start = [&] {
    const auto given = plan.next(now);
    if (!given) return false;
    plan.header(given->stream, now, transfer::range_support::yes, given->range.offset);
    running.push_back(*given);
    return true;
  };
  while (running.size() < connections && start()) {
  }
  std::size_t turn = 0;
  for (auto _ : state) {
    now += std::chrono::milliseconds(5);
    const auto given = running[turn % running.size()];
    for (const auto& part : plan.received(given.stream, now, plan.remaining(given.stream))) plan.written(given.blob, part);
    plan.ended(given.stream);
    const auto next = plan.next(now, given.blob);
    if (!next) {
      state.SkipWithError("the planner has nothing to do");
      break;
    }
    plan.header(next->stream, now, transfer::range_support::yes, next->range.offset);
    running[turn % running.size()] = *next;
    ++turn;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(next_segment)->Arg(1)->Arg(60)->Arg(1000);

/// What each 256 KiB received costs.
void received_buffer(benchmark::State& state) {
  constexpr std::uint64_t size = std::uint64_t{1} << 50;
  constexpr std::uint64_t buffer = std::uint64_t{256} << 10;
  planner::settings values;
  values.first_chunk = size;
  values.largest_chunk = size;
  planner plan(values);
  planner::time_point now{};
  const auto blob = plan.add(size);
  plan.open(blob, {});
  const auto given = plan.next(now);
  if (!given) {
    state.SkipWithError("the planner has nothing to do");
    return;
  }
  plan.header(given->stream, now, transfer::range_support::yes, 0);
  for (auto _ : state) {
    now += std::chrono::milliseconds(1);
    for (const auto& part : plan.received(given->stream, now, buffer)) plan.written(blob, part);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(received_buffer);

}  // namespace
}  // namespace gantry::bench
