#include "input.hpp"
#include "model/digester.hpp"
#include "store/journal.hpp"

#include <benchmark/benchmark.h>

namespace gantry::bench {
namespace {

void hash(benchmark::State& state, digest_algorithm algorithm, model::digester::method how = model::digester::method::best) {
  const auto input = noise(static_cast<std::size_t>(state.range(0)));
  model::digester digester(algorithm, how);
  for (auto _ : state) digester.update(input.view());
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(hash, sha256, digest_algorithm::sha256)->Arg(256 << 10);
BENCHMARK_CAPTURE(hash, sha256_openssl, digest_algorithm::sha256, model::digester::method::openssl)->Arg(256 << 10);
BENCHMARK_CAPTURE(hash, sha512, digest_algorithm::sha512)->Arg(256 << 10);

/// Two streams at once; the rate is that of both together.
void hash_pair(benchmark::State& state) {
  const auto one = noise(static_cast<std::size_t>(state.range(0)));
  const auto other = noise(static_cast<std::size_t>(state.range(0)));
  model::digester a(digest_algorithm::sha256);
  model::digester b(digest_algorithm::sha256);
  for (auto _ : state) model::digester::update_pair(a, one.view(), b, other.view());
  state.SetBytesProcessed(2 * state.iterations() * state.range(0));
}
BENCHMARK(hash_pair)->Arg(256 << 10);

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
