#include "runtime/buffer_pool.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <benchmark/benchmark.h>

#include <exception>

namespace gantry::bench {
namespace {

constexpr int turns = 1000;

runtime::task<> borrow(runtime::buffer_pool& pool, std::size_t count, runtime::stop_source& stop) {
  for (int i = 0; i < turns; ++i) {
    std::vector<runtime::buffer_pool::buffer> taken = co_await pool.acquire(count, stop);
    benchmark::DoNotOptimize(taken.data());
  }
}

/// Two buffers taken and given back, by as many coroutines as the argument says.
void take_and_give(benchmark::State& state) {
  for (auto _ : state) {
    boost::asio::io_context context(1);
    runtime::buffer_pool pool(context.get_executor());
    runtime::stop_source stop;
    for (std::int64_t i = 0; i < state.range(0); ++i) {
      boost::asio::co_spawn(context, borrow(pool, 2, stop), [](const std::exception_ptr& error) {
        if (error) std::rethrow_exception(error);
      });
    }
    context.run();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0) * turns);
}
BENCHMARK(take_and_give)->Arg(1)->Arg(16)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace gantry::bench
