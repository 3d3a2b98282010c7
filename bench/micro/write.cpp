// Ways to bring a file to disk that arrives block by block: left to the system until the end, its writeback begun piece by piece, and with
// pages that go when they are written. Each ends with fdatasync, as a commit does.

#include "input.hpp"
#include "runtime/file.hpp"
#include "store/write_once.hpp"
#include "system.hpp"

#include <unistd.h>

#include <benchmark/benchmark.h>

#include <cstdint>

namespace gantry::bench {
namespace {

constexpr std::size_t block = 256 << 10;
constexpr std::size_t piece = 4 << 20;
constexpr std::size_t total = 256 << 20;

enum class way { late, early, once };

void write_file(benchmark::State& state, way how) {
  const auto input = noise(block);
  for (auto _ : state) {
    const auto opened = runtime::file::open_unnamed("/var/tmp");
    must(static_cast<bool>(opened), "open");
    const runtime::file& file = *opened;
    for (std::size_t done = 0; done < total; done += block) {
      const auto written = how == way::once ? store::write_once(file, done, input.view()) : file.write_at(done, input.view());
      must(static_cast<bool>(written), "write");
      if (how == way::early && (done + block) % piece == 0) file.start_writeback(done + block - piece, piece);
    }
    must(::fdatasync(file.descriptor()) == 0, "fdatasync");
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(total));
}

void write_late(benchmark::State& state) { write_file(state, way::late); }
void write_with_early_writeback(benchmark::State& state) { write_file(state, way::early); }
void write_once_and_forget(benchmark::State& state) { write_file(state, way::once); }
BENCHMARK(write_late)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(write_with_early_writeback)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(write_once_and_forget)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace gantry::bench
