#include "input.hpp"
#include "model/digester.hpp"
#include "store/journal.hpp"

#include <benchmark/benchmark.h>

namespace gantry::bench {
namespace {

void hash(benchmark::State& state, digest_algorithm algorithm) {
  const auto input = noise(static_cast<std::size_t>(state.range(0)));
  model::digester digester(algorithm);
  for (auto _ : state) digester.update(input.view());
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(hash, sha256, digest_algorithm::sha256)->Arg(256 << 10);
BENCHMARK_CAPTURE(hash, sha512, digest_algorithm::sha512)->Arg(256 << 10);

/// Whole documents: manifests and configs.
void digest_of_document(benchmark::State& state) {
  const auto input = noise(static_cast<std::size_t>(state.range(0)));
  const std::string_view document(reinterpret_cast<const char*>(input.view().data()), input.view().size());
  for (auto _ : state) benchmark::DoNotOptimize(model::digest_of(document));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(digest_of_document)->Arg(1 << 10)->Arg(64 << 10);

void piece_checksum(benchmark::State& state) {
  const auto input = noise(static_cast<std::size_t>(state.range(0)));
  store::piece_hasher hasher;
  for (auto _ : state) hasher.update(input.view());
  benchmark::DoNotOptimize(hasher.value());
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(piece_checksum)->Arg(256 << 10);

}  // namespace
}  // namespace gantry::bench
